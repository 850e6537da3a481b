// The benchmark itself: that what it says of two runs and of targets is right, that its generator is right, and that every quick contender answers every quick workload. What it measures in
// so short a time means nothing.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import process from "node:process";
import { comparison } from "../../bench/compare.mjs";
import { findGo, go, GO_ADVICE } from "../../bench/generator.mjs";
import { readRun } from "../../bench/results.mjs";
import { judge } from "../../bench/targets.mjs";
import { run } from "../../tools/child.mjs";
import { root } from "../../tools/setup.mjs";
import { check, problems, skipped } from "./report.mjs";

/** Seconds that each is measured, and warmed up before. */
const SHORT = "0.2";

/** A file of --json, with one repeat of `unary-500x1` on Bun: Millrace's calls in two seconds, and the milliseconds that the echo's server was busy. */
function written(name, { calls, echoBusy = 1_980, date, seconds, cpu = "one" }) {
  const sample = (contender, operations, serverCpu) => {
    const where = { runtime: "bun", workload: "unary-500x1", contender, repeat: 0 };
    const spent = { serverCpu, generatorCpu: 900, otherCpu: 0 };
    return { ...where, ms: 2_000, operations, ...spent, latency: { p50: 1, p99: 2 } };
  };
  const samples = [sample("echo", 100_000, echoBusy), sample("millrace", calls, 1_980)];
  const path = `${root}/.millrace/${name}.json`;
  mkdirSync(`${root}/.millrace`, { recursive: true });
  const machine = { date, cpu, cores: 2, versions: { bun: "1", millrace: date } };
  writeFileSync(path, JSON.stringify({ format: 2, machine, options: { seconds }, samples }));
  try {
    return readRun(path);
  } finally {
    rmSync(path);
  }
}

/** What a comparison does not say and should. */
function compared() {
  const old = written("compared-old", { calls: 80_000, date: "then", seconds: 5 });
  const now = written("compared-new", { calls: 60_000, date: "now", seconds: 2, cpu: "another" });
  const text = comparison(now, old).join("\n");
  const expected = [
    /Compared with then, millrace then/,
    /other options: seconds 2 for 5/,
    /other machine: cpu another for one/,
    /bun unary-500x1 echo: +rate 1\.00 +CPU 1\.00 +p99 1\.00/,
    /bun unary-500x1 millrace: +rate 0\.75 ! +CPU 1\.33 ! +p99 1\.00 +x echo 0\.75 !/,
  ];
  return expected.filter((line) => !line.test(text)).map((line) => `no line ${line} in\n${text}`);
}

/** What is not judged as it should be: by the rates where both servers were busy, by CPU where the echo's was not. */
function judged() {
  const reached = (given) => {
    const { rows } = written("judged", { calls: 80_000, date: "now", seconds: 2, ...given });
    return judge(rows.find(({ contender }) => contender === "millrace"), rows).map((one) => one.reached)
      .join();
  };
  return [
    [reached({}), "0.80"],
    [reached({ echoBusy: 1_188 }), "0.48 by CPU"],
  ].filter(([found, wanted]) => found !== wanted).map((pair) => pair.join(" instead of "));
}

/** `go vet`, `go test`, and a very short quick run. */
export async function benchmark({ rt, live }) {
  const read = [
    problems("two runs that differ are compared", compared()),
    problems("targets are judged", judged()),
  ];
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
