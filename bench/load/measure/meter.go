package measure

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

// Watched is the server's process, and the cores that are pinned.
type Watched struct {
	Server int   `json:"server"`
	Cores  []int `json:"cores"`
}

// Spent is what was used between two readings, in milliseconds.
type Spent struct {
	Time         float64  `json:"ms"`
	ServerCPU    float64  `json:"serverCpu"`
	GeneratorCPU float64  `json:"generatorCpu"`
	OtherCPU     *float64 `json:"otherCpu,omitempty"` // by everything else on the two cores
}

// Start begins a measurement; what it returns ends it.
func Start(watched Watched) func() Spent {
	processes := descendants(watched.Server)
	begun := time.Now()
	server, own, busy := cpuOf(processes), ownCPU(), busyOn(watched.Cores)
	return func() Spent {
		spent := Spent{
			Time:         float64(time.Since(begun).Nanoseconds()) / 1e6,
			ServerCPU:    cpuOf(processes) - server,
			GeneratorCPU: ownCPU() - own,
		}
		if len(watched.Cores) > 0 {
			other := max(0, busyOn(watched.Cores)-busy-spent.ServerCPU-spent.GeneratorCPU)
			spent.OtherCPU = &other
		}
		return spent
	}
}

func ownCPU() float64 {
	var usage syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e6
}

func cpuOf(processes []int) (sum float64) {
	for _, process := range processes {
		sum += processCPU(process)
	}
	return sum
}

// processCPU is user and system time of a process, all its threads together: from the clock that the kernel has for it,
// which counts nanoseconds where /proc counts hundredths of a second.
func processCPU(process int) float64 {
	const scheduled = 2
	clock := ^process<<3 | scheduled
	var time syscall.Timespec
	_, _, errno := syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, uintptr(clock), uintptr(unsafe.Pointer(&time)), 0)
	if errno != 0 {
		panic(fmt.Sprintf("the server has ended, or its CPU time cannot be read: %v", errno))
	}
	return float64(time.Nano()) / 1e6
}

// tick: /proc/stat counts hundredths of a second, whatever the kernel's own timer is.
const tick = 10

// busyOn is everything but idle and waiting for a disk, on these cores.
func busyOn(cores []int) (busy float64) {
	for line := range strings.Lines(read("/proc/stat")) {
		fields := strings.Fields(line)
		core, err := strconv.Atoi(strings.TrimPrefix(fields[0], "cpu"))
		if err != nil || !strings.HasPrefix(line, "cpu") || !slices.Contains(cores, core) {
			continue
		}
		for i, field := range fields[1:9] {
			if i != 3 && i != 4 { // idle, iowait
				ticks, _ := strconv.Atoi(field)
				busy += float64(ticks * tick)
			}
		}
	}
	return busy
}

// descendants is a process and all below it: a runtime may have been started by a script.
func descendants(process int) []int {
	found := []int{process}
	tasks, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", process))
	for _, task := range tasks {
		for _, child := range strings.Fields(read(fmt.Sprintf("/proc/%d/task/%s/children", process, task.Name()))) {
			id, _ := strconv.Atoi(child)
			found = append(found, descendants(id)...)
		}
	}
	return found
}

// Memory is the resident memory of a process and all below it, in bytes.
func Memory(process int) (sum int) {
	for _, id := range descendants(process) {
		for line := range strings.Lines(read(fmt.Sprintf("/proc/%d/status", id))) {
			if rest, found := strings.CutPrefix(line, "VmRSS:"); found {
				kib, _ := strconv.Atoi(strings.Fields(rest)[0])
				sum += kib * 1024
			}
		}
	}
	return sum
}

func read(path string) string {
	text, _ := os.ReadFile(path)
	return string(text)
}
