// Package workload has what is done to a server: each workload once, for all dialects.
package workload

import (
	"time"

	"millrace/bench/load/dialect"
	"millrace/bench/load/measure"
	"millrace/bench/load/socket"
)

// Job is what run.mjs asks for. Times are milliseconds, sizes bytes.
type Job struct {
	measure.Watched
	Port     int    `json:"port"`
	Dialect  string `json:"dialect"`
	Workload string `json:"workload"`
	WarmUp   int    `json:"warmUp"`
	Time     int    `json:"ms"`

	Connections int `json:"connections"`
	InFlight    int `json:"inFlight"` // frames on their way on each connection
	PerFrame    int `json:"perFrame"`
	Text        int `json:"text"`   // characters of a message; 0 for 16
	Binary      int `json:"binary"` // bytes of a binary call; 0 for a message

	Items     int `json:"items"` // of each stream
	MiB       int `json:"mib"`
	WarmUpMiB int `json:"warmUpMib"`
	Piece     int `json:"piece"`

	AtOnce      int `json:"atOnce"`      // handshakes
	Rate        int `json:"rate"`        // calls a second, all connections together
	Subscribers int `json:"subscribers"` // of the one publisher
	Burst       int `json:"burst"`       // publications at once
	Rounds      int `json:"rounds"`      // of a storm
	StalledFor  int `json:"stalledMs"`   // while half of the subscribers read nothing
}

// Result is what is told.
type Result struct {
	measure.Spent
	Operations int              `json:"operations"`
	Latency    *measure.Summary `json:"latency,omitempty"`
	// Before is the latency before what is measured happened.
	Before *measure.Summary `json:"before,omitempty"`
	// Memory that one connection takes in the server, in bytes.
	Memory *float64 `json:"memory,omitempty"`
}

// Run is one job that is under way.
type Run struct {
	Job
	loop     *socket.Loop
	language dialect.Language
	upgrade  *socket.Upgrade
	latency  *measure.Histogram // of what is measured; nil while warming up
}

var workloads = map[string]func(*Run) Result{
	"unary":     unary,
	"stream":    stream,
	"upload":    upload,
	"handshake": handshakes,
	"idle":      idle,
	"paced":     paced,
	"fanout":    fanOut,
	"storm":     storm,
	"stalled":   standstill,
}

// Do does a job.
func Do(job Job) Result {
	language, known := dialect.Table[job.Dialect]
	work, named := workloads[job.Workload]
	if !known || !named {
		socket.Fail("no dialect %q or no workload %q", job.Dialect, job.Workload)
	}
	if language.Path == "" {
		language.Path = "/"
	}
	run := &Run{Job: job, loop: socket.NewLoop(job.Port), language: language}
	run.upgrade = socket.NewUpgrade(language.Path, language.Headers...)
	return work(run)
}

// start begins to measure.
func (r *Run) start() func(operations int) Result {
	r.latency = &measure.Histogram{}
	stop := measure.Start(r.Watched)
	return func(operations int) Result {
		return Result{Spent: stop(), Operations: operations, Latency: r.latency.Summary()}
	}
}

// patience is the longest wait for what was sent to be answered.
const patience = 15 * time.Second

// openingPatience is the longest wait for all connections to open: 18,000 at 400 µs each are 7 s on a quiet machine.
const openingPatience = time.Minute

// until serves connections until something has happened.
func (r *Run) until(what string, done func() bool) { r.within(patience, what, done) }

// untilOpen is until for connections that are to open.
func (r *Run) untilOpen(done func() bool) { r.within(openingPatience, "opening connections", done) }

func (r *Run) within(patience time.Duration, what string, done func() bool) {
	if !r.loop.Run(patience, done) {
		socket.Fail("%s: still waiting after %v", what, patience)
	}
}

func milliseconds(count int) time.Duration { return time.Duration(count) * time.Millisecond }

func never() bool { return false }
