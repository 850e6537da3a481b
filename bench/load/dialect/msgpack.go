package dialect

import (
	"encoding/binary"

	"millrace/bench/load/socket"
)

// AppendUint writes the shortest form.
func AppendUint(to []byte, value uint64) []byte {
	switch {
	case value < 0x80:
		return append(to, byte(value))
	case value < 1<<8:
		return append(to, 0xcc, byte(value))
	case value < 1<<16:
		return binary.BigEndian.AppendUint16(append(to, 0xcd), uint16(value))
	case value < 1<<32:
		return binary.BigEndian.AppendUint32(append(to, 0xce), uint32(value))
	}
	return binary.BigEndian.AppendUint64(append(to, 0xcf), value)
}

// AppendString writes a str.
func AppendString(to []byte, text string) []byte {
	switch length := len(text); {
	case length < 32:
		to = append(to, 0xa0|byte(length))
	case length < 1<<8:
		to = append(to, 0xd9, byte(length))
	default:
		to = binary.BigEndian.AppendUint16(append(to, 0xda), uint16(length))
	}
	return append(to, text...)
}

// AppendBinHeader writes what stands in front of the bytes of a bin.
func AppendBinHeader(to []byte, length int) []byte {
	switch {
	case length < 1<<8:
		return append(to, 0xc4, byte(length))
	case length < 1<<16:
		return binary.BigEndian.AppendUint16(append(to, 0xc5), uint16(length))
	}
	return binary.BigEndian.AppendUint32(append(to, 0xc6), uint32(length))
}

// AppendBin writes a bin.
func AppendBin(to, bytes []byte) []byte {
	return append(AppendBinHeader(to, len(bytes)), bytes...)
}

// MessagePack is a value: a map of n and s, or a bin.
func MessagePack(v Value) []byte {
	if v.Bytes != nil {
		return AppendBin(nil, v.Bytes)
	}
	bytes := AppendUint(AppendString([]byte{0x82}, "n"), uint64(v.N))
	return AppendString(AppendString(bytes, "s"), v.S)
}

// MessagePackRange is the input of a stream.
func MessagePackRange(r Range) []byte {
	bytes := AppendUint(AppendString([]byte{0x83}, "count"), uint64(r.Count))
	return append(bytes, MessagePack(r.Value)[1:]...)
}

// Reader reads MessagePack from its front to its back.
type Reader struct {
	Bytes []byte
	At    int
}

// Uint reads an integer that is not negative.
func (r *Reader) Uint() uint64 {
	head := r.Bytes[r.At]
	r.At++
	if head < 0x80 {
		return uint64(head)
	}
	if head < 0xcc || head > 0xcf {
		socket.Fail("no integer: %#x", head)
	}
	value := uint64(0)
	for size := 1 << (head - 0xcc); size > 0; size-- {
		value = value<<8 | uint64(r.Bytes[r.At])
		r.At++
	}
	return value
}

// Bin reads a bin. It is a part of what is read.
func (r *Reader) Bin() []byte {
	head := r.Bytes[r.At]
	if head < 0xc4 || head > 0xc6 {
		socket.Fail("no bin: %#x", head)
	}
	return r.run(1 << (head - 0xc4))
}

// run reads a length of so many bytes, and what is so long.
func (r *Reader) run(size int) []byte {
	length := 0
	for _, digit := range r.Bytes[r.At+1 : r.At+1+size] {
		length = length<<8 | int(digit)
	}
	start := r.At + 1 + size
	r.At = start + length
	return r.Bytes[start:r.At]
}

// Array reads the head of an array: how many values follow.
func (r *Reader) Array() int {
	head := r.Bytes[r.At]
	if head != 0xdc && head&0xf0 != 0x90 {
		socket.Fail("no array: %#x", head)
	}
	return r.skip()
}

// Skip passes one value and returns it: anything but extensions.
func (r *Reader) Skip() []byte {
	start := r.At
	for left := 1; left > 0; left-- {
		left += r.skip()
	}
	return r.Bytes[start:r.At]
}

// skip passes a scalar, or the head of an array or a map; it returns how many values that holds.
func (r *Reader) skip() int {
	switch head := r.Bytes[r.At]; {
	case head >= 0xc4 && head <= 0xc6:
		r.Bin()
	case head&0xe0 == 0xa0:
		r.At += 1 + int(head&0x1f)
	case head == 0xd9 || head == 0xda:
		r.run(1 << (head - 0xd9))
	case head&0xf0 == 0x90:
		r.At++
		return int(head & 0x0f)
	case head&0xf0 == 0x80:
		r.At++
		return 2 * int(head&0x0f)
	case head == 0xca || head == 0xd2:
		r.At += 5
	case head == 0xcb || head == 0xd3:
		r.At += 9
	case head == 0xd0:
		r.At += 2
	case head == 0xd1:
		r.At += 3
	case head == 0xc0 || head == 0xc2 || head == 0xc3 || head >= 0xe0:
		r.At++
	case head == 0xdc:
		r.At += 3
		return int(binary.BigEndian.Uint16(r.Bytes[r.At-2:]))
	default:
		r.Uint()
	}
	return 0
}
