package dialect

import (
	"encoding/base64"
	"fmt"
	"strconv"

	"millrace/bench/load/socket"
)

// jsonRPC is the language of contenders/json_rpc.ts: `[1, id, method, input]`, answered by `[2, id, value]`.
type jsonRPC struct {
	Base
	pieces
	value       int // length of each value
	subscribing bool
}

func newJSONRPC(base Base) Dialect { return &jsonRPC{Base: base} }

func (j *jsonRPC) Open(string) { j.Ready(1) }

func (j *jsonRPC) Calls(method string, values []Value, perFrame int) Calls {
	texts := Texts(values)
	parts := make([]Part, len(texts))
	for i, text := range texts {
		parts[i] = Part{fmt.Appendf(nil, "[1,%s,%q,%s]", IDRoom, method, text), len("[1,")}
	}
	j.value = len(texts[0])
	return Calls{Join(socket.Text, parts, perFrame, "[", ",", "]"), texts}
}

func (j *jsonRPC) Patch(frame []byte, at int, id uint32) { PatchDecimal(frame, at, id, ' ') }

func (j *jsonRPC) Frame(_ byte, payload []byte) {
	if len(payload) < 2 || payload[1] != '[' {
		j.message(payload)
		return
	}
	for at := 1; at < len(payload); { // an array of answers
		id, start := j.answer(payload, at)
		end := start + j.value
		if end >= len(payload) || payload[end] != ']' {
			Unexpected(payload)
		}
		j.Answer(id, payload[start:end])
		at = end + len("],")
	}
}

func (j *jsonRPC) message(payload []byte) {
	if len(payload) < 5 || payload[0] != '[' {
		Unexpected(payload)
	}
	switch payload[1] {
	case '2', '3':
		id, start := j.answer(payload, 0)
		value := payload[start : len(payload)-1]
		switch {
		case payload[1] == '3':
			j.Listener.Item(value)
		case j.subscribing:
			j.subscribing = false
			j.Ready(id + 1)
		default:
			j.Answer(id, value)
		}
	case '4':
		j.Listener.End()
	case '6':
		j.acknowledge()
	case '9':
		j.Listener.Item(payload[len("[9,") : len(payload)-1])
	default:
		Unexpected(payload)
	}
}

// answer reads `[2,id,` and says where the value begins.
func (j *jsonRPC) answer(payload []byte, at int) (id uint32, start int) {
	id, end := Decimal(payload, at+len("[2,"))
	if end+1 >= len(payload) || payload[end] != ',' {
		Unexpected(payload)
	}
	return id, end + 1
}

func (j *jsonRPC) Stream(id uint32, r Range) {
	j.SendText(fmt.Sprintf(`[1,%d,"items",%s]`, id, JSONRange(r)))
}

func (j *jsonRPC) Item(v Value) []byte { return JSON(v) }

func (j *jsonRPC) StartUpload(id uint32, piece []byte) {
	text := fmt.Appendf(nil, `[5,%d,"%s"]`, id, base64.StdEncoding.EncodeToString(piece))
	j.start(&j.Base, id, socket.Text, text, len(piece))
}

func (j *jsonRPC) EndUpload() { j.SendText(fmt.Sprintf("[5,%d,null]", j.id)) }

func (j *jsonRPC) Uploaded(answer []byte) int {
	size, err := strconv.Atoi(string(answer))
	if err != nil {
		Unexpected(answer)
	}
	return size
}

func (j *jsonRPC) Subscribe() {
	j.subscribing = true
	j.SendText("[7,1]")
}

func (j *jsonRPC) Publications(values []Value) Calls {
	texts := Texts(values)
	return Calls{InARow(parts(texts, "[8,", IDRoom, ",", "]"), 1, TextFrame), texts}
}
