package dialect

import (
	"encoding/base64"
	"fmt"
	"strconv"

	"millrace/bench/load/socket"
)

// capnWeb is Cap'n Web's protocol: a call is pushed, its result pulled, and released when it has come. A push has no id:
// both sides count. Its client sends each of these in a frame of its own.
type capnWeb struct {
	Base
	theirs uint32 // what the server has pushed to us, as it counts
	stream uint32 // the call whose result is a stream
	due    []byte // frames to be sent when all of a read was seen
}

func newCapnWeb(base Base) Dialect { return &capnWeb{Base: base} }

func (c *capnWeb) Open(string) { c.Ready(1) }

func (c *capnWeb) Calls(method string, values []Value, perFrame int) Calls {
	texts := each(values, capnWebValue)
	var frames []Encoded
	for i := 0; i < len(texts); i += perFrame {
		var row Encoded
		for _, text := range texts[i : i+perFrame] {
			row.Bytes = append(row.Bytes, socket.Frame(socket.Text, pushed(method, text))...)
		}
		// Calls of one turn are all pushed before the first is pulled.
		for range perFrame {
			pull := TextFrame(Part{[]byte(`["pull",` + IDRoom + `]`), len(`["pull",`)})
			row.IDs = append(row.IDs, len(row.Bytes)+pull.ID)
			row.Bytes = append(row.Bytes, pull.Bytes...)
		}
		frames = append(frames, row)
	}
	return Calls{frames, texts}
}

func pushed(method string, argument []byte) []byte {
	return fmt.Appendf(nil, `["push",["pipeline",0,[%q],[%s]]]`, method, argument)
}

// capnWebValue is JSON, with bytes marked as such.
func capnWebValue(v Value) []byte {
	if v.Bytes == nil {
		return JSON(v)
	}
	return []byte(`["bytes","` + base64.RawStdEncoding.EncodeToString(v.Bytes) + `"]`)
}

func (c *capnWeb) Patch(frame []byte, at int, id uint32) { PatchDecimal(frame, at, id, ' ') }

func (c *capnWeb) Frame(_ byte, payload []byte) {
	const item, end = `["stream",["pipeline",`, `,["close"],[]]]`
	switch {
	case begins(payload, 0, `["resolve",`):
		c.resolved(payload)
	case begins(payload, 0, item):
		c.theirs++
		c.later("resolve", c.theirs, `["undefined"]`)
		_, at := Decimal(payload, len(item))
		if begins(payload, at, end) {
			c.Listener.End()
		} else {
			c.Listener.Item(between(payload, at, `,["write"],[`, "]]]"))
		}
	case string(payload) == `["pipe"]`:
		c.theirs++
	case begins(payload, 0, `["release",`): // of the pipe, which is over
	default:
		Unexpected(payload)
	}
}

func (c *capnWeb) resolved(payload []byte) {
	id, at := Decimal(payload, len(`["resolve",`))
	value := between(payload, at, ",", "]")
	c.later("release", id, "1")
	if id == c.stream {
		between(value, 0, `["readable",`, "]")
	} else {
		c.Answer(id, value)
	}
}

// later notes a message `[what,id,rest]` for the end of the turn.
func (c *capnWeb) later(what string, id uint32, rest string) {
	var buffer [64]byte
	text := append(append(buffer[:0], `["`...), what...)
	text = strconv.AppendUint(append(text, `",`...), uint64(id), 10)
	text = append(append(append(text, ','), rest...), ']')
	c.due = append(append(c.due, socket.Text, 0x80|byte(len(text)), 0, 0, 0, 0), text...)
}

func (c *capnWeb) Turn() {
	if len(c.due) > 0 {
		c.Write(c.due)
		c.due = c.due[:0]
	}
}

func (c *capnWeb) Stream(id uint32, r Range) {
	c.stream = id
	push := socket.Frame(socket.Text, pushed("items", JSONRange(r)))
	c.Write(push, socket.Frame(socket.Text, fmt.Appendf(nil, `["pull",%d]`, id)))
}

func (c *capnWeb) Item(v Value) []byte { return JSON(v) }
