// What the benchmark says of the files that it wrote, and of command lines and files that it cannot use. Nothing is measured.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { comparison } from "../../bench/compare.mjs";
import { CONTENDERS } from "../../bench/contenders.mjs";
import { minutesOfScripts, minutesOfSteps } from "../../bench/estimate.mjs";
import { setAside } from "../../bench/kept.mjs";
import { readOptions } from "../../bench/options.mjs";
import { PEERS } from "../../bench/peers.mjs";
import { plan, scriptsOf } from "../../bench/plan.mjs";
import { orderRecord } from "../../bench/k6/order_record.mjs";
import { readRun } from "../../bench/results.mjs";
import { judge } from "../../bench/targets.mjs";
import { run } from "../../tools/child.mjs";
import { root } from "../../tools/setup.mjs";
import { judgedScripts } from "./benchmark_scripts.mjs";
import { problems } from "./report.mjs";

const FOLDER = `${root}/.millrace/benchmark-test`;

/** All of it. @param {{ rt: Record<string, string> }} context */
export async function benchmarkFiles({ rt }) {
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER, { recursive: true });
  try {
    return [
      problems("two runs that differ are compared", compared()),
      problems("targets are judged", judged()),
      problems("targets of scripts are judged", judgedScripts()),
      problems("a run of everything: two hours, and every contender more than once", everything()),
      problems("an earlier result is kept under another name", kept()),
      problems("the order by k6 is kept, with every figure", ordered()),
      problems("what cannot be used is said, and left as it is", await refused(rt)),
    ];
  } finally {
    rmSync(FOLDER, { recursive: true });
  }
}

/** A file of --json, with `unary-500x1` on Bun: Millrace's calls in the two seconds of each repeat, and the milliseconds that the echo's server was busy. */
function written(name, { calls, echoBusy = 1_980, date, seconds, cpu = "one", failed = [] }) {
  const sample = (contender, operations, serverCpu, repeat) => {
    const where = { runtime: "bun", workload: "unary-500x1", contender, repeat };
    const spent = { serverCpu, generatorCpu: 900, otherCpu: 0 };
    if (failed.includes(contender)) return { ...where, error: "it ended" };
    return { ...where, ms: 2_000, operations, ...spent, latency: { p50: 1, p99: 2 } };
  };
  const samples = [calls].flat().flatMap((made, repeat) => [
    sample("echo", 100_000, echoBusy, repeat),
    sample("millrace", made, 1_980, repeat),
  ]);
  const path = `${FOLDER}/${name}.json`;
  const machine = { date, cpu, cores: 2, versions: { bun: "1", millrace: date } };
  writeFileSync(path, JSON.stringify({ format: 2, machine, options: { seconds }, samples }));
  return readRun(path);
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
  const broken = written("compared-failed", { calls: 60_000, date: "now", seconds: 2, failed: ["millrace"] });
  const texts = [
    [text, expected],
    [comparison(broken, old).join("\n"), [/millrace: +failed now !/]],
    [comparison(old, broken).join("\n"), [/millrace: +failed before !/]],
    [comparison(broken, broken).join("\n"), [/millrace: +failed now and before !/, /echo: +rate 1\.00/]],
  ];
  return texts.flatMap(([said, wanted]) =>
    wanted.filter((line) => !line.test(said)).map((line) => `no line ${line} in\n${said}`)
  );
}

/** What is not judged as it should be: by the rates where both servers were busy, by CPU where the echo's was not; what failed is not met. */
function judged() {
  const reached = (given) => {
    const { rows } = written("judged", { calls: 80_000, date: "now", seconds: 2, ...given });
    const verdicts = judge(rows.find(({ contender }) => contender === "millrace"), rows);
    return verdicts.map(({ reached, met }) => `${met ? "met" : "not met"} ${reached}`).join();
  };
  return [
    [reached({}), "not met 0.80"],
    [reached({ echoBusy: 1_188 }), "not met 0.48 by CPU"],
    [reached({ calls: [80_000, 95_000, 120_000] }), "met 0.95 (0.80 to 1.2)"],
    [reached({ calls: [80_000, 96_000], echoBusy: 1_188 }), "not met 0.52 by CPU (0.48 to 0.58)"],
    [reached({ failed: ["millrace"] }), "not met failed"],
    [reached({ failed: ["echo"] }), ""],
  ].filter(([found, wanted]) => found !== wanted).map((pair) => pair.join(" instead of "));
}

