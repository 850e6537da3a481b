package dialect

import "millrace/bench/load/socket"

// Frame reads messages back to back.
func (m *millrace) Frame(_ byte, payload []byte) {
	before := m.received
	for r := (Reader{Bytes: payload}); r.At < len(payload); {
		m.message(&r)
	}
	if m.received != before {
		m.unacknowledged += len(payload)
	}
}

func (m *millrace) message(r *Reader) {
	start := r.At
	r.Array()
	switch kind := r.Uint(); kind {
	case 17: // RESULT: seq, id, payload
		m.received = r.Uint()
		id := uint32(r.Uint())
		m.result(id, r.Bin())
	case 24: // ITEM: stream, n, payload
		m.item(r.Uint(), r.Uint(), r.Bin())
	case 36: // PUBLICATION: alias, offset, fingerprint, payload
		m.publication(r)
	default:
		m.other(kind, r, start)
	}
}

func (m *millrace) other(kind uint64, r *Reader, start int) {
	switch kind {
	case 1: // WELCOME: version, session, received, payload
		r.Skip()
		r.Skip()
		r.Skip()
		r.Bin()
		if m.method == "" {
			m.Ready(1)
		}
	case 2: // PING: received
		r.Uint()
		m.send(AppendUint([]byte{0x92, 3}, m.received))
	case 4: // ACK: received
		r.Uint()
	case 8: // NAME: number, name, flags
		number := r.Uint()
		if name := r.Skip(); string(name[1:]) == m.method {
			m.number, m.announced = byte(number), number < 0x80
		}
		r.Uint()
	case 9: // FRAGMENT: seq, group, remaining, payload
		m.received = r.Uint()
		m.fragment(r.Uint(), r.Uint(), r.Bin())
	case 19: // STREAM: seq, id, stream
		m.received = r.Uint()
		r.Uint()
		m.stream = inbound{id: r.Uint()}
	case 27: // END: stream, n; units that came with it are acknowledged as well
		r.Uint()
		r.Uint()
		m.credit()
		m.Listener.End()
	case 29: // CREDIT: stream, n, limit
		if r.Uint() == m.upload.id {
			r.Uint()
			m.upload.limit = int(r.Uint())
		} else {
			r.Uint()
			r.Uint()
		}
		m.Room()
	case 33: // SUBSCRIBED: sub, alias, status, epoch, offset, fingerprint
		m.subscribed(r)
	case 18: // ERROR: seq, id, code, flags, payload
		r.Uint()
		id, code := r.Uint(), r.Skip()
		socket.Fail("call %d failed: %s %.200q", id, code[1:], r.Bytes[r.At:])
	default:
		Unexpected(r.Bytes[start:])
	}
}

func (m *millrace) result(id uint32, value []byte) {
	if m.method == "" || id != 1 {
		m.Answer(id, value)
		return
	}
	if !m.announced {
		socket.Fail("the number of %s was not announced", m.method)
	}
	m.Ready(2)
}

func (m *millrace) item(stream, n uint64, payload []byte) {
	s := &m.stream
	if stream != s.id || n != s.n+1 {
		socket.Fail("item %d of stream %d after %d of %d", n, stream, s.n, s.id)
	}
	s.n = n
	s.cost += max(least, len(payload))
	s.due = true
	m.Listener.Item(payload)
}

// fragment adds to a large answer; when it is whole, it is read. The sequence inside it is ignored.
func (m *millrace) fragment(group, remaining uint64, payload []byte) {
	m.acknowledge = true
	whole := append(m.groups[group], payload...)
	if remaining > 0 {
		m.groups[group] = whole
		return
	}
	delete(m.groups, group)
	received := m.received
	m.Frame(socket.Binary, whole)
	m.received = received
}
