package workload

import "millrace/bench/load/socket"

// storm: every connection is cut, and all come back at once; so many rounds of it. Operations are connections that came
// back and had a call answered; the time is that of the rounds alone, the latency from the cut to the answer.
func storm(r *Run) Result {
	s := &crowd{run: r}
	s.gather()
	stop := r.start()
	for range r.Rounds {
		s.round()
	}
	return stop(r.Rounds * r.Connections)
}

type crowd struct {
	run      *Run
	visitors []*visitor
	back     int
	cutAt    int64
}

// gather opens the connections the first time, some at once.
func (s *crowd) gather() {
	s.run.untilOpen(func() bool {
		for len(s.visitors) < min(s.run.Connections, s.back+openAtOnce) {
			s.visitors = append(s.visitors, s.run.visit(s.arrived))
		}
		return s.back == s.run.Connections
	})
}

func (s *crowd) arrived(*visitor) {
	s.back++
	if s.run.latency != nil {
		s.run.latency.Add(s.run.loop.Now - s.cutAt)
	}
}

func (s *crowd) round() {
	s.back, s.cutAt = 0, socket.Clock()
	for _, v := range s.visitors {
		v.conn.Close()
	}
	for _, v := range s.visitors {
		v.enter()
	}
	s.run.until("the storm", func() bool { return s.back == s.run.Connections })
}
