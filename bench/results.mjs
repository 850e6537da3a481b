// The file of --json: written after every measurement, and read again by --resume and --compare.
import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { CONTENDERS } from "./contenders.mjs";
import { readKept } from "./kept.mjs";
import { succeeded } from "./scripts.mjs";
import { summarize } from "./summary.mjs";

/** The options that figures depend on. */
const SAME = ["seconds", "peerSeconds", "warmUp", "mib"];

/** The rows of a file, worked out anew from its samples. */
export function rowsIn(path) {
  return readRun(path).rows;
}

/**
 * What --json wrote, its rows worked out anew from its samples.
 *
 * @returns {{ machine: object, options: object, scripts: object[], samples: object[], rows: import("./summary.mjs").Row[] }}
 * @throws {Error} where the file is none of those
 */
export function readRun(path) {
  const run = runIn(path);
  return { ...run, rows: summarize(inOrder(run.samples)) };
}

function runIn(path) {
  const { format, machine, options = {}, scripts = [], samples } = readKept(path);
  if (format !== 2 || !Array.isArray(samples)) {
    throw new Error(`Cannot use ${path}: it is no run, but what another program or an older one wrote`);
  }
  // Before peers had another time, it was the same for all.
  return {
    machine,
    options: { ...options, peerSeconds: options.peerSeconds ?? options.seconds },
    scripts,
    samples,
  };
}

/** In the order of the table, whatever order they were measured in. */
export function inOrder(samples) {
  const place = ({ contender }) => CONTENDERS.findIndex(({ name }) => name === contender);
  return samples.toSorted((a, b) => place(a) - place(b));
}

/** The options that a file keeps. */
export function keptOptions({ repeats, seconds, peers, peerSeconds, warmUp, mib }, { cores }) {
  return { repeats, seconds, peers, peerSeconds, warmUp, mib, pinned: cores.length > 0 };
}

/** Writes all of it, or nothing: a run may be ended at any time. */
export function write({ json, ...given }, { machine, cores, samples, scripts }) {
  const options = keptOptions(given, { cores });
  const rows = summarize(samples).map(({ each: _, ...row }) => row); // the samples have that
  const all = { format: 2, machine, options, rows, scripts, samples };
  mkdirSync(dirname(json), { recursive: true });
  writeFileSync(`${json}.part`, `${JSON.stringify(all, null, 2)}\n`);
  renameSync(`${json}.part`, json);
}

/**
 * The samples, and what scripts said, of an earlier run, that need not be measured again.
 *
 * @returns {{ samples: object[], scripts: object[] }}
 * @throws {Error} when the file is no run, or that run was of another kind or of other versions
 */
export function resume({ json, resume: wanted, ...options }, machine) {
  if (!wanted || !existsSync(json)) return { samples: [], scripts: [] };
  const earlier = runIn(json);
  const differs = SAME.find((name) => earlier.options[name] !== options[name]);
  if (differs !== undefined) {
    throw new Error(`Cannot resume ${json}: it was measured with another ${differs}`);
  }
  const versions = JSON.stringify(earlier.machine.versions);
  if (versions !== JSON.stringify(machine.versions) || earlier.machine.cpu !== machine.cpu) {
    throw new Error(`Cannot resume ${json}: it was measured on another machine or with ${versions}`);
  }
  const { samples, scripts } = earlier;
  return { samples: samples.filter(({ error }) => error === undefined), scripts: scripts.filter(succeeded) };
}

/** Whether two samples, or a sample and a step, are the same measurement. */
export function sameStep(a, b) {
  return ["runtime", "workload", "contender", "repeat"].every((name) => a[name] === b[name]);
}
