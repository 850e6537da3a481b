package socket

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"syscall"
	"unsafe"
)

// Handler is told what happens to a connection.
type Handler interface {
	// Upgraded: it is a WebSocket now.
	Upgraded()
	// Frame came whole. The payload is the callee's until it returns.
	Frame(opcode byte, payload []byte)
	// Turn: all frames of one read were handed over.
	Turn()
	// Drained: all that was written has left.
	Drained()
	// Lost: the other side ended it.
	Lost(reason error)
}

// Conn is a WebSocket, or will be one.
type Conn struct {
	Handler  Handler
	loop     *Loop
	fd       int
	serial   int // tells it from others that had its file descriptor
	upgrade  *Upgrade
	upgraded bool
	parser   parser
	out      []byte // what the kernel did not take
	left     int    // how much of it has left since
	stalled  bool
}

// Loop is the one that serves it.
func (c *Conn) Loop() *Loop { return c.loop }

// Buffered is how many bytes were written and have not left.
func (c *Conn) Buffered() int { return len(c.out) - c.left }

// Write sends parts one after the other in one system call. They may be changed as soon as it returns.
func (c *Conn) Write(parts ...[]byte) {
	if c.fd < 0 {
		return
	}
	sent := 0
	if c.Buffered() == 0 {
		sent = c.send(parts)
	}
	for _, part := range parts {
		if sent < len(part) {
			c.out = append(c.out, part[sent:]...)
		}
		sent = max(0, sent-len(part))
	}
}

func (c *Conn) send(parts [][]byte) int {
	if len(parts) == 1 {
		return c.transfer(syscall.SYS_WRITE, unsafe.Pointer(unsafe.SliceData(parts[0])), len(parts[0]))
	}
	var vectors [4]syscall.Iovec
	count := 0
	for _, part := range parts {
		if len(part) == 0 {
			continue
		}
		vectors[count] = syscall.Iovec{Base: &part[0], Len: uint64(len(part))}
		count++
	}
	return c.transfer(syscall.SYS_WRITEV, unsafe.Pointer(&vectors), count)
}

// transfer reads or writes; 0 when nothing can be moved now.
func (c *Conn) transfer(call uintptr, what unsafe.Pointer, size int) int {
	for {
		n, _, errno := syscall.RawSyscall(call, uintptr(c.fd), uintptr(what), uintptr(size))
		switch errno {
		case 0:
			return int(n)
		case syscall.EINTR:
		case syscall.EAGAIN:
			return 0
		default:
			c.lose(errno)
			return 0
		}
	}
}

// stalledBuffer is what the kernel keeps for who reads nothing: it doubles what it is told.
const stalledBuffer = 32 * 1024

// Stall reads nothing from now on.
func (c *Conn) Stall() {
	c.stalled = true
	syscall.SetsockoptInt(c.fd, syscall.SOL_SOCKET, syscall.SO_RCVBUF, stalledBuffer)
}

// GoOn reads again, what has come meanwhile first.
func (c *Conn) GoOn() {
	c.stalled = false
	if c.fd >= 0 {
		c.readable()
	}
}

// Close ends it without the close handshake; the handler hears nothing more.
func (c *Conn) Close() {
	if c.fd < 0 {
		return
	}
	c.loop.conns[c.fd] = nil
	syscall.Close(c.fd)
	c.fd = -1
}

// Goodbye begins the close handshake; the handler hears of its end in Lost.
func (c *Conn) Goodbye() { c.Write(Frame(closed, []byte{0x03, 0xe8})) }

func (c *Conn) lose(reason error) {
	c.Close()
	c.Handler.Lost(reason)
}

func (c *Conn) ready(events uint32) {
	if events&syscall.EPOLLOUT != 0 {
		c.writable()
	}
	if events&^syscall.EPOLLOUT != 0 && c.fd >= 0 && !c.stalled {
		c.readable()
	}
}

func (c *Conn) writable() {
	if c.upgrade != nil {
		c.ask()
		return
	}
	if c.Buffered() == 0 {
		return
	}
	rest := c.out[c.left:]
	c.left += c.transfer(syscall.SYS_WRITE, unsafe.Pointer(&rest[0]), len(rest))
	if c.left == len(c.out) {
		c.out, c.left = c.out[:0], 0
		c.Handler.Drained()
	}
}

// readable reads until there is no more: an edge comes once.
func (c *Conn) readable() {
	for c.fd >= 0 {
		space := c.parser.space()
		buffer := c.loop.buffer
		n, ended := c.read(space, buffer)
		if ended {
			c.lose(errors.New("the server closed the connection"))
			return
		}
		if n == 0 {
			return
		}
		c.loop.Now = Clock()
		if n <= len(space) {
			c.parser.filled(n)
		} else if len(space) == 0 || c.parser.filled(len(space)) {
			c.receive(buffer[:n-len(space)])
		}
		if c.fd >= 0 && c.upgraded {
			c.Handler.Turn()
		}
		if n < len(space)+len(buffer) {
			return // there was no more
		}
	}
}

// read fills the first, then the second. What completes a large frame goes where it belongs and is not copied again.
func (c *Conn) read(space, buffer []byte) (n int, ended bool) {
	var vectors [2]syscall.Iovec
	call, what, count := uintptr(syscall.SYS_READ), unsafe.Pointer(&buffer[0]), len(buffer)
	if len(space) > 0 {
		vectors[0] = syscall.Iovec{Base: &space[0], Len: uint64(len(space))}
		vectors[1] = syscall.Iovec{Base: &buffer[0], Len: uint64(len(buffer))}
		call, what, count = syscall.SYS_READV, unsafe.Pointer(&vectors), 2
	}
	for {
		n, _, errno := syscall.RawSyscall(call, uintptr(c.fd), uintptr(what), uintptr(count))
		switch errno {
		case 0:
			return int(n), n == 0
		case syscall.EINTR:
		case syscall.EAGAIN:
			return 0, false
		default:
			c.lose(errno)
			return 0, false
		}
	}
}

func (c *Conn) receive(chunk []byte) {
	if !c.upgraded {
		if chunk = c.answered(chunk); chunk == nil {
			return
		}
	}
	c.parser.feed(chunk)
}

// take gets each frame. It returns false when the connection is over.
func (c *Conn) take(opcode byte, payload []byte) bool {
	if c.fd < 0 {
		return false
	}
	switch opcode {
	case Binary, Text:
		c.Handler.Frame(opcode, payload)
	case ping:
		c.Write(Frame(pong, bytes.Clone(payload)))
	case pong:
	case closed:
		c.lose(closeError(payload))
	default:
		Fail("a frame that begins with %#x", opcode)
	}
	return c.fd >= 0
}

func closeError(payload []byte) error {
	if len(payload) < 2 {
		return errors.New("the server closed the connection without a code")
	}
	code := binary.BigEndian.Uint16(payload)
	return fmt.Errorf("the server closed the connection: %d %s", code, payload[2:])
}
