package workload

import (
	"time"

	"millrace/bench/load/measure"
	"millrace/bench/load/socket"
)

const (
	// settled: the server is left alone for so long before its memory is read.
	settled = 3 * time.Second
	// before are connections that open first, so that what a server needs once does not count.
	before = 500
)

// idle: connections that have made one call and do nothing. It tells what memory each takes in the server; its
// operations are the connections.
func idle(r *Run) Result {
	r.rest(before)
	first := measure.Memory(r.Server)
	stop := r.start()
	r.rest(r.Connections - before)
	result := stop(r.Connections)
	each := float64(measure.Memory(r.Server)-first) / float64(r.Connections-before)
	result.Memory = &each
	return result
}

// rest opens connections, has one call answered on each, and leaves the server alone.
func (r *Run) rest(count int) {
	done, opened := 0, 0
	r.untilOpen(func() bool {
		for opened < count && opened < done+openAtOnce {
			opened++
			r.visit(func(*visitor) { done++ })
		}
		return done == count
	})
	if r.loop.Run(settled, never) {
		socket.Fail("connections were not left alone")
	}
}
