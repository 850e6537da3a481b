package workload

import "millrace/bench/load/socket"

// handshakes: connections that open, have a first call answered (a bare socket: none), and close; so many at once, each
// followed by the next. Operations are connections; latency is from connecting to the first answer.
func handshakes(r *Run) Result {
	g := &guests{run: r, free: r.AtOnce}
	g.phase(r.WarmUp)
	stop := r.start()
	g.count = 0
	g.phase(r.Time)
	return stop(g.count)
}

type guests struct {
	run   *Run
	free  int // places
	count int
}

func (g *guests) phase(ms int) {
	end := socket.Clock() + int64(ms)*1e6
	for socket.Clock() < end {
		for ; g.free > 0; g.free-- {
			g.invite()
		}
		g.run.loop.Turn(1)
	}
	g.run.until("the last handshakes", func() bool { return g.free == g.run.AtOnce })
}

// invite has one connection open and close: with the close handshake, which the server ends.
func (g *guests) invite() {
	begun := socket.Clock()
	v := g.run.visit(func(v *visitor) {
		v.served = true
		g.count++
		if g.run.latency != nil {
			g.run.latency.Add(g.run.loop.Now - begun)
		}
		v.conn.Goodbye()
	})
	v.lost = func(v *visitor, reason error) {
		if !v.served {
			v.alone.Lost(reason)
		}
		g.free++
	}
}
