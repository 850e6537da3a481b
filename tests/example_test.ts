// The tests of the examples are tests of ours too.
import "../examples/dropped_test.ts";
