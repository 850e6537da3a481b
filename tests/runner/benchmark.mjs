// The benchmark itself: that what it says of files is right (benchmark_files.mjs), that its generator is right, and that every quick contender answers every quick workload. What it
// measures in so short a time means nothing.
import { readFileSync, rmSync } from "node:fs";
import process from "node:process";
import { findGo, go, GO_ADVICE } from "../../bench/generator.mjs";
import { run } from "../../tools/child.mjs";
import { root } from "../../tools/setup.mjs";
import { benchmarkFiles } from "./benchmark_files.mjs";
import { check, problems, skipped } from "./report.mjs";

/** Seconds that each is measured, and warmed up before. */
const SHORT = "0.2";

/** `go vet`, `go test`, and a very short quick run. */
export async function benchmark({ rt, live }) {
  const read = await benchmarkFiles({ rt });
  if (process.platform !== "linux") return [...read, skipped("the benchmark", "a Linux, for epoll")];
  const found = await findGo();
  if ("missing" in found) return [...read, skipped(`the benchmark: ${found.missing}`, GO_ADVICE)];
  return [
    ...read,
    check("go vet", await go(found.path, ["vet", "./..."])),
    check("go test", await go(found.path, ["test", "./..."])),
    ...await short(rt, live),
  ];
}

/** A run, and the same once more with its file: nothing is left to measure, and every row is compared with itself. */
async function short(rt, live) {
  const file = `${root}/.millrace/short.json`;
  const times = ["--repeats", "1", "--seconds", SHORT, "--warm-up", SHORT];
  const again = ["--resume", "--compare", file];
  rmSync(file, { force: true });
  const bench = (...more) =>
    run(rt.node, ["bench/run.mjs", "--quick", ...times, "--json", file, ...more], {
      cwd: root,
      timeout: 180_000,
      live,
    });
  const first = await bench();
  const checks = [check("npm run bench -- --quick, very short", first)];
  if (first.code !== 0) return checks;
  const { samples } = JSON.parse(readFileSync(file, "utf8"));
  checks[0].passed = samples.length;
  const idle = samples.filter(({ operations }) => !(operations > 0));
  checks.push(problems("each was answered", idle.map((sample) => JSON.stringify(sample))));
  const second = await bench(...again);
  const compared = second.stdout.match(/: +rate 1\.00/g)?.length;
  const whole = second.stdout.includes(`${samples.length} were measured before`) &&
    compared === samples.length;
  checks.push(check("the same, resumed and compared", { ...second, code: whole ? second.code : 1 }));
  rmSync(file);
  return checks;
}
