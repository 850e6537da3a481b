// From samples to rows: medians over the repeats, and ratios within each repeat.

/** The generator was the limit when it was busier than this, and than the server. */
const GENERATOR_BUSY = 0.9;
/** A server that used less than this of its core could have done more, and its rate says nothing about it. */
const SERVER_BUSY = 0.9;
/** Another program disturbed a measurement when it took more than this share of the two cores. */
const DISTURBED = 0.05;

/**
 * @typedef {object} Row
 * @property {string} runtime
 * @property {string} workload
 * @property {string} contender
 * @property {number} [rate]  operations a second
 * @property {number} [spread]  highest less lowest rate, as a share of the median; not of one repeat
 * @property {number} [p50]  ms; so are p90, p99, p999 and max
 * @property {number} [p99Before]  ms, before what is measured happened; `p99More` is p99 divided by it
 * @property {number} [cpu]  µs of the server's CPU for one operation
 * @property {number} [generatorCpu]  µs of the generator's
 * @property {number} [memory]  bytes that a connection takes in the server
 * @property {Record<string, Record<string, number | undefined>>} over  `rate`, `cpu`, `p50` and `p99` divided by those of each other contender,
 *   and `memoryMore`: memory less its; and `spare`, true where that contender's server could have done more than it did
 * @property {object[]} [each]  the same figures of every repeat, with its number as `repeat`
 * @property {boolean} generatorLimit  the generator was the limit in most repeats
 * @property {number} disturbed  repeats that another program disturbed
 * @property {string} [error]
 */

/** What rows have of a sample. */
const FIGURES = {
  rate: ({ operations, ms }) => operations / ms * 1000,
  p50: ({ latency }) => latency?.p50,
  p90: ({ latency }) => latency?.p90,
  p99: ({ latency }) => latency?.p99,
  p999: ({ latency }) => latency?.p999,
  max: ({ latency }) => latency?.max,
  p99Before: ({ before }) => before?.p99,
  p99More: ({ latency, before }) => before === undefined ? undefined : latency.p99 / before.p99,
  cpu: ({ serverCpu, operations }) => serverCpu === undefined ? undefined : serverCpu * 1000 / operations,
  generatorCpu: ({ generatorCpu, operations }) => generatorCpu * 1000 / operations,
  memory: ({ memory }) => memory,
};

/** @param {import("./measure.mjs").Sample[]} samples @returns {Row[]} in the order in which they were first measured */
export function summarize(samples) {
  const groups = groupBy(
    samples,
    ({ runtime, workload, contender }) => `${runtime} ${workload} ${contender}`,
  );
  const beside = groupBy([...groups.values()], ([{ runtime, workload }]) => `${runtime} ${workload}`);
  return [...beside.values()].flatMap((all) => all.map((group) => rowOf(group, all)));
}

/** @param {import("./measure.mjs").Sample[]} group  @param {typeof group[]} all  those of the same workload */
function rowOf(group, all) {
  const { runtime, workload, contender } = group[0];
  const good = group.filter((sample) => sample.error === undefined);
  const error = group.find((sample) => sample.error !== undefined)?.error;
  const row = { runtime, workload, contender, over: {}, generatorLimit: false, disturbed: 0 };
  if (good.length === 0) return { ...row, error };
  for (const other of all) if (other !== group) row.over[other[0].contender] = ratios(good, other);
  for (const [name, figure] of Object.entries(FIGURES)) row[name] = median(good.map(figure));
  const rates = good.map(FIGURES.rate);
  return {
    ...row,
    each: good.map(figuresOf),
    spread: good.length < 2 ? undefined : (Math.max(...rates) - Math.min(...rates)) / median(rates),
    generatorLimit: good.filter(limitedByGenerator).length * 2 > good.length,
    disturbed: good.filter(({ otherCpu, ms }) => otherCpu > DISTURBED * 2 * ms).length,
    error,
  };
}

function figuresOf(sample) {
  const figures = Object.entries(FIGURES).map(([name, figure]) => [name, figure(sample)]);
  return { repeat: sample.repeat, ...Object.fromEntries(figures) };
}

/** Divided within the same repeat, so that what the machine did meanwhile happened to both; then the median. */
function ratios(samples, base) {
  const pairs = samples.flatMap((sample) => {
    const other = base.find(({ repeat, error }) => repeat === sample.repeat && error === undefined);
    return other === undefined ? [] : [[sample, other]];
  });
  const middle = (name) => median(pairs.map(([a, b]) => FIGURES[name](a) / FIGURES[name](b)));
  const [rate, cpu, p50, p99] = ["rate", "cpu", "p50", "p99"].map(middle);
  const spare = pairs.filter(([, other]) => hadTimeToSpare(other)).length * 2 > pairs.length;
  return { rate, cpu, p50, p99, memoryMore: median(pairs.map(([a, b]) => a.memory - b.memory)), spare };
}

function hadTimeToSpare(sample) {
  return limitedByGenerator(sample) || sample.serverCpu < SERVER_BUSY * sample.ms;
}

function limitedByGenerator({ generatorCpu, serverCpu = 0, ms }) {
  return generatorCpu > GENERATOR_BUSY * ms && generatorCpu > serverCpu;
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
