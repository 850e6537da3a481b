// Test programs that are not suites: each runs by itself under Node 22, finds the runtimes in MILLRACE_DENO,
// MILLRACE_BUN, MILLRACE_NODE and MILLRACE_CHROMIUM, and prints `N passed, N failed` at its end.
import { existsSync } from "node:fs";
import { run } from "../../tools/child.mjs";
import { filesUnder } from "../../tools/files.mjs";
import { k6 as findK6, K6_COMMAND } from "../../tools/k6.mjs";
import { chromium, CHROMIUM_COMMAND, root } from "../../tools/setup.mjs";
import { check, counted, skipped } from "./report.mjs";

/** Seeds of the simulation in the test command. */
const SEEDS = 2_000;
/** About a minute and a half on two cores that do nothing else. */
const SIM_TIMEOUT = 600_000;

/** tests/cross/*_cross.mjs: a server of one runtime, clients of the others. */
export function cross(context) {
  return scripts("tests/cross", /_cross\.mjs$/, context);
}

/** tests/browser/*_browser.mjs: the page and the client in headless Chromium. */
export async function browser(context) {
  const path = await chromium();
  if (!path) return [skipped("Chromium", CHROMIUM_COMMAND)];
  return await scripts("tests/browser", /_browser\.mjs$/, context, { MILLRACE_CHROMIUM: path });
}

/** The demo as a newcomer starts it: one process, and two nodes on Redis. */
export async function demo({ rt, live }) {
  if (!existsSync(`${root}/tools/demo.mjs`)) return missing("tools/demo.mjs");
  const results = [];
  for (const flags of [["--check"], ["--check", "--redis"]]) {
    const name = `npm run demo -- ${flags.join(" ")}`;
    const options = { cwd: root, timeout: 240_000, live };
    const outcome = await run(rt.node, ["tools/demo.mjs", ...flags], options);
    const isOk = /^demo ok$/m.test(outcome.output);
    results.push(check(name, { ...outcome, code: isOk ? outcome.code : 1 }));
  }
  return results;
}

/**
 * Calls, streams, cancels and reconnects for three minutes: memory and gauges. One minute could not tell what grows from what a runtime collects late: on the same code
 * the server's heap under Deno had "grown" by -0.06 and by 1.29 MiB of 1 in a minute, and by 0.16 MiB a minute in four (2026-11-26).
 */
export async function soak({ rt, live }) {
  if (!existsSync(`${root}/tools/soak.mjs`)) return missing("tools/soak.mjs");
  const options = { cwd: root, timeout: 360_000, live };
  return [
    check("npm run soak -- --minutes 3", await run(rt.node, ["tools/soak.mjs", "--minutes", "3"], options)),
  ];
}

/** Connections that are cut, nodes and Redis that are killed: all that `npm run faults` does, with a hundredth of it, or a dozen clients. */
export async function faults({ rt, live }) {
  const name = "npm run faults -- --scale 0.01";
  const options = { cwd: root, timeout: 600_000, live };
  const outcome = await run(rt.node, ["tools/faults.mjs", "--scale", "0.01"], options);
  const isClean = /^faults [1-9]\d*, anomalies 0$/m.test(outcome.output);
  return [check(name, { ...outcome, code: isClean ? outcome.code : 1 })];
}

/** Seeds of the simulation, a half of them under each runtime. */
export async function sim({ rt, live }) {
  const args = ["--seeds", String(SEEDS)];
  const options = { cwd: root, timeout: SIM_TIMEOUT, live };
  const outcome = await run(rt.node, ["tools/sim.mjs", ...args], options);
  const isClean = outcome.output.includes(`seeds ${SEEDS}, anomalies 0`);
  return [check(`npm run sim -- ${args.join(" ")}`, { ...outcome, code: isClean ? outcome.code : 1 })];
}

/** A few seconds of each k6 script. Built by Go when it is missing, in two to three minutes. */
export async function k6({ rt, live }) {
  const path = await findK6();
  if (!path) return [skipped("k6", K6_COMMAND)];
  const name = "npm run k6 -- smoke";
  const options = { cwd: root, timeout: 240_000, env: { MILLRACE_K6: path }, live };
  return [counted(name, await run(rt.node, ["bench/k6/run.mjs", "smoke"], options))];
}

async function scripts(folder, fits, { rt, live }, env = {}) {
  const results = [];
  for (const path of filesUnder(folder, fits)) {
    results.push(counted(path, await run(rt.node, [path], { cwd: root, timeout: 180_000, env, live })));
  }
  return results.length > 0 ? results : missing(folder);
}

/** A deletion must not pass unnoticed. */
function missing(path) {
  return [check(path, { code: 1, output: `${path} is not there` })];
}
