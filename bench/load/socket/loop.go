// Package socket is WebSockets on raw non-blocking TCP, all in one thread: epoll, frames, and nothing else. A WebSocket
// library, or a goroutine for each connection, would cost more than the servers that are measured.
package socket

import (
	"syscall"
	"time"
	"unsafe"
)

// Loop waits for its connections and has them read and written.
type Loop struct {
	// Now is when the bytes at hand were read: nanoseconds of Clock.
	Now    int64
	epoll  int
	events [256]syscall.EpollEvent
	buffer []byte
	conns  []*Conn // by file descriptor
	target syscall.SockaddrInet4
	opened int // connections, ever: where the next one comes from
}

// readAtOnce is how much one read may bring.
const readAtOnce = 512 * 1024

// edges: read until there is no more, and write again when there is room, without asking each time.
const edges = syscall.EPOLLIN | syscall.EPOLLOUT | syscall.EPOLLRDHUP | 1<<31

var started = time.Now()

// Clock is nanoseconds since the process began.
func Clock() int64 { return int64(time.Since(started)) }

// NewLoop is a loop for connections to a port of this machine.
func NewLoop(port int) *Loop {
	epoll, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		Fail("epoll: %v", err)
	}
	target := syscall.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}
	return &Loop{epoll: epoll, buffer: make([]byte, readAtOnce), target: target}
}

// Run serves connections until done says so, which is asked after each turn. It returns false when that has not
// happened after so long.
func (l *Loop) Run(most time.Duration, done func() bool) bool {
	end := Clock() + int64(most)
	for !done() {
		left := end - Clock()
		if left <= 0 {
			return false
		}
		l.Turn(int(left/1e6) + 1)
	}
	return true
}

// Turn waits for at most so many milliseconds, and serves all that can be served then.
func (l *Loop) Turn(timeout int) {
	const size = len(l.events)
	// RawSyscall: there is no other goroutine that could run meanwhile, so the scheduler need not hear of it.
	n, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, uintptr(l.epoll),
		uintptr(unsafe.Pointer(&l.events)), uintptr(size), uintptr(timeout), 0, 0)
	if errno != 0 && errno != syscall.EINTR {
		Fail("epoll_wait: %v", errno)
	}
	if errno != 0 {
		return
	}
	for _, event := range l.events[:n] {
		conn := l.conns[event.Fd]
		if conn == nil || int32(conn.serial) != event.Pad {
			continue // closed in this turn
		}
		conn.ready(event.Events)
	}
}

// add begins to watch a connection.
func (l *Loop) add(c *Conn) {
	for len(l.conns) <= c.fd {
		l.conns = append(l.conns, make([]*Conn, c.fd+1)...)
	}
	l.conns[c.fd] = c
	event := syscall.EpollEvent{Events: edges, Fd: int32(c.fd), Pad: int32(c.serial)}
	if err := syscall.EpollCtl(l.epoll, syscall.EPOLL_CTL_ADD, c.fd, &event); err != nil {
		Fail("epoll_ctl: %v", err)
	}
}
