package workload

// load is something that keeps a server busy.
type load interface {
	// fill sends as much as may be on its way.
	fill()
	// waits is whether some of it has not been answered.
	waits() bool
	// stop is whether answers are no longer followed by new calls.
	stop(bool)
}

// phase runs loads for a time, and until everything is answered.
func phase[L load](r *Run, loads []L, ms int) {
	for _, l := range loads {
		l.stop(false)
		l.fill()
	}
	r.loop.Run(milliseconds(ms), never)
	for _, l := range loads {
		l.stop(true)
	}
	drain(r, loads)
}

// drain waits until everything is answered.
func drain[L load](r *Run, loads []L) {
	done := 0
	r.until("the last answers", func() bool {
		for done < len(loads) && !loads[done].waits() {
			done++
		}
		return done == len(loads)
	})
}
