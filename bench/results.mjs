// The file of --json: written after every measurement, and read again by --resume and --compare.
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { summarize } from "./summary.mjs";

/** The options that figures depend on. */
const SAME = ["seconds", "warmUp", "mib"];

/** What a file holds; undefined where there is none. */
export function read(path) {
  return path !== undefined && existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : undefined;
}

/** Writes all of it, or nothing: a run may be ended at any time. */
export function write({ json, repeats, seconds, warmUp, mib }, { machine, cores, samples }) {
  const options = { repeats, seconds, warmUp, mib, pinned: cores.length > 0 };
  const all = { format: 2, machine, options, rows: summarize(samples), samples };
  writeFileSync(`${json}.part`, `${JSON.stringify(all, null, 2)}\n`);
  renameSync(`${json}.part`, json);
}

/**
 * The samples of an earlier run that need not be measured again.
 *
 * @throws {Error} when that run was of another kind, or of other versions
 */
export function resume({ json, resume: wanted, ...options }, machine) {
  const earlier = wanted ? read(json) : undefined;
  if (earlier === undefined) return [];
  const differs = SAME.find((name) => earlier.options[name] !== options[name]);
  if (earlier.format !== 2 || differs !== undefined) {
    throw new Error(`Cannot resume ${json}: it was measured with another ${differs ?? "format"}`);
  }
  const versions = JSON.stringify(earlier.machine.versions);
  if (versions !== JSON.stringify(machine.versions) || earlier.machine.cpu !== machine.cpu) {
    throw new Error(`Cannot resume ${json}: it was measured on another machine or with ${versions}`);
  }
  return earlier.samples.filter(({ error }) => error === undefined);
}

/** Whether two samples, or a sample and a step, are the same measurement. */
export function sameStep(a, b) {
  return ["runtime", "workload", "contender", "repeat"].every((name) => a[name] === b[name]);
}
