package workload

import (
	"millrace/bench/load/dialect"
	"millrace/bench/load/socket"
)

// client is what a workload does with one connection.
type client interface {
	dialect.Listener
	// Turn: all that one read brought was handed over.
	Turn()
	// Lost: the server ended the connection.
	Lost(error)
}

// peer joins a connection, its dialect and its client.
type peer struct {
	dialect.Dialect
	client client
	open   func(dialect.Dialect)
}

// connect opens a connection. What open says to the dialect ends in the client's Ready.
func (r *Run) connect(c client, open func(dialect.Dialect)) (*socket.Conn, dialect.Dialect) {
	p := &peer{client: c, open: open}
	conn := r.loop.Open(r.upgrade, p)
	p.Dialect = r.language.New(dialect.Base{Conn: conn, Listener: c})
	return conn, p.Dialect
}

// opening a method is what most workloads begin with.
func opening(method string) func(dialect.Dialect) {
	return func(d dialect.Dialect) { d.Open(method) }
}

func (p *peer) Upgraded() { p.open(p.Dialect) }

func (p *peer) Turn() {
	p.Dialect.Turn()
	p.client.Turn()
}

func (p *peer) Drained() { p.client.Room() }

func (p *peer) Lost(reason error) { p.client.Lost(reason) }

// alone is a client to which nothing happens. Others embed it, and have what they expect.
type alone struct {
	firstID uint32
	ready   bool
}

func (a *alone) Ready(firstID uint32) { a.firstID, a.ready = firstID, true }

func (a *alone) Answer(id uint32, value []byte) {
	socket.Fail("an answer to call %d, which waits for none: %.80q", id, value)
}

func (a *alone) Item(value []byte) { socket.Fail("an item of no stream: %.80q", value) }

func (a *alone) End() { socket.Fail("the end of no stream") }

func (a *alone) Room() {}

func (a *alone) Turn() {}

func (a *alone) Lost(reason error) { socket.Fail("%v", reason) }

// openAtOnce bounds the handshakes that are under way: a server's queue of them is short, and what does not fit into it
// is tried again by the kernel after a second.
const openAtOnce = 64

// openAll opens connections, and waits until all are ready.
func (r *Run) openAll(count int, open func(i int) *alone) {
	opened := make([]*alone, 0, count)
	ready := 0
	r.untilOpen(func() bool {
		for ready < len(opened) && opened[ready].ready {
			ready++
		}
		for len(opened) < min(count, ready+openAtOnce) {
			opened = append(opened, open(len(opened)))
		}
		return ready == count
	})
}
