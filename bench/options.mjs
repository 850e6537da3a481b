// The command line of run.mjs.
import { parseArgs } from "node:util";
import { CONTENDERS } from "./contenders.mjs";
import { WORKLOADS } from "./workloads.mjs";

export const RUNTIMES = ["deno", "bun"];

/** How long each measurement takes. */
const QUICK = { repeats: 3, seconds: 2, warmUp: 0.75, mib: 128 };
const FULL = { repeats: 5, seconds: 5, warmUp: 1.5, mib: 1024 };

export const USAGE = `node bench/run.mjs [options]
  --quick          3 repeats of 2 s, uploads of 128 MiB (otherwise 5 of 5 s, 1 GiB)
  --only A,B       these runtimes, workloads or contenders:
                   ${RUNTIMES.join(", ")}; ${WORKLOADS.map((workload) => workload.name).join(", ")};
                   ${CONTENDERS.map((contender) => contender.name).join(", ")}
  --repeats N      --seconds N      --mib N
  --json FILE      writes everything that was measured
  --compare FILE   beside it: what an earlier --json run measured`;

/**
 * Reads the arguments.
 *
 * @returns {{ quick: boolean, repeats: number, seconds: number, warmUp: number, mib: number, json?: string,
 *   compare?: string, runtimes: string[], workloads: object[], contenders: object[] }}
 * @throws {Error} what is wrong with them
 */
export function readOptions(args) {
  const string = { type: "string" };
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: "boolean", default: false },
      only: { type: "string", default: "" },
      repeats: string,
      seconds: string,
      mib: string,
      json: string,
      compare: string,
    },
  });
  const length = { ...(values.quick ? QUICK : FULL) };
  for (const name of ["repeats", "seconds", "mib"]) {
    if (values[name] !== undefined) length[name] = positive(name, values[name]);
  }
  const { quick, json, compare } = values;
  return { quick, json, compare, ...length, ...chosen(values.only.split(",").filter(Boolean)) };
}

function positive(name, text) {
  const value = Number(text);
  if (!(value > 0)) throw new Error(`Cannot use --${name} ${text}: must be a number above 0`);
  return value;
}

/** A kind of which nothing is named is there whole. */
function chosen(names) {
  const kinds = {
    runtimes: RUNTIMES.map((name) => ({ name, value: name })),
    workloads: WORKLOADS.map((value) => ({ name: value.name, value })),
    contenders: CONTENDERS.map((value) => ({ name: value.name, value })),
  };
  const known = Object.values(kinds).flat().map(({ name }) => name);
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    throw new Error(`Cannot run only ${unknown.join(", ")}: choose from ${known.join(", ")}`);
  }
  return Object.fromEntries(
    Object.entries(kinds).map(([kind, all]) => {
      const named = all.filter(({ name }) => names.includes(name));
      return [kind, (named.length > 0 ? named : all).map(({ value }) => value)];
    }),
  );
}
