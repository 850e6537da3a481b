// The command line of run.mjs.
import { existsSync } from "node:fs";
import { parseArgs } from "node:util";
import { CONTENDERS } from "./contenders.mjs";
import { WORKLOADS } from "./workloads.mjs";

export const RUNTIMES = [...new Set(CONTENDERS.flatMap(({ runtimes }) => runtimes))];

/** How long each measurement takes. */
// Bun compiles Millrace with its last compiler for 0.4 s of the first 3 s under load: a shorter warm-up measures that.
const QUICK = { repeats: 3, seconds: 2, warmUp: 1, mib: 128 };
const FULL = { repeats: 3, seconds: 4, warmUp: 2, mib: 512 };

const names = (list) => list.map(({ name }) => name).join(", ");

export const USAGE = `node bench/run.mjs [options]
  --quick          what matters most, in under ten minutes: 3 repeats of 2 s
  --only A,B       these runtimes, workloads or contenders:
                   ${RUNTIMES.join(", ")};
                   ${names(WORKLOADS)};
                   ${names(CONTENDERS)}
  --repeats N      --seconds N      --warm-up N      --mib N
  --json FILE      writes everything that was measured, after each measurement
  --resume         measures only what FILE does not have
  --compare OLD    beside it: what an earlier --json run measured
  --show FILE      measures nothing, and prints what a --json run measured`;

/**
 * Reads the arguments.
 *
 * @returns {{ quick: boolean, fewer: boolean, repeats: number, seconds: number, warmUp: number, mib: number, json?: string, resume: boolean, show?: string,
 *   compare?: string, runtimes: string[], workloads: object[], contenders: object[] }}  `fewer`: only those contenders that are quick
 * @throws {Error} what is wrong with them
 */
export function readOptions(args) {
  const string = { type: "string" };
  const flag = { type: "boolean", default: false };
  const { values } = parseArgs({
    args,
    options: {
      quick: flag,
      only: { type: "string", default: "" },
      repeats: string,
      seconds: string,
      "warm-up": string,
      mib: string,
      json: string,
      resume: flag,
      compare: string,
      show: string,
    },
  });
  const { quick, json, resume, compare, show } = values;
  if (resume && json === undefined) throw new Error("--resume needs --json");
  if (compare !== undefined && !existsSync(compare)) {
    throw new Error(`Cannot compare with ${compare}: no such file`);
  }
  if (show !== undefined && !existsSync(show)) throw new Error(`Cannot show ${show}: no such file`);
  const length = { ...(quick ? QUICK : FULL) };
  for (const name of ["repeats", "seconds", "warm-up", "mib"]) {
    const key = name === "warm-up" ? "warmUp" : name;
    if (values[name] !== undefined) length[key] = positive(name, values[name]);
  }
  const wanted = values.only.split(",").filter(Boolean);
  const named = CONTENDERS.some(({ name }) => wanted.includes(name));
  const fewer = quick && !named;
  return { quick, fewer, json, resume, compare, show, ...length, ...chosen(wanted, quick) };
}

function positive(name, text) {
  const value = Number(text);
  if (!(value > 0)) throw new Error(`Cannot use --${name} ${text}: must be a number above 0`);
  return value;
}

/** A kind of which nothing is named is there whole. */
function chosen(wanted, quick) {
  const kinds = {
    runtimes: RUNTIMES.map((name) => ({ name, value: name })),
    workloads: WORKLOADS.map((value) => ({ name: value.name, value })),
    contenders: CONTENDERS.map((value) => ({ name: value.name, value })),
  };
  const known = Object.values(kinds).flat().map(({ name }) => name);
  const unknown = wanted.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    throw new Error(`Cannot run only ${unknown.join(", ")}: choose from ${known.join(", ")}`);
  }
  return Object.fromEntries(
    Object.entries(kinds).map(([kind, all]) => {
      const named = all.filter(({ name }) => wanted.includes(name));
      const whole = quick ? all.filter(({ value }) => isQuick(kind, value)) : all;
      return [kind, (named.length > 0 ? named : whole).map(({ value }) => value)];
    }),
  );
}

/** Which contenders are quick hangs on the workload: see `takesPart`. */
function isQuick(kind, value) {
  if (kind === "workloads") return value.quick;
  return kind === "contenders" || value === "deno" || value === "bun";
}
