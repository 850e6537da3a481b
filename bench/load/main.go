//go:build linux

// The load generator: one workload against one server, in one thread that run.mjs pins to its own core.
//
//	load '{"port":8000,"server":4711,"cores":[0,1],"dialect":"Echo","workload":"unary",...}'
//
// It prints one line of JSON: what was measured, or `error`.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"syscall"

	"millrace/bench/load/socket"
	"millrace/bench/load/workload"
)

func main() {
	runtime.LockOSThread()
	runtime.GOMAXPROCS(1)
	// What is sent again and again is allocated before the clock runs; the rest of a run fits in memory without collecting.
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(1 << 30)
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) == nil {
		limit.Cur = limit.Max
		syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
	}
	print(os.Args[1])
}

func print(text string) {
	defer func() {
		switch reason := recover().(type) {
		case nil:
		case socket.Failure:
			say(map[string]string{"error": reason.Message})
		default: // such as an answer that ends too early for its dialect
			say(map[string]string{"error": fmt.Sprintf("%v\n%s", reason, debug.Stack())})
		}
	}()
	var job workload.Job
	if err := json.Unmarshal([]byte(text), &job); err != nil {
		socket.Fail("cannot read the job: %v", err)
	}
	say(workload.Do(job))
}

func say(what any) {
	line, err := json.Marshal(what)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(line))
}
