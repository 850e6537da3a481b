// The whole test suite: `npm test`. On a machine with only Node and npm it does the set-up first. Ends with
// one line, `N passed, N failed, N skipped`, and exit code 1 if anything failed.
//
//   node tests/run.mjs [--ci] [--only GROUP[,GROUP]] [--list] [--verbose] [FILE...]
//
// --ci makes a skip a failure; FILE narrows the suite (and runs only that, under Deno and Bun, unless --only
// says otherwise).
import process from "node:process";
import { parseArgs } from "node:util";
import { ensurePackages, root, runtimes } from "../tools/setup.mjs";
import { killAll } from "../tools/child.mjs";
import { groups } from "./runner/groups.mjs";
import { print, total } from "./runner/report.mjs";
import { standardLibrary } from "./runner/standard_library.mjs";

const { values: flags, positionals: files } = parseArgs({
  options: {
    ci: { type: "boolean", default: false },
    only: { type: "string" },
    list: { type: "boolean", default: false },
    verbose: { type: "boolean", default: false },
  },
  allowPositionals: true,
});

if (flags.list) {
  for (const group of groups) console.log(`${group.name.padEnd(10)} ${group.title}`);
  process.exit(0);
}

const chosen = choose(flags.only?.split(",") ?? (files.length > 0 ? ["deno", "bun"] : undefined));
const started = performance.now();
process.chdir(root);
await ensurePackages();
const rt = await runtimes();
const std = await standardLibrary(rt.deno);
console.log(`@std/testing and @std/assert: ${std.note}`);

const context = { root, rt, std, files, live: chosen.length === 1 && (files.length > 0 || flags.verbose) };
const results = await runAll(chosen, context);
const sum = total(results);
if (flags.ci && sum.skipped > 0) {
  console.log(`\n--ci: ${sum.skipped} skipped count as failed`);
  sum.failed += sum.skipped;
  sum.skipped = 0;
}
console.log(`\nin ${((performance.now() - started) / 1000).toFixed(0)} s`);
console.log(`${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`);
killAll();
process.exit(sum.failed > 0 || sum.passed === 0 ? 1 : 0);

function choose(names) {
  if (!names) return groups;
  const unknown = names.filter((name) => !groups.some((group) => group.name === name));
  if (unknown.length > 0) {
    console.error(
      `Cannot run ${unknown.join(", ")}: no such group (${groups.map((group) => group.name).join(", ")})`,
    );
    process.exit(2);
  }
  return groups.filter((group) => names.includes(group.name));
}

/** Two groups at a time, then one by one those that want to be alone. */
async function runAll(list, context) {
  const results = [];
  const together = list.filter((group) => !group.alone);
  const lane = async () => {
    for (let group = together.shift(); group; group = together.shift()) {
      results.push(await runOne(group, context));
    }
  };
  await Promise.all([lane(), lane()]);
  for (const group of list.filter((group) => group.alone)) results.push(await runOne(group, context));
  return results;
}

async function runOne(group, context) {
  const begun = performance.now();
  if (context.live) console.log(`\n== ${group.name}: ${group.title}`);
  let checks;
  try {
    checks = await group.run(context);
  } catch (error) {
    checks = [{ name: `${group.name} runner`, passed: 0, failed: 1, skipped: 0, output: error.stack }];
  }
  const result = { group, checks, ms: performance.now() - begun };
  print(result, context.live, flags.verbose);
  return result;
}
