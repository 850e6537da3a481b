package dialect

import (
	"crypto/rand"
	"encoding/binary"

	"millrace/bench/load/socket"
)

// millrace is its protocol, version 1, as docs/protocol.md has it, written from that page.
type millrace struct {
	Base
	method         string
	number         byte // of the method, once it was announced
	announced      bool
	received       uint64 // the highest sequence that has come
	unacknowledged int    // bytes of frames with a sequence that have come since the last ACK: nothing else is acknowledged
	acknowledgedAt int64
	acknowledge    bool
	groups         map[uint64][]byte // messages of which fragments have come
	stream         inbound
	upload         outbound
	channel        subscription
}

// inbound is the stream of items that is being received.
type inbound struct {
	id, n uint64
	cost  int
	due   bool // a CREDIT is
}

// outbound is the upload that is being sent.
type outbound struct {
	id, n       uint64
	cost, limit int
	piece       []byte
}

const (
	// least is what a unit of a stream costs at least.
	least = 64
	// acknowledgeAt is how many bytes of answers are acknowledged at the latest, acknowledgeAfter how many nanoseconds after the last time.
	acknowledgeAt    = 64 * 1024
	acknowledgeAfter = 1_000_000_000
	// callID is where a CALL of ours has the four bytes of its id. Its sequence stands in front of it.
	callID = 8
)

func newMillrace(base Base) Dialect {
	return &millrace{Base: base, groups: map[uint64][]byte{}}
}

// Open greets, with a first call right behind it as the protocol allows: by name, so that the server announces the
// method's number.
func (m *millrace) Open(method string) {
	m.method = method
	frame := m.hello()
	switch method {
	case "":
	case "bytes":
		frame = append(frame, named(1, method, MessagePack(Blob(1, 0)))...)
	default:
		frame = append(frame, named(1, method, MessagePack(Message(0, 1)))...)
	}
	m.send(frame)
}

// hello is what a client of Millrace says: it acknowledges, wants its session kept, and has a name for it until it is welcomed.
func (m *millrace) hello() []byte {
	var opening [16]byte
	rand.Read(opening[:])
	hello := AppendString(AppendString([]byte{0x84}, "agent"), "bench")
	hello = append(AppendString(hello, "resumable"), 0xc3)
	hello = AppendBin(AppendString(hello, "opening"), opening[:])
	hello = AppendBin(AppendString(hello, "producer"), []byte("16 bytes as name"))
	return AppendBin([]byte{0x95, 0, 1, 0xc0, 0}, hello)
}

func (m *millrace) Calls(_ string, values []Value, perFrame int) Calls {
	payloads := each(values, MessagePack)
	return Calls{Join(socket.Binary, callsOf(payloads, m.number), perFrame, "", "", ""), payloads}
}

// callsOf encodes CALLs. Sequence and id are 32 bits wide, so that they can be written over.
func callsOf(payloads [][]byte, number byte) []Part {
	parts := make([]Part, len(payloads))
	for i, payload := range payloads {
		head := []byte{0x96, 16, 0xce, 0, 0, 0, 0, 0xce, 0, 0, 0, 0, number, 0xc0}
		parts[i] = Part{AppendBin(head, payload), callID}
	}
	return parts
}

func (m *millrace) Patch(frame []byte, at int, id uint32) {
	patchCall(frame, at, id)
	if m.method == publishing {
		patchNumber(frame, at, id)
	}
}

// patchCall writes an id, and the same number as its sequence: only calls have one here.
func patchCall(frame []byte, at int, id uint32) {
	binary.BigEndian.PutUint32(frame[at-5:], id)
	binary.BigEndian.PutUint32(frame[at:], id)
}

// named is a call that is not of a batch.
func named(id uint32, method string, input []byte) []byte {
	head := AppendUint(AppendUint([]byte{0x96, 16}, uint64(id)), uint64(id))
	return AppendBin(append(AppendString(head, method), 0xc0), input)
}

func (m *millrace) send(message []byte) { m.Send(socket.Binary, message) }

func (m *millrace) Stream(id uint32, r Range) { m.send(named(id, "items", MessagePackRange(r))) }

func (m *millrace) Item(v Value) []byte { return MessagePack(v) }

func (m *millrace) StartUpload(id uint32, piece []byte) {
	m.upload = outbound{id: m.upload.id + 1, limit: window, piece: piece}
	stream := []byte{0xd6, 1, 0, 0, 0, byte(m.upload.id)} // extension 1: the number of a byte stream
	m.send(named(id, "upload", stream))
}

func (m *millrace) MayUpload() bool {
	return m.upload.cost < m.upload.limit && m.Buffered() < buffered
}

func (m *millrace) SendPiece() {
	u := &m.upload
	u.n++
	u.cost += len(u.piece)
	head := AppendUint(AppendUint([]byte{0x94, 25}, u.id), u.n)
	head = AppendBinHeader(head, len(u.piece))
	m.Write(socket.Header(socket.Binary, len(head)+len(u.piece)), head, u.piece)
}

func (m *millrace) EndUpload() {
	m.send(AppendUint(AppendUint([]byte{0x93, 27}, m.upload.id), m.upload.n))
}

func (m *millrace) Uploaded(answer []byte) int {
	r := Reader{Bytes: answer}
	return int(r.Uint())
}

// Turn acknowledges what this read has brought.
func (m *millrace) Turn() {
	isLate := m.unacknowledged > 0 && m.Now()-m.acknowledgedAt >= acknowledgeAfter
	if m.acknowledge || m.unacknowledged >= acknowledgeAt || isLate {
		m.acknowledge, m.unacknowledged, m.acknowledgedAt = false, 0, m.Now()
		m.send(AppendUint([]byte{0x92, 4}, m.received))
	}
	m.credit()
	m.seen()
}

func (m *millrace) credit() {
	if s := &m.stream; s.due {
		s.due = false
		head := AppendUint(AppendUint([]byte{0x94, 29}, s.id), s.n)
		m.send(AppendUint(head, uint64(s.cost+window)))
	}
}
