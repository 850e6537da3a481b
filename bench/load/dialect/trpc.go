package dialect

import (
	"fmt"

	"millrace/bench/load/socket"
)

// tRPC is its JSON on a WebSocket, without connection parameters. Calls that are made in one turn are an array; answers
// come one by one.
type tRPC struct {
	Base
	stream  uint32 // the subscription
	channel bool   // it is the one to the channel
}

func newTRPC(base Base) Dialect { return &tRPC{Base: base} }

func (t *tRPC) Open(string) { t.Ready(1) }

func (t *tRPC) Subscribe() {
	t.stream, t.channel = 1, true
	t.SendText(`{"id":1,"method":"subscription","params":{"path":"news"}}`)
}

func (t *tRPC) Calls(method string, values []Value, perFrame int) Calls {
	return t.encoded("query", method, values, perFrame)
}

func (t *tRPC) Publications(values []Value) Calls { return t.encoded("mutation", "publish", values, 1) }

func (t *tRPC) encoded(kind, path string, values []Value, perFrame int) Calls {
	texts := Texts(values)
	input := fmt.Sprintf(`,"method":%q,"params":{"input":`, kind)
	calls := parts(texts, `{"id":`, IDRoom, input, fmt.Sprintf(`,"path":%q}}`, path))
	return Calls{Join(socket.Text, calls, perFrame, "[", ",", "]"), texts}
}

func (t *tRPC) Patch(frame []byte, at int, id uint32) { PatchDecimal(frame, at, id, ' ') }

func (t *tRPC) Frame(_ byte, payload []byte) {
	if !begins(payload, 0, `{"id":`) {
		Unexpected(payload)
	}
	id, end := Decimal(payload, len(`{"id":`))
	const data = `,"result":{"type":"data","data":`
	switch {
	case begins(payload, end, data) && id == t.stream:
		t.Listener.Item(between(payload, end, data, "}}"))
	case begins(payload, end, data):
		t.Answer(id, between(payload, end, data, "}}"))
	case id != t.stream:
		Unexpected(payload)
	case begins(payload, end, `,"result":{"type":"started"}`):
		if t.channel {
			t.Ready(2)
		}
	case begins(payload, end, `,"result":{"type":"stopped"}`):
		t.SendText(fmt.Sprintf(`{"id":%d,"method":"subscription.stop"}`, id)) // so does its client
		t.Listener.End()
	default:
		Unexpected(payload)
	}
}

func (t *tRPC) Stream(id uint32, r Range) {
	t.stream = id
	t.SendText(fmt.Sprintf(`{"id":%d,"method":"subscription","params":{"input":%s,"path":"items"}}`, id, JSONRange(r)))
}

func (t *tRPC) Item(v Value) []byte { return JSON(v) }
