package workload

import (
	"testing"

	"millrace/bench/load/dialect"
	"millrace/bench/load/socket"
)

// deaf is told nothing.
type deaf struct{ alone }

func testBatch(values, perFrame int) *batch {
	d := dialect.Table["MsgpackRpc"].New(dialect.Base{Listener: &deaf{}})
	list := make([]dialect.Value, values)
	for i := range list {
		list[i] = dialect.Message(i, 16)
	}
	return newBatch(d, d.Calls("echo", list, perFrame))
}

// TestBatchGoesRound: every frame has its turn, and none is cut.
func TestBatchGoesRound(t *testing.T) {
	b := testBatch(32, 2)
	size := b.ends[1]
	id := uint32(1)
	for turn := range 100 {
		frames := 1 + turn%7
		bytes, first := b.take(frames, id)
		if len(bytes) != frames*size || first+2*frames > len(b.expected) || first%2 != 0 {
			t.Fatalf("turn %d: %d bytes from call %d", turn, len(bytes), first)
		}
		id += uint32(2 * frames)
	}
}

func TestPending(t *testing.T) {
	p := newPending(1)
	for id := uint32(1); id < 1_000; id++ {
		p.add(id, int(id%5), int64(id))
		if found := p.settle(id); found.sentAt != int64(id) || found.variant != int32(id%5) {
			t.Fatalf("call %d: %+v", id, found)
		}
	}
	p.add(1_000, 0, 0)
	fails(t, "an answer to another call", func() { p.settle(1_001) })
	fails(t, "an answer to a call long ago", func() { p.settle(1_000 - uint32(len(p.slots))) })
	p.settle(1_000)
	fails(t, "a second answer", func() { p.settle(1_000) })
	fails(t, "no call", func() { p.settle(0) })
	if p.count != 0 {
		t.Fatalf("%d are left", p.count)
	}
	p.add(1, 0, 0)
	fails(t, "a call that is never answered", func() { p.add(1+uint32(len(p.slots)), 0, 0) })
}

func fails(t *testing.T, what string, do func()) {
	t.Helper()
	defer func() {
		if _, failed := recover().(socket.Failure); !failed {
			t.Errorf("%s was not noticed", what)
		}
	}()
	do()
}
