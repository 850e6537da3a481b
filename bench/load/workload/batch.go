package workload

import (
	"millrace/bench/load/dialect"
	"millrace/bench/load/socket"
)

// batch is encoded calls one after the other, taken from its front to its back and then from its front again.
type batch struct {
	dialect  dialect.Dialect
	bytes    []byte
	ends     []int // of each frame, with a 0 in front
	ids      []int // places of all ids
	expected [][]byte
	perFrame int // ids in a frame; 0 for publications that have none
	frame    int // the next one
}

func newBatch(d dialect.Dialect, calls dialect.Calls) *batch {
	b := &batch{dialect: d, ends: []int{0}, expected: calls.Expected, perFrame: len(calls.Frames[0].IDs)}
	for _, frame := range calls.Frames {
		for _, at := range frame.IDs {
			b.ids = append(b.ids, len(b.bytes)+at)
		}
		b.bytes = append(b.bytes, frame.Bytes...)
		b.ends = append(b.ends, len(b.bytes))
	}
	return b
}

// take gives the next frames, their calls numbered from id, and which of the batch's calls is the first.
func (b *batch) take(frames int, id uint32) (bytes []byte, first int) {
	if b.frame+frames >= len(b.ends) {
		b.frame = 0
	}
	start := b.frame
	b.frame += frames
	first = start * b.perFrame
	for i, at := range b.ids[first : b.frame*b.perFrame] {
		b.dialect.Patch(b.bytes, at, id+uint32(i))
	}
	return b.bytes[b.ends[start]:b.ends[b.frame]], first
}

// pending is what was called and has not been answered.
type pending struct {
	count int
	slots []waiting
}

type waiting struct {
	id      uint32 // 0: none
	variant int32  // which call of the batch it was
	sentAt  int64
}

// newPending has room for many more calls than are on their way at once, since answers may come in any order.
func newPending(atOnce int) pending {
	size := 16
	for size < 16*atOnce {
		size *= 2
	}
	return pending{slots: make([]waiting, size)}
}

func (p *pending) add(id uint32, variant int, now int64) {
	slot := &p.slots[int(id)&(len(p.slots)-1)]
	if slot.id != 0 {
		socket.Fail("call %d was never answered, though %d later ones were", slot.id, len(p.slots))
	}
	*slot = waiting{id, int32(variant), now}
	p.count++
}

// settle takes a call out when its answer has come.
func (p *pending) settle(id uint32) waiting {
	slot := &p.slots[int(id)&(len(p.slots)-1)]
	if slot.id != id || id == 0 {
		socket.Fail("an answer to call %d, which waits for none", id)
	}
	found := *slot
	slot.id = 0
	p.count--
	return found
}
