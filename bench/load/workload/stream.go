package workload

import (
	"bytes"

	"millrace/bench/load/dialect"
	"millrace/bench/load/socket"
)

// stream: small items from the server, one stream after the other on each connection.
func stream(r *Run) Result {
	readers := make([]*reader, r.Connections)
	r.openAll(r.Connections, func(i int) *alone {
		c := &reader{input: dialect.Range{Count: r.Items, Value: dialect.Message(i, 16)}, checking: true}
		_, d := r.connect(c, opening(""))
		streams, has := d.(dialect.Streams)
		if !has {
			socket.Fail("%s has no streams", r.Dialect)
		}
		c.prepare(streams)
		readers[i] = c
		return &c.alone
	})
	for _, c := range readers {
		c.id = c.firstID
	}
	phase(r, readers, r.WarmUp)
	for _, c := range readers {
		c.checking = false
		c.items = 0
	}
	stop := r.start()
	phase(r, readers, r.Time)
	items := 0
	for _, c := range readers {
		items += c.items
	}
	return stop(items)
}

// reader reads the streams of one connection.
type reader struct {
	alone
	dialect  dialect.Streams
	input    dialect.Range
	expected [][]byte
	id       uint32 // of the next stream
	read     int    // items of this stream
	items    int
	reading  bool
	stopping bool
	checking bool
}

func (c *reader) prepare(d dialect.Streams) {
	c.dialect = d
	for i := range c.input.Count {
		c.expected = append(c.expected, d.Item(dialect.Value{N: c.input.N + i, S: c.input.S}))
	}
}

func (c *reader) fill() {
	c.read = 0
	c.reading = true
	c.id++
	c.dialect.Stream(c.id-1, c.input)
}

func (c *reader) waits() bool { return c.reading }

func (c *reader) stop(stopping bool) { c.stopping = stopping }

func (c *reader) Item(value []byte) {
	if c.read == c.input.Count || !c.reading {
		socket.Fail("a stream of more than %d items", c.input.Count)
	}
	expected := c.expected[c.read]
	if len(value) != len(expected) || c.checking && !bytes.Equal(value, expected) {
		socket.Fail("a wrong item: %.80q", value)
	}
	c.read++
	c.items++
}

func (c *reader) End() {
	if c.read != c.input.Count {
		socket.Fail("a stream of %d items, not %d", c.read, c.input.Count)
	}
	c.reading = false
	if !c.stopping {
		c.fill()
	}
}
