// The command line of run.mjs.
import { existsSync } from "node:fs";
import { parseArgs } from "node:util";
import { CONTENDERS } from "./contenders.mjs";
import { SCRIPTS } from "./scripts.mjs";
import { WORKLOADS } from "./workloads.mjs";

export const RUNTIMES = [...new Set(CONTENDERS.flatMap(({ runtimes }) => runtimes))];

/** How often and how long; `peers` and `peerSeconds` are of those that are no controls, with which everything ends within two hours (tests/runner/benchmark_files.mjs). */
// Bun compiles Millrace with its last compiler for 0.4 s of the first 3 s under load: a shorter warm-up measures that.
const QUICK = { repeats: 3, seconds: 2, peers: 3, peerSeconds: 2, warmUp: 1, mib: 128 };
const FULL = { repeats: 3, seconds: 2, peers: 2, peerSeconds: 1, warmUp: 2, mib: 512 };

/** The file of a run that names none, so that it can be resumed. */
export const FILE = ".millrace/bench.json";

const names = (list) => list.map(({ name }) => name).join(", ");

export const USAGE = `node bench/run.mjs [options]
  --quick          what matters most, in under ten minutes: 3 repeats of 2 s
  --only A,B       these runtimes, workloads, contenders or scripts:
                   ${RUNTIMES.join(", ")};
                   ${names(WORKLOADS)};
                   ${names(CONTENDERS)};
                   ${names(SCRIPTS)}
  --repeats N      3; of the peers 2, but 3 with --quick
  --seconds N      2; of the peers 1, but 2 with --quick
  --warm-up N      --mib N
  --json FILE      writes everything that was measured, after each measurement; a run of everything does without it too, to ${FILE}.
                   An earlier result there is kept under another name; any other file is refused
  --resume         goes on with FILE: measures only what it does not have
  --compare OLD    beside it: what an earlier --json run measured
  --show FILE      measures nothing, and prints what a --json run measured
  --targets A,B    measures nothing, and prints in Markdown what these --json runs reached of the targets
  --ahead FILE     measures nothing, and prints in Markdown who takes less than Millrace, and where

Without --quick and --only: everything, the scripts last, up to two hours. Each script can be run by itself too:
${SCRIPTS.map(({ name, title }) => `  ${name.padEnd(17)}${title}`).join("\n")}
And beside them:
  fan_out_publish_bun.ts, copy.ts    trials behind choices of docs/decisions.md
  profile.mjs                        npm run bench:profile: what a server is busy with
  k6/                                npm run k6: load by another generator`;

const STRING = { type: "string" };
const FLAG = { type: "boolean", default: false };

/**
 * Reads the arguments.
 *
 * @returns {{ quick: boolean, extent?: string, only: string, repeats: number, peers: number, seconds: number, peerSeconds: number, warmUp: number, mib: number, json?: string,
 *   resume: boolean, show?: string, targets?: string[], ahead?: string, compare?: string, runtimes: string[], workloads: object[], contenders: object[],
 *   scripts: object[] }}  `extent`: of `takesPart`
 * @throws {Error} what is wrong with them
 */
export function readOptions(args) {
  const { values } = parseArgs({
    args,
    options: {
      quick: FLAG,
      only: { type: "string", default: "" },
      repeats: STRING,
      seconds: STRING,
      "warm-up": STRING,
      mib: STRING,
      json: STRING,
      resume: FLAG,
      compare: STRING,
      show: STRING,
      targets: STRING,
      ahead: STRING,
    },
  });
  const { quick, resume, compare, show, ahead } = values;
  const targets = values.targets?.split(",");
  for (const path of [compare, show, ahead, ...(targets ?? [])]) {
    if (path !== undefined && !existsSync(path)) throw new Error(`Cannot read ${path}: no such file`);
  }
  const wanted = values.only.split(",").filter(Boolean);
  const everything = !quick && wanted.length === 0;
  const json = values.json ?? (everything || resume ? FILE : undefined);
  const areNamed = (all) => all.some(({ name }) => wanted.includes(name));
  const isNamed = areNamed(CONTENDERS) || (!quick && areNamed(WORKLOADS));
  const extent = isNamed ? undefined : quick ? "quick" : "whole";
  const times = timesOf(values);
  const which = chosen(wanted, quick);
  const workloads = which.workloads.map((workload) => ({
    ...workload,
    warmUp: warmUpOf(workload, times, values),
  }));
  return {
    quick,
    extent,
    only: values.only,
    json,
    resume,
    compare,
    show,
    targets,
    ahead,
    ...times,
    ...which,
    workloads,
  };
}

function timesOf(values) {
  const times = { ...(values.quick ? QUICK : FULL) };
  for (const name of ["repeats", "seconds", "warm-up", "mib"]) {
    const key = name === "warm-up" ? "warmUp" : name;
    if (values[name] !== undefined) times[key] = positive(name, values[name]);
  }
  if (values.repeats !== undefined) times.peers = times.repeats;
  if (values.seconds !== undefined) times.peerSeconds = times.seconds;
  return times;
}

/** What is asked for is what a workload gets; where nothing is, slow ones get more. */
function warmUpOf({ slow = 1 }, { warmUp }, values) {
  return values["warm-up"] === undefined ? warmUp * slow : warmUp;
}

function positive(name, text) {
  const value = Number(text);
  if (!(value > 0)) throw new Error(`Cannot use --${name} ${text}: must be a number above 0`);
  if (["repeats", "mib"].includes(name) && !Number.isSafeInteger(value)) {
    throw new Error(`Cannot use --${name} ${text}: must be a whole number`);
  }
  return value;
}

/** A kind of which nothing is named is there whole; but where scripts are named, no workload is there by itself, and the other way round. */
function chosen(wanted, quick) {
  const kinds = { workloads: WORKLOADS, contenders: CONTENDERS, scripts: SCRIPTS };
  const known = [...RUNTIMES, ...Object.values(kinds).flatMap((all) => all.map(({ name }) => name))];
  const unknown = wanted.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    throw new Error(`Cannot run only ${unknown.join(", ")}: choose from ${known.join(", ")}`);
  }
  const named = (all) => all.filter(({ name }) => wanted.includes(name));
  const whole = {
    workloads: named(SCRIPTS).length > 0 && named(CONTENDERS).length === 0
      ? []
      : WORKLOADS.filter(({ quick: short, byName }) => !byName && (short || !quick)),
    contenders: CONTENDERS,
    scripts: wanted.length > 0 || quick ? [] : SCRIPTS,
  };
  const runtimes = RUNTIMES.filter((name) => wanted.includes(name));
  const ours = RUNTIMES.filter((name) => !quick || name === "deno" || name === "bun");
  return {
    runtimes: runtimes.length > 0 ? runtimes : ours,
    ...Object.fromEntries(
      Object.entries(kinds).map(([kind, all]) => [kind, named(all).length > 0 ? named(all) : whole[kind]]),
    ),
  };
}
