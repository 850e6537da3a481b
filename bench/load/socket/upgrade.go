package socket

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"strings"
	"syscall"
)

// Upgrade is the request that makes a WebSocket of a connection, encoded once.
type Upgrade struct{ request []byte }

// key is always the same, so the answer to it is too (RFC 6455, 4.2.2).
const key = "bWlsbHJhY2UgYmVuY2htYQ=="

var accept = func() []byte {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return []byte("\r\nsec-websocket-accept: " + strings.ToLower(base64.StdEncoding.EncodeToString(sum[:])))
}()

// NewUpgrade asks for a path, with more header lines where a dialect needs them.
func NewUpgrade(path string, headers ...string) *Upgrade {
	lines := append([]string{
		"GET " + path + " HTTP/1.1", "Host: 127.0.0.1", "Upgrade: websocket", "Connection: Upgrade",
		"Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: " + key,
	}, headers...)
	return &Upgrade{[]byte(strings.Join(lines, "\r\n") + "\r\n\r\n")}
}

// perAddress is how many connections come from one address of this machine before the next one is used: one address has
// some 28,000 ports, and some of them wait a minute after a connection before they can be used again.
const perAddress = 4_000

// Open begins a connection; the handler hears when it is a WebSocket.
func (l *Loop) Open(upgrade *Upgrade, handler Handler) *Conn {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		Fail("no socket for connection %d: %v", l.opened+1, err)
	}
	syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
	l.bind(fd)
	l.opened++
	c := &Conn{Handler: handler, loop: l, fd: fd, serial: l.opened, upgrade: upgrade}
	c.parser.take = c.take
	if err := syscall.Connect(fd, &l.target); err != nil && err != syscall.EINPROGRESS {
		Fail("connect: %v", err)
	}
	l.add(c)
	return c
}

// bind chooses where the connection comes from: 127.0.0.1 first, then its neighbours.
func (l *Loop) bind(fd int) {
	host := l.opened / perAddress % 250
	if host == 0 {
		return
	}
	const bindAddressNoPort = 24
	syscall.SetsockoptInt(fd, syscall.IPPROTO_IP, bindAddressNoPort, 1)
	source := syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, byte(1 + host)}}
	if err := syscall.Bind(fd, &source); err != nil {
		Fail("cannot connect from 127.0.0.%d: %v", 1+host, err)
	}
}

// ask sends the request, as soon as the connection stands.
func (c *Conn) ask() {
	number, err := syscall.GetsockoptInt(c.fd, syscall.SOL_SOCKET, syscall.SO_ERROR)
	if err != nil || number != 0 {
		c.lose(syscall.Errno(number))
		return
	}
	upgrade := c.upgrade
	c.upgrade = nil
	c.Write(upgrade.request)
}

// answered reads the head of the server's answer. It returns what came after it; nil when it is not all there.
func (c *Conn) answered(chunk []byte) []byte {
	c.parser.rest = append(c.parser.rest, chunk...)
	head, after, whole := bytes.Cut(c.parser.rest, []byte("\r\n\r\n"))
	if !whole {
		return nil
	}
	line, _, _ := bytes.Cut(head, []byte("\r\n"))
	if !bytes.HasPrefix(head, []byte("HTTP/1.1 101")) {
		Fail("no upgrade: %s", line)
	}
	if !bytes.Contains(bytes.ToLower(head), accept) {
		Fail("no upgrade: the answer is to another key")
	}
	rest := bytes.Clone(after)
	c.parser.rest = c.parser.rest[:0]
	c.upgraded = true
	c.Handler.Upgraded()
	return rest
}
