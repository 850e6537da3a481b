// What a group found, how it is counted and how it is shown.

/**
 * @typedef {object} Check
 * @property {string} name
 * @property {number} passed
 * @property {number} failed
 * @property {number} skipped
 * @property {string} [output]  shown when something failed or was skipped
 */

/** The counts of all groups together. */
export function total(results) {
  return sum(results.flatMap((result) => result.checks));
}

function sum(checks) {
  const all = { passed: 0, failed: 0, skipped: 0 };
  for (const check of checks) {
    all.passed += check.passed;
    all.failed += check.failed;
    all.skipped += check.skipped;
  }
  return all;
}

/** One check that is not a test file counts as one test. */
export function check(name, outcome) {
  const ok = outcome.code === 0;
  return { name, passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: 0, output: outcome.output };
}

/** A check that found these problems, each a line; none is a pass. */
export function problems(name, lines) {
  return check(name, { code: lines.length > 0 ? 1 : 0, output: lines.join("\n") });
}

/** A check that could not run for want of something outside npm. */
export function skipped(name, command) {
  return {
    name,
    passed: 0,
    failed: 0,
    skipped: 1,
    output: `skipped: ${name}: install it with \`${command}\``,
  };
}

/** A script that counts for itself: the last line `N passed, N failed[, N skipped]` of its output. */
export function counted(name, outcome) {
  const lines = [...outcome.output.matchAll(/^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/gm)];
  const last = lines.at(-1);
  if (!last) {
    const note = "\n(it printed no line `N passed, N failed`)";
    return { name, passed: 0, failed: 1, skipped: 0, output: outcome.output + note };
  }
  const [passed, failed, left] = [Number(last[1]), Number(last[2]), Number(last[3] ?? 0)];
  const crashed = outcome.code !== 0 && failed === 0 ? 1 : 0;
  return { name, passed, failed: failed + crashed, skipped: left, output: outcome.output };
}

/** Prints a group's header, its time and, where something is wrong, what was said. */
export function print({ group, checks, ms }, live, verbose) {
  const { passed, failed, skipped } = sum(checks);
  const counts = `${passed} passed${failed ? `, ${failed} FAILED` : ""}${
    skipped ? `, ${skipped} skipped` : ""
  }`;
  console.log(`\n== ${group.name}: ${group.title}: ${counts} (${(ms / 1000).toFixed(1)} s)`);
  for (const one of checks) {
    const wrong = one.failed > 0 || one.skipped > 0;
    console.log(
      `   ${one.failed > 0 ? "FAILED" : one.skipped > 0 ? "skipped" : "ok"}  ${one.name}${note(one)}`,
    );
    if ((wrong && !live) || verbose) console.log(indent(tail(one.output ?? "")));
  }
}

function note({ passed, failed, skipped, info }) {
  const counts = passed + failed + skipped > 1 ? `: ${passed} passed, ${failed} failed` : "";
  return counts + (info ? ` (${info})` : "");
}

/** The end of what was said; of a suite, what it says of its failures: a thousand passes are of no use. */
function tail(text, most = 60) {
  const lines = failures(text.trimEnd().split("\n"));
  return lines.length > most
    ? [`… ${lines.length - most} lines before`, ...lines.slice(-most)].join("\n")
    : lines.join("\n");
}

/** Deno has a section of errors at its end; Bun says each just before the line that names the test. */
function failures(lines) {
  const section = lines.findLastIndex((line) => /^\s*ERRORS\s*$/.test(line));
  if (section >= 0) {
    return lines.slice(section).filter((line) => !/^\s+at .*(ext:|tests\/std\/)/.test(line)).slice(0, 60);
  }
  const near = new Set();
  lines.forEach((line, at) => {
    if (/^\(fail\)/.test(line)) { for (let i = Math.max(0, at - 25); i <= at; i++) near.add(i); }
  });
  return near.size > 0 ? lines.filter((line, at) => near.has(at) && !/^\(pass\)/.test(line)) : lines;
}

function indent(text) {
  return text.split("\n").map((line) => `     ${line}`).join("\n");
}
