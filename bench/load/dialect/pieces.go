package dialect

import "millrace/bench/load/socket"

const (
	// window is how much of an upload may be unacknowledged: as much as Millrace gives credit for.
	window = 256 * 1024
	// buffered is what may wait in our own socket before another piece is sent.
	buffered = 64 * 1024
)

// pieces is an upload whose every piece is acknowledged: what the contenders by hand have.
type pieces struct {
	base                *Base
	id                  uint32
	head, body          []byte
	size                int
	count, acknowledged int
}

func (p *pieces) start(base *Base, id uint32, opcode byte, body []byte, size int) {
	*p = pieces{base: base, id: id, head: socket.Header(opcode, len(body)), body: body, size: size}
}

func (p *pieces) MayUpload() bool {
	return (p.count-p.acknowledged)*p.size < window && p.base.Buffered() < buffered
}

func (p *pieces) SendPiece() {
	p.count++
	p.base.Write(p.head, p.body)
}

func (p *pieces) acknowledge() {
	p.acknowledged++
	p.base.Room()
}
