package socket

import "fmt"

// Failure is what ends a run: a wrong answer, a lost connection. It travels as a panic, from wherever it is noticed to
// main: one such thing makes the whole measurement worthless.
type Failure struct{ Message string }

func (f Failure) Error() string { return f.Message }

// Fail ends the run.
func Fail(format string, arguments ...any) {
	panic(Failure{fmt.Sprintf(format, arguments...)})
}
