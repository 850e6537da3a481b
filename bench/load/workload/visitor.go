package workload

import (
	"bytes"

	"millrace/bench/load/dialect"
	"millrace/bench/load/socket"
)

// visitor opens a connection, makes a first call, and is done when it is answered.
type visitor struct {
	alone
	run      *Run
	conn     *socket.Conn
	dialect  dialect.Dialect
	expected []byte // nil while no call is on its way
	served   bool
	done     func(*visitor)
	lost     func(*visitor, error)
}

func (r *Run) visit(done func(*visitor)) *visitor {
	v := &visitor{run: r, done: done}
	v.enter()
	return v
}

// enter connects, also once more after leave.
func (v *visitor) enter() { v.conn, v.dialect = v.run.connect(v, opening("echo")) }

func (v *visitor) Ready(firstID uint32) {
	if v.run.language.Bare || firstID > 1 { // Open has made a first call by itself
		v.done(v)
		return
	}
	calls := v.dialect.Calls("echo", []dialect.Value{dialect.Message(0, 16)}, 1)
	frame := calls.Frames[0]
	v.dialect.Patch(frame.Bytes, frame.IDs[0], firstID)
	v.expected = calls.Expected[0]
	v.conn.Write(frame.Bytes)
}

func (v *visitor) Answer(id uint32, value []byte) {
	if !bytes.Equal(value, v.expected) {
		socket.Fail("a wrong first answer: %.80q", value)
	}
	v.expected = nil
	v.done(v)
}

func (v *visitor) Lost(reason error) {
	if v.lost == nil {
		v.alone.Lost(reason)
	} else {
		v.lost(v, reason)
	}
}
