// From samples to rows: medians over the repeats, and ratios within each repeat.
import { CONTROLS } from "./contenders.mjs";

/** The generator was the limit when it was busier than this, and than the server. */
const GENERATOR_BUSY = 0.9;
/** Another program disturbed a measurement when it took more than this share of the two cores. */
const DISTURBED = 0.05;

/**
 * @typedef {object} Row
 * @property {string} runtime
 * @property {string} workload
 * @property {string} contender
 * @property {number} [rate]  operations a second
 * @property {number} [spread]  highest less lowest rate, as a share of the median
 * @property {number} [p50]  ms
 * @property {number} [p99]  ms
 * @property {number} [cpu]  µs of the server's CPU for one operation
 * @property {Record<string, { rate: number, cpu: number | undefined }>} over  this one's rate and CPU divided by each control's
 * @property {boolean} generatorLimit  the generator was the limit in most repeats
 * @property {number} disturbed  repeats that another program disturbed
 * @property {string} [error]
 */

/** @param {import("./measure.mjs").Sample[]} samples @returns {Row[]} in the order in which they were first measured */
export function summarize(samples) {
  const groups = groupBy(samples, keyOf);
  return [...groups.values()].map((group) => rowOf(group, groups));
}

/** @param {import("./measure.mjs").Sample[]} group */
function rowOf(group, groups) {
  const { runtime, workload, contender } = group[0];
  const good = group.filter((sample) => sample.error === undefined);
  const error = group.find((sample) => sample.error !== undefined)?.error;
  const row = { runtime, workload, contender, over: {}, generatorLimit: false, disturbed: 0 };
  if (good.length === 0) return { ...row, error };
  const rates = good.map(rateOf);
  for (const { name } of CONTROLS) {
    const base = groups.get(keyOf({ runtime, workload, contender: name })) ?? [];
    if (base.length > 0) row.over[name] = ratios(good, base);
  }
  return {
    ...row,
    rate: median(rates),
    spread: (Math.max(...rates) - Math.min(...rates)) / median(rates),
    p50: median(good.map((sample) => sample.latency?.p50)),
    p99: median(good.map((sample) => sample.latency?.p99)),
    cpu: median(good.map(cpuOf)),
    generatorLimit: good.filter(limitedByGenerator).length * 2 > good.length,
    disturbed: good.filter(({ otherCpu, ms }) => otherCpu > DISTURBED * 2 * ms).length,
    error,
  };
}

/** Divided within the same repeat, so that what the machine did meanwhile happened to both; then the median. */
function ratios(samples, base) {
  const pairs = samples.flatMap((sample) => {
    const other = base.find(({ repeat, error }) => repeat === sample.repeat && error === undefined);
    return other === undefined ? [] : [[sample, other]];
  });
  return {
    rate: median(pairs.map(([sample, other]) => rateOf(sample) / rateOf(other))),
    cpu: median(pairs.map(([sample, other]) => cpuOf(sample) / cpuOf(other))),
  };
}

function rateOf({ operations, ms }) {
  return operations / ms * 1000;
}

function cpuOf({ serverCpu, operations }) {
  return serverCpu === undefined ? undefined : serverCpu * 1000 / operations;
}

function limitedByGenerator({ generatorCpu, serverCpu = 0, ms }) {
  return generatorCpu > GENERATOR_BUSY * ms && generatorCpu > serverCpu;
}

function keyOf({ runtime, workload, contender }) {
  return `${runtime} ${workload} ${contender}`;
}

/** The middle one; of an even number the mean of the two. Those that are not known do not count. */
export function median(values) {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  if (sorted.length === 0) return undefined;
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function groupBy(list, key) {
  const groups = new Map();
  for (const one of list) groups.set(key(one), [...(groups.get(key(one)) ?? []), one]);
  return groups;
}
