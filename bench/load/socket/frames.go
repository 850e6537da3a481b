package socket

import "encoding/binary"

// Opcodes with FIN set.
const (
	Text   = 0x81
	Binary = 0x82
	closed = 0x88
	ping   = 0x89
	pong   = 0x8a
)

// Header is what stands in front of a payload of so many bytes, from a client. It carries the mask 0: the server
// unmasks as it always does, and the generator can send the same bytes again without masking them again.
func Header(opcode byte, length int) []byte {
	switch {
	case length < 126:
		return []byte{opcode, 0x80 | byte(length), 0, 0, 0, 0}
	case length < 1<<16:
		head := []byte{opcode, 0x80 | 126}
		return append(binary.BigEndian.AppendUint16(head, uint16(length)), 0, 0, 0, 0)
	}
	head := []byte{opcode, 0x80 | 127}
	return append(binary.BigEndian.AppendUint64(head, uint64(length)), 0, 0, 0, 0)
}

// Frame is one whole frame.
func Frame(opcode byte, payload []byte) []byte {
	return append(Header(opcode, len(payload)), payload...)
}
