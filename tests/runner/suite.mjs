// The suite proper: tests/**/*_test.ts, the same files under Deno and under Bun.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../../tools/child.mjs";
import { filesUnder } from "../../tools/files.mjs";
import { redisServer } from "../../tools/setup.mjs";

const TIMEOUT = 600_000;

/** Bun ends a test after this; Deno has no such limit, there the deadline of the whole run holds. */
const TEST_TIMEOUT = 60_000;

/** Under Deno with the leak sanitizers on: they are off by default in 2.9. */
export function denoSuite({ rt, std, files, live }) {
  return suite("deno", files, (paths, report) => {
    const sanitize = ["--sanitize-ops", "--sanitize-resources"];
    const args = [
      "test",
      "-A",
      "--no-check",
      "--v8-flags=--expose-gc",
      ...sanitize,
      `--junit-path=${report}`,
      ...std.args,
    ];
    return run(rt.deno, [...args, ...paths], { timeout: TIMEOUT, live });
  });
}

/** Under Bun. */
export function bunSuite({ rt, files, live }) {
  return suite("bun", files, (paths, report) => {
    const args = ["test", `--timeout=${TEST_TIMEOUT}`, "--reporter=junit", `--reporter-outfile=${report}`];
    return run(rt.bun, [...args, ...paths.map((path) => `./${path}`)], { timeout: TIMEOUT, live });
  });
}

async function suite(name, filters, start) {
  const paths = testFiles(filters);
  if (paths.length === 0) return [{ name, passed: 0, failed: 1, skipped: 0, output: "(no test file fits)" }];
  await redisServer(); // into the environment, for tools/redis.mjs
  const folder = mkdtempSync(join(tmpdir(), "millrace-suite-"));
  try {
    const report = join(folder, "report.xml");
    const outcome = await start(paths, report);
    const counts = count(report);
    const crashed = outcome.code !== 0 && counts.failed === 0 ? 1 : 0;
    const info = `${paths.length} files`;
    return [{ name, ...counts, failed: counts.failed + crashed, output: outcome.output, info }];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function testFiles(filters) {
  const all = filesUnder("tests", /_test\.ts$/);
  if (filters.length === 0) return all;
  return all.filter((path) => filters.some((filter) => path.includes(filter.replace(/^\.\//, ""))));
}

/**
 * Counts the leaves of a JUnit report: Deno lists a suite beside its steps, and a suite counts only where it
 * failed by itself (a leak, a hook).
 */
function count(path) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  let xml;
  try {
    xml = readFileSync(path, "utf8");
  } catch {
    return counts;
  }
  const cases = [...xml.matchAll(/<testcase name="([^"]*)"[^>]*?(?:\/>|>([\s\S]*?)<\/testcase>)/g)];
  const suites = new Set(cases.flatMap(([, name]) => parents(name)));
  for (const [, name, body = ""] of cases) {
    const failed = /<(failure|error)\b/.test(body);
    const container = suites.has(name);
    if (container && (!failed || /message="\d+ test steps? failed"/.test(body))) continue;
    if (failed) counts.failed++;
    else if (/<skipped\b/.test(body)) counts.skipped++;
    else counts.passed++;
  }
  return counts;
}

function parents(name) {
  const parts = name.split(" &gt; ");
  return parts.slice(1).map((_, at) => parts.slice(0, at + 1).join(" &gt; "));
}
