// Who is measured. A contender is a file in contenders/ that exports a server, and a dialect of load/dialect/ that calls it.
import { PEERS } from "./peers.mjs";

/**
 * @typedef {object} Contender
 * @property {string} name  as `--only` takes it
 * @property {string} title  as the table shows it
 * @property {string} file  in contenders/
 * @property {boolean} [listens]  it listens by itself, and exports nothing
 * @property {string} dialect  a name in load/dialect/table.go
 * @property {string[]} runtimes  where it runs: "deno", "bun", "node", "go"
 * @property {string[]} has  what workloads may need: "calls", "rate" (10,000 of them a second, on any machine), "frames" (several calls
 *   in one), "binary", "streams", "uploads", "channels", "recovery" (who reads too slowly is cut)
 * @property {boolean | string[]} [quick]  part of `--quick`: always, or in these workloads
 * @property {string[]} [whole]  in a run of everything only in these workloads: in the others it says what another one says
 */

const CALLS = ["calls", "rate", "frames", "binary", "streams", "uploads"];
const BOTH = ["deno", "bun"];

/** The two that have columns of their own: in every table. @type {Contender[]} */
export const CONTROLS = [
  {
    name: "echo",
    title: "bare echo",
    file: "echo.ts",
    dialect: "Echo",
    runtimes: BOTH,
    has: CALLS,
    quick: true,
  },
  {
    name: "json",
    title: "JSON RPC by hand",
    file: "json_rpc.ts",
    dialect: "JsonRpc",
    runtimes: BOTH,
    has: CALLS,
    quick: true,
  },
];

/** In the order of the table. @type {Contender[]} */
export const CONTENDERS = [
  ...CONTROLS,
  {
    name: "msgpack",
    title: "@msgpack by hand",
    file: "msgpack_rpc.ts",
    dialect: "MsgpackRpc",
    runtimes: BOTH,
    has: CALLS,
    quick: ["frame-16"], // where the target names it
  },
  {
    name: "shared",
    title: "shared frames, bare",
    file: "shared_frames.ts",
    dialect: "Millrace",
    runtimes: BOTH,
    has: ["calls"],
    quick: ["unary-50x16"],
    whole: ["unary-50x16"], // elsewhere there is nothing to share a frame with, or it is the same shape
  },
  {
    name: "loop",
    title: "loop of sends",
    file: "fan_out_loop.ts",
    dialect: "Publish",
    runtimes: BOTH,
    has: ["channels"],
  },
  {
    name: "native",
    title: "Bun's publish",
    file: "fan_out_native.ts",
    dialect: "Publish",
    runtimes: ["bun"],
    has: ["channels"],
  },
  {
    name: "millrace",
    title: "Millrace",
    file: "millrace.ts",
    dialect: "Millrace",
    runtimes: BOTH,
    has: [...CALLS, "channels", "recovery"],
    quick: true,
  },
  ...PEERS,
];

/**
 * Whether a contender is measured under a workload. `extent` is "quick" (only those that are), "whole" (a run of everything, which has two hours, so
 * that Node and Go, where there is no Millrace to compare with, have the quick rows and the fan-outs alone), or nothing: whatever it can do.
 */
export function takesPart(contender, workload, { extent, runtime }) {
  const { runtimes, has, quick, whole } = contender;
  if (!runtimes.includes(runtime) || !has.includes(workload.needs)) return false;
  if (extent === "quick") return quick === true || (quick || []).includes(workload.name);
  if (extent !== "whole") return true;
  if (workload.noPeers && PEERS.includes(contender)) return false;
  const isBeside = BOTH.includes(runtime) || workload.quick || workload.needs === "channels";
  return isBeside && (whole === undefined || whole.includes(workload.name));
}
