package workload

import (
	"time"

	"millrace/bench/load/dialect"
	"millrace/bench/load/measure"
	"millrace/bench/load/socket"
)

// standstill: a publisher at a fixed rate and its subscribers, of whom half stop reading at some moment, for good. Its latency is from
// publishing to a delivery to those who read, from that moment until the others have been cut; `before` is the same of the same while all read.
func standstill(r *Run) Result {
	s := &standing{run: r}
	r.openAll(r.Subscribers, func(int) *alone {
		f := &follower{standing: s}
		f.conn, _ = r.connect(f, subscribing(r.Dialect))
		s.followers = append(s.followers, f)
		return &f.alone
	})
	r.openAll(1, func(int) *alone {
		s.conn, s.dialect = r.connect(s, openPublishing)
		return &s.alone
	})
	s.prepare()
	s.publish(r.WarmUp)
	all := s.measured(r.Time)
	for _, f := range s.followers[:r.Subscribers/2] {
		f.stalled = true
		f.conn.Stall()
	}
	stop := r.start()
	delivered := s.delivered
	r.latency = s.measured(r.StalledFor)
	result := stop(s.delivered - delivered)
	result.Before = all.Summary()
	s.awaitCut()
	return result
}

// standing is who publishes, and who is to hear of it.
type standing struct {
	alone
	run       *Run
	conn      *socket.Conn
	dialect   dialect.Dialect
	followers []*follower
	batch     *batch
	sent      []published // all of them, in order
	latency   *measure.Histogram
	delivered int
	cut       int
}

type published struct {
	at      int64
	variant int
}

func (s *standing) prepare() {
	values := make([]dialect.Value, variants)
	for i := range values {
		values[i] = dialect.Message(i, s.run.Text)
	}
	s.batch = newBatch(s.dialect, s.dialect.(dialect.Channels).Publications(values))
}

// measured publishes for a time, and tells how long the deliveries took.
func (s *standing) measured(ms int) *measure.Histogram {
	s.latency = &measure.Histogram{}
	s.publish(ms)
	return s.latency
}

// publish goes on for a time, at the rate of the job, and until those who read have everything.
func (s *standing) publish(ms int) {
	first := len(s.sent)
	s.run.eachMillisecond(ms, func(tick int) {
		for len(s.sent)-first < s.run.Rate*tick/1000 {
			s.next()
		}
	})
	s.run.until("the last deliveries", func() bool {
		for _, f := range s.followers {
			if !f.stalled && f.got < len(s.sent) {
				return false
			}
		}
		return true
	})
}

func (s *standing) next() {
	bytes, _ := s.batch.take(1, s.firstID+uint32(len(s.sent)))
	s.sent = append(s.sent, published{socket.Clock(), s.batch.frame - 1})
	s.conn.Write(bytes)
}

// Answer to a publication says nothing that the deliveries do not.
func (s *standing) Answer(uint32, []byte) {}

// awaitCut reads again where nobody read: behind what came before it, there is the end of each connection. A server on Deno cannot always tell it:
// who was cut there may be left with a socket that says nothing, and must not get what is published now.
func (s *standing) awaitCut() {
	stalled := s.followers[:s.run.Subscribers/2]
	for _, f := range stalled {
		f.conn.GoOn()
	}
	s.run.loop.Run(farewell, func() bool { return s.cut == len(stalled) })
	s.latency = nil
	s.next()
	s.publish(1)
	for i, f := range stalled {
		if f.got == len(s.sent) {
			socket.Fail("subscriber %d read nothing for %d ms, and was not cut", i, s.run.StalledFor)
		}
	}
}

// farewell is how long the ends of connections may take to come.
const farewell = 5 * time.Second

// follower checks that all publications come, in their order, once.
type follower struct {
	alone
	standing *standing
	conn     *socket.Conn
	got      int
	stalled  bool
}

func (f *follower) Item(value []byte) {
	s := f.standing
	if f.got == len(s.sent) {
		socket.Fail("a publication was delivered that was not published: %.80q", value)
	}
	sent := s.sent[f.got]
	if len(value) != len(s.batch.expected[sent.variant]) {
		socket.Fail("a wrong delivery: %.80q", value)
	}
	f.got++
	if f.stalled {
		return
	}
	s.delivered++
	if s.latency != nil {
		s.latency.Add(s.run.loop.Now - sent.at)
	}
}

func (f *follower) Lost(reason error) {
	if !f.stalled {
		f.alone.Lost(reason)
	}
	f.standing.cut++
}
