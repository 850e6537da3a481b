// What the browser programs say of each step, and at their end.
import process from "node:process";

const counts = { passed: 0, failed: 0 };

/** Runs a step and says what came of it. */
export async function attempt(name, run) {
  try {
    await run();
    report(name);
  } catch (error) {
    report(name, error);
  }
}

/** Counts a step that has ended, in an error if there is one. */
export function report(name, error) {
  counts[error ? "failed" : "passed"]++;
  console.log(error ? `FAILED  ${name}\n${error.stack}` : `ok      ${name}`);
}

/** Prints the counts, which the test command reads, and exits. */
export function finish() {
  console.log(`${counts.passed} passed, ${counts.failed} failed`);
  process.exit(counts.failed === 0 ? 0 : 1);
}
