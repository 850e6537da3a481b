package dialect

import (
	"encoding/binary"

	"millrace/bench/load/socket"
)

const (
	publishing = "@publish"
	topic      = "topic/1"
	// elsewhere is where the first publication goes, which announces the number of the method: nobody hears of it.
	elsewhere = "topic/2"
	// seenAt and seenBytes are when a client acknowledges publications, at the latest.
	seenAt    = 250
	seenBytes = 256 * 1024
)

// subscription is what came on the channel.
type subscription struct {
	alias, offset uint64
	seen          uint64
	bytes         int
}

// Subscribe asks behind the greeting, as a client does.
func (m *millrace) Subscribe() {
	subscribe := append(AppendString([]byte{0x95, 32, 1}, topic), 0xc0, 0xc0)
	m.send(append(m.hello(), subscribe...))
	m.method = "subscribe"
}

// OpenPublishing greets, and publishes once by name.
func (m *millrace) OpenPublishing() {
	m.method = publishing
	m.send(append(m.hello(), named(1, publishing, publication(elsewhere, MessagePack(Message(0, 1))))...))
}

// publication is the input of @publish. Its number is 32 bits wide, so that it can be written over.
func publication(channel string, data []byte) []byte {
	input := append(AppendString([]byte{0x93}, channel), 0xce, 0, 0, 0, 1)
	return AppendBin(input, data)
}

func (m *millrace) Publications(values []Value) Calls {
	payloads := each(values, MessagePack)
	inputs := make([][]byte, len(payloads))
	for i, payload := range payloads {
		inputs[i] = publication(topic, payload)
	}
	return Calls{Join(socket.Binary, callsOf(inputs, m.number), 1, "", "", ""), payloads}
}

// patchNumber writes which publication of the channel a call is: the first has id 2.
func patchNumber(frame []byte, at int, id uint32) {
	r := Reader{Bytes: frame, At: at + 4}
	r.Skip() // method
	r.Skip() // options
	input := r.Bin()
	number := r.At - len(input) + 1 + 1 + len(topic) + 1
	binary.BigEndian.PutUint32(frame[number:], id-1)
}

func (m *millrace) subscribed(r *Reader) {
	r.Uint()
	m.channel.alias = r.Uint()
	r.Uint()
	r.Skip()
	m.channel.offset = r.Uint()
	m.channel.seen = m.channel.offset
	r.Uint()
	m.Ready(1)
}

// publication takes one, and holds the server to its order.
func (m *millrace) publication(r *Reader) {
	c := &m.channel
	alias, offset := r.Uint(), r.Uint()
	if alias != c.alias || offset != c.offset+1 {
		socket.Fail("publication %d of alias %d after %d of %d", offset, alias, c.offset, c.alias)
	}
	c.offset = offset
	r.Uint()
	payload := r.Bin()
	c.bytes += len(payload)
	m.Listener.Item(payload)
}

// seen acknowledges publications.
func (m *millrace) seen() {
	c := &m.channel
	if c.offset-c.seen < seenAt && c.bytes < seenBytes {
		return
	}
	c.seen, c.bytes = c.offset, 0
	m.send(AppendUint(AppendUint([]byte{0x93, 39}, c.alias), c.offset))
}
