package socket

import "encoding/binary"

// parser finds frames in what was read. A frame that lies whole in a chunk is handed out where it lies; one that is cut is
// put together in a buffer of its own.
type parser struct {
	// take is called for each frame. The payload is its own until it returns; false ends the reading.
	take func(opcode byte, payload []byte) bool
	rest []byte // the beginning of a cut frame
	size int    // of that whole frame; 0 where even its header is cut
}

// space is where the rest of a cut frame belongs: a reader may read it there, and say so with filled.
func (p *parser) space() []byte {
	if p.size == 0 {
		return nil
	}
	return p.rest[len(p.rest):p.size]
}

// filled says that so many bytes of space have come.
func (p *parser) filled(count int) bool {
	p.rest = p.rest[:len(p.rest)+count]
	if len(p.rest) < p.size {
		return true
	}
	whole := p.rest
	p.rest, p.size = p.rest[:0], 0
	return p.emit(whole)
}

// feed hands out every frame that the chunk completes, and keeps what is left. It returns false when take did.
func (p *parser) feed(chunk []byte) bool {
	for len(p.rest) > 0 && len(chunk) > 0 {
		wanted := 1 // the header byte by byte: it is cut in a few reads of a million
		if p.size > 0 {
			wanted = min(p.size-len(p.rest), len(chunk))
			copy(p.space(), chunk)
			if !p.filled(wanted) {
				return false
			}
		} else {
			p.rest = append(p.rest, chunk[0])
			if !p.measure() {
				return false
			}
		}
		chunk = chunk[wanted:]
	}
	for len(chunk) > 0 {
		size := sizeOf(chunk)
		if size == 0 || size > len(chunk) {
			p.rest = append(p.rest[:0], chunk...)
			return p.measure()
		}
		if !p.emit(chunk[:size]) {
			return false
		}
		chunk = chunk[size:]
	}
	return true
}

// measure makes room for the cut frame as soon as its header tells how long it is.
func (p *parser) measure() bool {
	p.size = sizeOf(p.rest)
	if p.size > cap(p.rest) {
		p.rest = append(make([]byte, 0, p.size), p.rest...)
	}
	if p.size == len(p.rest) && p.size > 0 {
		return p.filled(0)
	}
	return true
}

func (p *parser) emit(frame []byte) bool {
	return p.take(frame[0], frame[headerOf(frame):])
}

// sizeOf is how long the frame is that begins here, header included; 0 when its header is not all there.
func sizeOf(bytes []byte) int {
	if len(bytes) < 2 || len(bytes) < headerOf(bytes) {
		return 0
	}
	switch bytes[1] {
	case 126:
		return 4 + int(binary.BigEndian.Uint16(bytes[2:]))
	case 127:
		return 10 + int(binary.BigEndian.Uint64(bytes[2:]))
	}
	return 2 + int(bytes[1])
}

func headerOf(bytes []byte) int {
	switch bytes[1] {
	case 126:
		return 4
	case 127:
		return 10
	}
	return 2
}
