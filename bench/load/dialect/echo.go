package dialect

import (
	"encoding/binary"

	"millrace/bench/load/socket"
)

// echo is the bare socket: Millrace's frames come back as they were sent.
type echo struct {
	Base
	pieces
	size, payload int // of a call, and of its value
	streaming     bool
	ended         bool // the upload is
}

// itemOfEcho is what contenders/echo.ts sends for an item. One byte says that a stream is over or a piece has come.
var itemOfEcho = []byte("...................................")

func newEcho(base Base) Dialect { return &echo{Base: base} }

func (e *echo) Open(string) { e.Ready(1) }

func (e *echo) Calls(_ string, values []Value, perFrame int) Calls {
	payloads := each(values, MessagePack)
	parts := callsOf(payloads, 0)
	e.size, e.payload = len(parts[0].Bytes), len(payloads[0])
	return Calls{Join(socket.Binary, parts, perFrame, "", "", ""), payloads}
}

func (e *echo) Patch(frame []byte, at int, id uint32) { patchCall(frame, at, id) }

func (e *echo) Frame(_ byte, payload []byte) {
	switch {
	case len(payload) == 1 && e.streaming:
		e.streaming = false
		e.Listener.End()
	case len(payload) == 1:
		e.acknowledge()
		e.finish()
	case e.streaming:
		e.Listener.Item(payload)
	default:
		e.answers(payload)
	}
}

func (e *echo) answers(payload []byte) {
	if e.size == 0 || len(payload)%e.size != 0 {
		Unexpected(payload)
	}
	for ; len(payload) > 0; payload = payload[e.size:] {
		e.Answer(binary.BigEndian.Uint32(payload[callID:]), payload[e.size-e.payload:e.size])
	}
}

func (e *echo) Stream(_ uint32, r Range) {
	e.streaming = true
	e.Send(socket.Binary, binary.BigEndian.AppendUint32(nil, uint32(r.Count)))
}

func (e *echo) Item(Value) []byte { return itemOfEcho }

func (e *echo) StartUpload(id uint32, piece []byte) {
	e.ended = false
	e.start(&e.Base, id, socket.Binary, piece, len(piece))
}

func (e *echo) EndUpload() {
	e.ended = true
	e.finish()
}

// finish answers in the server's place, which knows no end: when it has acknowledged every piece.
func (e *echo) finish() {
	if e.ended && e.acknowledged == e.count {
		e.ended = false
		e.Answer(e.id, nil)
	}
}

func (e *echo) Uploaded([]byte) int { return -1 }
