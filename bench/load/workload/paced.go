package workload

import "millrace/bench/load/socket"

// paced: as many calls a second however many connections there are, each connection in its turn. What it is measured for
// is the server's CPU for a call.
func paced(r *Run) Result {
	r.InFlight, r.PerFrame = 1, 1
	callers := r.callers(2)
	for _, c := range callers {
		c.stop(true)
	}
	p := &pace{run: r, callers: callers}
	p.phase(r.WarmUp)
	stop := r.start()
	for _, c := range callers {
		c.measure()
	}
	p.phase(r.Time)
	return stop(answered(callers))
}

type pace struct {
	run     *Run
	callers []*caller
	next    int
}

// phase sends each millisecond what is due.
func (p *pace) phase(ms int) {
	sent := 0
	p.run.eachMillisecond(ms, func(tick int) {
		for ; sent < p.run.Rate*tick/1000; sent++ {
			p.call()
		}
	})
	drain(p.run, p.callers)
}

// eachMillisecond does what is due, and serves connections until the next.
func (r *Run) eachMillisecond(ms int, due func(tick int)) {
	begun := socket.Clock()
	for tick := 1; tick <= ms; tick++ {
		due(tick)
		for {
			left := begun + int64(tick)*1e6 - socket.Clock()
			if left <= 0 {
				break
			}
			r.loop.Turn(int((left + 999_999) / 1e6))
		}
	}
}

// call is made on the next connection. Where its last one is still not answered it is left out: a server that cannot keep
// up shows in the rate, and not in the latencies, which are of the calls that were made.
func (p *pace) call() {
	c := p.callers[p.next]
	p.next = (p.next + 1) % len(p.callers)
	if !c.waits() {
		c.send(1)
	}
}
