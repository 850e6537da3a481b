package dialect

import (
	"fmt"

	"millrace/bench/load/socket"
)

// socketIO is Socket.IO's protocol 5 on Engine.IO's 4, on a WebSocket from the start. A call is an event that asks to be
// acknowledged; bytes follow in a frame of their own.
type socketIO struct {
	Base
	subscribe  bool
	attachment uint32 // of which acknowledgement the next frame of bytes is
}

func newSocketIO(base Base) Dialect { return &socketIO{Base: base} }

// Open waits for what the server says first.
func (s *socketIO) Open(string) {}

func (s *socketIO) Subscribe() { s.subscribe = true }

func (s *socketIO) Calls(method string, values []Value, perFrame int) Calls {
	if values[0].Bytes == nil {
		texts := Texts(values)
		return Calls{InARow(parts(texts, "42", zeros, `["`+method+`",`, "]"), perFrame, TextFrame), texts}
	}
	blobs := each(values, func(v Value) []byte { return v.Bytes })
	placeholder := []byte(`["` + method + `",{"_placeholder":true,"num":0}]`)
	encoded := each(values, func(Value) []byte { return placeholder })
	next := 0
	withBytes := func(part Part) Part {
		framed := TextFrame(part)
		framed.Bytes = append(framed.Bytes, socket.Frame(socket.Binary, blobs[next])...)
		next++
		return framed
	}
	return Calls{InARow(parts(encoded, "451-", zeros, "", ""), perFrame, withBytes), blobs}
}

func (s *socketIO) Publications(values []Value) Calls { return s.Calls("publish", values, 1) }

func (s *socketIO) Patch(frame []byte, at int, id uint32) { PatchDecimal(frame, at, id, '0') }

func (s *socketIO) Frame(opcode byte, payload []byte) {
	switch {
	case opcode == socket.Binary:
		s.Answer(s.attachment, payload)
	case begins(payload, 0, "43"):
		s.acknowledged(payload)
	case begins(payload, 0, `42["item",`):
		s.Listener.Item(between(payload, 0, `42["item",`, "]"))
	case begins(payload, 0, `42["news",`):
		s.Listener.Item(between(payload, 0, `42["news",`, "]"))
	case begins(payload, 0, "461-"):
		id, end := Decimal(payload, len("461-"))
		between(payload, end, `[{"_placeholder":true,"num":0}]`, "")
		s.attachment = id
	default:
		s.greet(payload)
	}
}

func (s *socketIO) acknowledged(payload []byte) {
	id, end := Decimal(payload, len("43"))
	value := between(payload, end, "[", "]")
	switch {
	case id == 0:
		s.Ready(1) // the subscription
	case len(value) == 0:
		s.Listener.End()
	default:
		s.Answer(id, value)
	}
}

// greet has everything that is not about calls.
func (s *socketIO) greet(payload []byte) {
	switch {
	case begins(payload, 0, "0{"):
		s.SendText("40") // to the main namespace
	case begins(payload, 0, "40{") && s.subscribe:
		s.SendText(`420["subscribe"]`)
	case begins(payload, 0, "40{"):
		s.Ready(1)
	case string(payload) == "2":
		s.SendText("3") // a ping
	default:
		Unexpected(payload)
	}
}

func (s *socketIO) Stream(id uint32, r Range) {
	s.SendText(fmt.Sprintf(`42%d["items",%s]`, id, JSONRange(r)))
}

func (s *socketIO) Item(v Value) []byte { return JSON(v) }
