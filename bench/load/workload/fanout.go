package workload

import (
	"bytes"

	"millrace/bench/load/dialect"
	"millrace/bench/load/socket"
)

// warmBurst is how many publications come together in the first half of the warm-up. What a server does once for each publication is
// compiled after thousands of them; one at a time that takes minutes, and what is measured is a server that has run for some.
const warmBurst = 64

// fanOut: one connection publishes, others hear of it: so many publications together, and the next when each of the
// subscribers has all of them. Its operations are deliveries; its latency is from publishing to a delivery.
func fanOut(r *Run) Result {
	p := &publisher{run: r, burst: max(warmBurst, r.Burst), checking: true, stopping: true}
	for range r.Subscribers {
		p.subscribers = append(p.subscribers, &subscriber{publisher: p})
	}
	r.openAll(r.Subscribers, func(i int) *alone {
		s := p.subscribers[i]
		r.connect(s, subscribing(r.Dialect))
		return &s.alone
	})
	r.openAll(1, func(int) *alone {
		p.conn, p.dialect = r.connect(p, openPublishing)
		return &p.alone
	})
	p.prepare()
	loads := []*publisher{p}
	phase(r, loads, r.WarmUp/2)
	p.burst = r.Burst
	phase(r, loads, r.WarmUp/2)
	p.checking = false
	stop := r.start()
	p.delivered = 0
	phase(r, loads, r.Time)
	return stop(p.delivered)
}

func subscribing(name string) func(dialect.Dialect) {
	return func(d dialect.Dialect) {
		channels, has := d.(dialect.Channels)
		if !has {
			socket.Fail("%s has no channels", name)
		}
		channels.Subscribe()
	}
}

func openPublishing(d dialect.Dialect) {
	if p, has := d.(dialect.Publishing); has {
		p.OpenPublishing()
	} else {
		d.Open("")
	}
}

// publisher sends, and knows what each subscriber is to hear.
type publisher struct {
	alone
	run         *Run
	conn        *socket.Conn
	dialect     dialect.Dialect
	subscribers []*subscriber
	batch       *batch
	id          uint32
	burst       int   // how many publications together
	first       int   // which publication of the batch the burst begins with
	sentAt      int64 // when the burst left
	missing     int   // deliveries of the burst
	delivered   int
	stopping    bool
	checking    bool
}

func (p *publisher) prepare() {
	values := make([]dialect.Value, max(variants, 2*p.burst))
	for i := range values {
		values[i] = dialect.Message(i, p.run.Text)
	}
	p.batch = newBatch(p.dialect, p.dialect.(dialect.Channels).Publications(values))
	p.id = p.firstID
}

func (p *publisher) fill() {
	bytes, _ := p.batch.take(p.burst, p.id)
	p.id += uint32(p.burst)
	p.first, p.missing = p.batch.frame-p.burst, p.burst*len(p.subscribers)
	for _, s := range p.subscribers {
		s.heard = 0
	}
	p.sentAt = socket.Clock()
	p.conn.Write(bytes)
}

func (p *publisher) waits() bool { return p.missing > 0 }

func (p *publisher) stop(stopping bool) { p.stopping = stopping }

// Answer to a publication, from contenders that have one, says nothing that the deliveries do not.
func (p *publisher) Answer(uint32, []byte) {}

// subscriber checks that all publications come, in their order, once.
type subscriber struct {
	alone
	publisher *publisher
	heard     int // of the burst
}

func (s *subscriber) Item(value []byte) {
	p := s.publisher
	if s.heard == p.burst {
		socket.Fail("a publication was delivered twice: %.80q", value)
	}
	expected := p.batch.expected[p.first+s.heard]
	if len(value) != len(expected) || p.checking && !bytes.Equal(value, expected) {
		socket.Fail("a wrong delivery: %.80q", value)
	}
	s.heard++
	p.missing--
	p.delivered++
	if p.run.latency != nil {
		p.run.latency.Add(p.run.loop.Now - p.sentAt)
	}
}

func (s *subscriber) Turn() {
	if p := s.publisher; p.missing == 0 && !p.stopping {
		p.fill()
	}
}
