package dialect

import "fmt"

// oRPC is its messages on a WebSocket: HTTP requests and answers in JSON. Its ids are texts.
type oRPC struct {
	Base
	channel bool
}

func newORPC(base Base) Dialect { return &oRPC{Base: base} }

func (o *oRPC) Open(string) { o.Ready(1) }

func (o *oRPC) Subscribe() {
	o.channel = true
	o.SendText(`{"i":"1","p":{"u":"/news","b":{}}}`)
}

func (o *oRPC) Calls(method string, values []Value, perFrame int) Calls {
	texts := Texts(values)
	calls := parts(texts, `{"i":"`, zeros, `","p":{"u":"/`+method+`","b":{"json":`, `}}}`)
	return Calls{InARow(calls, perFrame, TextFrame), texts}
}

func (o *oRPC) Publications(values []Value) Calls { return o.Calls("publish", values, 1) }

func (o *oRPC) Patch(frame []byte, at int, id uint32) { PatchDecimal(frame, at, id, '0') }

func (o *oRPC) Frame(_ byte, payload []byte) {
	if !begins(payload, 0, `{"i":"`) {
		Unexpected(payload)
	}
	id, end := Decimal(payload, len(`{"i":"`))
	const answer, item = `","p":{"b":{"json":`, `","t":3,"p":{"e":"message","d":{"json":`
	switch {
	case begins(payload, end, answer):
		o.Answer(id, between(payload, end, answer, "}}}"))
	case begins(payload, end, item):
		o.Listener.Item(between(payload, end, item, "}}}"))
	case begins(payload, end, `","p":{"b":{}}}`):
		o.Answer(id, nil) // to a publication
	case begins(payload, end, `","p":{"h":{"content-type":"text/event-stream"}}}`):
		if o.channel {
			o.Ready(2)
		}
	case begins(payload, end, `","t":3,"p":{"e":"done","d":{}}}`):
		o.Listener.End()
	default:
		Unexpected(payload)
	}
}

func (o *oRPC) Stream(id uint32, r Range) {
	o.SendText(fmt.Sprintf(`{"i":"%d","p":{"u":"/items","b":{"json":%s}}}`, id, JSONRange(r)))
}

func (o *oRPC) Item(v Value) []byte { return JSON(v) }
