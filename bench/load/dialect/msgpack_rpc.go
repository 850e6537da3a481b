package dialect

import (
	"encoding/binary"

	"millrace/bench/load/socket"
)

// msgpackRPC is the language of contenders/msgpack_rpc.ts: what jsonRPC is, in MessagePack, and with bytes as bytes.
type msgpackRPC struct {
	Base
	pieces
}

func newMsgpackRPC(base Base) Dialect { return &msgpackRPC{Base: base} }

func (m *msgpackRPC) Open(string) { m.Ready(1) }

func (m *msgpackRPC) Calls(method string, values []Value, perFrame int) Calls {
	payloads := each(values, MessagePack)
	parts := make([]Part, len(payloads))
	for i, payload := range payloads {
		head := AppendString([]byte{0x94, 1, 0xce, 0, 0, 0, 0}, method)
		parts[i] = Part{append(head, payload...), 3}
	}
	open := string([]byte{0xdc, 0, byte(perFrame)}) // an array of so many
	return Calls{Join(socket.Binary, parts, perFrame, open, "", ""), payloads}
}

func (m *msgpackRPC) Patch(frame []byte, at int, id uint32) {
	binary.BigEndian.PutUint32(frame[at:], id)
}

func (m *msgpackRPC) Frame(_ byte, payload []byte) {
	r := Reader{Bytes: payload}
	count := 1
	if payload[0] == 0xdc || payload[1] >= 0x90 { // an array of messages; the first element of a message is its kind
		count = r.Array()
	}
	for ; count > 0; count-- {
		m.message(&r)
	}
}

func (m *msgpackRPC) message(r *Reader) {
	start, length := r.At, r.Array()
	kind, id := r.Uint(), uint32(r.Uint())
	switch {
	case kind == 2 && length == 3:
		m.Answer(id, r.Skip())
	case kind == 3 && length == 3:
		m.Listener.Item(r.Skip())
	case kind == 4:
		m.Listener.End()
	case kind == 6:
		m.acknowledge()
	default:
		Unexpected(r.Bytes[start:])
	}
}

func (m *msgpackRPC) Stream(id uint32, r Range) {
	head := AppendString(AppendUint([]byte{0x94, 1}, uint64(id)), "items")
	m.Send(socket.Binary, append(head, MessagePackRange(r)...))
}

func (m *msgpackRPC) Item(v Value) []byte { return MessagePack(v) }

func (m *msgpackRPC) StartUpload(id uint32, piece []byte) {
	head := AppendUint([]byte{0x93, 5}, uint64(id))
	m.start(&m.Base, id, socket.Binary, AppendBin(head, piece), len(piece))
}

func (m *msgpackRPC) EndUpload() {
	m.Send(socket.Binary, append(AppendUint([]byte{0x93, 5}, uint64(m.id)), 0xc0))
}

func (m *msgpackRPC) Uploaded(answer []byte) int {
	r := Reader{Bytes: answer}
	return int(r.Uint())
}
