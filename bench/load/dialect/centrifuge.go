package dialect

import (
	"bytes"

	"millrace/bench/load/socket"
)

// centrifuge is the JSON of Centrifuge's clients. A frame has one message a line: what a client sends that batches, and
// what the server does by itself.
type centrifuge struct {
	Base
	subscribe bool
}

func newCentrifuge(base Base) Dialect { return &centrifuge{Base: base} }

func (c *centrifuge) Open(string) { c.SendText(`{"connect":{"name":"js"},"id":1}`) }

func (c *centrifuge) Subscribe() {
	c.subscribe = true
	c.Open("")
}

func (c *centrifuge) Calls(method string, values []Value, perFrame int) Calls {
	return c.encoded(`{"rpc":{"method":"`+method+`","data":`, values, perFrame)
}

func (c *centrifuge) Publications(values []Value) Calls {
	return c.encoded(`{"publish":{"channel":"topic","data":`, values, 1)
}

func (c *centrifuge) encoded(front string, values []Value, perFrame int) Calls {
	texts := Texts(values)
	encoded := make([]Part, len(texts))
	for i, text := range texts {
		call := front + string(text) + `},"id":`
		encoded[i] = Part{[]byte(call + IDRoom + "}"), len(call)}
	}
	return Calls{Join(socket.Text, encoded, perFrame, "", "\n", ""), texts}
}

func (c *centrifuge) Patch(frame []byte, at int, id uint32) { PatchDecimal(frame, at, id, ' ') }

func (c *centrifuge) Frame(_ byte, payload []byte) {
	for line := range bytes.SplitSeq(payload, []byte("\n")) {
		c.message(line)
	}
}

func (c *centrifuge) message(line []byte) {
	const news, answer = `{"push":{"channel":"topic","pub":{"data":`, `,"rpc":{"data":`
	switch {
	case begins(line, 0, news):
		c.Listener.Item(line[len(news):ValueEnd(line, len(news))])
		return
	case string(line) == "{}":
		c.SendText("{}") // a ping
		return
	case !begins(line, 0, `{"id":`):
		Unexpected(line)
	}
	id, at := Decimal(line, len(`{"id":`))
	switch {
	case begins(line, at, answer):
		c.Answer(id, between(line, at, answer, "}}"))
	case begins(line, at, `,"publish":{}`):
		c.Answer(id, nil)
	case begins(line, at, `,"connect":{`) && c.subscribe:
		c.SendText(`{"subscribe":{"channel":"topic","flag":1},"id":2}`)
	case begins(line, at, `,"connect":{`), begins(line, at, `,"subscribe":{`):
		c.Ready(1) // nobody waits for the answers to these ids any more
	default:
		Unexpected(line)
	}
}
