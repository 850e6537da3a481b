package workload

import (
	"bytes"

	"millrace/bench/load/dialect"
	"millrace/bench/load/socket"
)

// variants are encoded for a connection at least, so that calls differ.
const variants = 16

// enough variants are there for all connections together: with many connections, what each has must stay in the cache.
const enough = 512

// unary: calls, each followed by the next as soon as it is answered.
func unary(r *Run) Result {
	callers := r.callers(min(variants, max(2, enough/r.Connections)))
	phase(r, callers, r.WarmUp)
	stop := r.start()
	for _, c := range callers {
		c.measure()
	}
	phase(r, callers, r.Time)
	return stop(answered(callers))
}

// callers opens a connection for each.
func (r *Run) callers(variants int) []*caller {
	method := "echo"
	if r.Binary > 0 {
		method = "bytes"
	}
	callers := make([]*caller, r.Connections)
	r.openAll(r.Connections, func(i int) *alone {
		c := &caller{run: r, checking: true}
		c.conn, c.dialect = r.connect(c, opening(method))
		callers[i] = c
		return &c.alone
	})
	for i, c := range callers {
		c.prepare(method, r.values(i, max(variants, 2*r.InFlight)*r.PerFrame))
	}
	return callers
}

// values are what the connection with this number sends.
func (r *Run) values(connection, count int) []dialect.Value {
	values := make([]dialect.Value, count)
	for i := range values {
		switch {
		case r.Binary > 0:
			values[i] = dialect.Blob(r.Binary, connection*count+i)
		case r.Text > 0:
			values[i] = dialect.Message(connection*count+i, r.Text)
		default:
			values[i] = dialect.Message(connection*count+i, 16)
		}
	}
	return values
}

func answered(callers []*caller) (sum int) {
	for _, c := range callers {
		sum += c.answered
	}
	return sum
}

// caller makes the calls of one connection.
type caller struct {
	alone
	run      *Run
	conn     *socket.Conn
	dialect  dialect.Dialect
	batch    *batch
	pending  pending
	id       uint32 // of the next call
	owed     int    // answers that were not followed by a call yet
	answered int
	stopping bool
	checking bool // answers are compared, not only measured
}

func (c *caller) prepare(method string, values []dialect.Value) {
	c.batch = newBatch(c.dialect, c.dialect.Calls(method, values, c.run.PerFrame))
	c.pending = newPending(c.run.InFlight * c.run.PerFrame)
	c.id = c.firstID
}

// measure counts from now on.
func (c *caller) measure() {
	c.checking = false
	c.answered = 0
}

func (c *caller) fill() {
	c.owed = 0
	c.send(c.run.InFlight)
}

func (c *caller) waits() bool { return c.pending.count > 0 }

func (c *caller) stop(stopping bool) { c.stopping = stopping }

func (c *caller) send(frames int) {
	now := socket.Clock()
	bytes, first := c.batch.take(frames, c.id)
	for i := range frames * c.run.PerFrame {
		c.pending.add(c.id, first+i, now)
		c.id++
	}
	c.conn.Write(bytes)
}

func (c *caller) Answer(id uint32, value []byte) {
	call := c.pending.settle(id)
	expected := c.batch.expected[call.variant]
	if len(value) != len(expected) || c.checking && !bytes.Equal(value, expected) {
		socket.Fail("a wrong answer to call %d: %d bytes, %.80q", id, len(value), value)
	}
	if c.run.latency != nil {
		c.run.latency.Add(c.run.loop.Now - call.sentAt)
	}
	c.answered++
	c.owed++
}

func (c *caller) Turn() {
	if c.stopping || c.owed < c.run.PerFrame {
		return
	}
	frames := c.owed / c.run.PerFrame
	c.owed -= frames * c.run.PerFrame
	c.send(frames)
}