/** What a run of everything has not as it should: its time by its own estimate, and its repeats. */
function everything() {
  const options = readOptions([]);
  const steps = plan(options);
  const minutes = minutesOfSteps(steps) + minutesOfScripts(scriptsOf(options));
  const found = minutes <= 120 ? [] : [`it takes ${minutes.toFixed(0)} minutes`];
  for (const contender of CONTENDERS) {
    const own = steps.filter((step) => step.contender === contender);
    const repeats = new Map();
    for (const { runtime, workload, repeat } of own) {
      const row = `${runtime} ${workload.name}`;
      repeats.set(row, [...(repeats.get(row) ?? []), repeat]);
    }
    const wanted = PEERS.includes(contender) ? "0,1" : "0,1,2";
    const other = [...repeats].filter(([, all]) => all.join() !== wanted);
    found.push(...other.map(([row, all]) => `${contender.name} on ${row} has the repeats ${all}`));
    if (new Set(own.map(({ runtime }) => runtime)).size !== contender.runtimes.length) {
      found.push(`${contender.name} is not measured on all of ${contender.runtimes}`);
    }
    if (own.some(({ seconds }) => seconds !== (PEERS.includes(contender) ? 1 : 2))) {
      found.push(`${contender.name} has another time`);
    }
  }
  return found;
}

/** What is lost of three results that were written to one path, one after the other. */
function kept() {
  const path = `${FOLDER}/no-ending`;
  const names = ["first", "second", "third"].map((name) => {
    writeFileSync(path, JSON.stringify({ name, machine: { versions: {} } }));
    return [name, setAside(path)];
  });
  const lost = names.filter(([name, now]) => JSON.parse(readFileSync(now, "utf8")).name !== name);
  const said = lost.map(([name, now]) => `${name} is not in ${now}`);
  return existsSync(path) ? [...said, `${path} is still there`] : said;
}

/** What is wrong with what `npm run k6 -- order --json` keeps: all samples, the middle one of each contender, who spends least first. */
function ordered() {
  const sample = (contender, repeat, cpu) => {
    const perOperation = cpu === undefined ? undefined : cpu * 1_000 / 10_000;
    const steady = { ms: cpu === undefined ? 0 : 5_000, cpu, work: 10_000, perOperation };
    return { runtime: "bun", contender, repeat, steady, kept: 1, perFrame: 2 + repeat, faults: [] };
  };
  const samples = [
    ...[300, 100, 200].map((cpu, repeat) => sample("millrace", repeat, cpu)),
    ...[400, undefined].map((cpu, repeat) => sample("json", repeat, cpu)),
    sample("capnweb", 0, undefined),
  ];
  const machine = { cpu: "one", versions: { bun: "1" } };
  const record = orderRecord({ machine, settings: { rate: 3_200 }, repeats: 3, samples });
  const [first, second, ...rest] = record.rows.bun;
  return [
    [Object.keys(record).join(), "format,machine,settings,repeats,rows,samples"],
    [record.samples.length, samples.length],
    [[first.name, first.cpu, first.spread, first.rate, first.perFrame].join(), "millrace,20,1,2000,3"],
    [[second.name, second.cpu, second.spread].join(), "json,40,0"],
    [rest.every(({ cpu }) => cpu === undefined), true],
    [Object.keys(record.rows).join(), "bun"],
  ].filter(([found, wanted]) => found !== wanted).map((pair) => pair.join(" instead of "));
}

/** What is not refused, or in other words. */
async function refused({ node, deno, bun }) {
  const text = `${FOLDER}/notes.md`;
  writeFileSync(text, "# Notes\n");
  const one = ["--only", "bun,unary-1x1,echo", "--json"];
  const cases = [
    [node, ["bench/run.mjs", ...one, text], 1, "Cannot overwrite"],
    [node, ["bench/run.mjs", ...one, "package.json"], 1, "Cannot overwrite package.json: it is no file"],
    [
      node,
      ["bench/run.mjs", "--resume", ...one, "package.json"],
      1,
      "Cannot use package.json: it is no file",
    ],
    [node, ["bench/size.mjs", "--json", text], 2, "Cannot overwrite"],
    [node, ["bench/k6/run.mjs", "order", "--json", text], 2, "Cannot overwrite"],
    [node, ["bench/k6/run.mjs", "soak", "--json", `${FOLDER}/free`], 2, "--json is of order"],
    [node, ["bench/profile.mjs", "--json", text], 2, "Cannot overwrite"],
    [node, ["bench/profile.mjs", "--only", "bun,types.mjs"], 2, "name a runtime, a workload"],
    [node, ["bench/profile.mjs", "--only", "bun,unary-1x1,native"], 2, "native has not that"],
    [bun, ["bench/shape.ts", "--no-such"], 2, "bench/shape.ts"],
    [deno, ["run", "-A", "--no-check", "bench/shape.ts", "--no-such"], 2, "bench/shape.ts"],
  ];
  const wrong = await Promise.all(cases.map(async ([command, args, code, words]) => {
    const outcome = await run(command, args, { cwd: root, timeout: 30_000 });
    const good = outcome.code === code && outcome.output.includes(words);
    return good ? [] : [`${args.join(" ")}: exit ${outcome.code}, ${outcome.output}`];
  }));
  const changed = readFileSync(text, "utf8") === "# Notes\n" ? [] : [`${text} was changed`];
  return [...wrong.flat(), ...changed];
}
