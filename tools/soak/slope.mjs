// Whether memory grows.

const MIB = 1 << 20;

/**
 * The slope of the straight line that fits best, by least squares.
 *
 * @param {{ at: number, bytes: number }[]} samples  `at` in milliseconds
 * @returns {number} MiB a minute; `NaN` for fewer than two samples
 */
export function slopeOf(samples) {
  const at = mean(samples.map((sample) => sample.at));
  const bytes = mean(samples.map((sample) => sample.bytes));
  let [covariance, variance] = [0, 0];
  for (const sample of samples) {
    covariance += (sample.at - at) * (sample.bytes - bytes);
    variance += (sample.at - at) ** 2;
  }
  return covariance / variance * 60_000 / MIB;
}

/**
 * How much more the last third of the samples is than the first, median to median.
 *
 * @param {{ bytes: number }[]} samples  in order; at least three
 * @returns {number} MiB
 */
export function growthOf(samples) {
  const third = Math.floor(samples.length / 3);
  return (median(samples.slice(-third)) - median(samples.slice(0, third))) / MIB;
}

/**
 * What is left of the samples without the warm-up: the first two minutes, or the first third of a run under six.
 *
 * @template {{ at: number }} S
 * @param {S[]} samples
 * @param {number} ms  of the whole run
 * @returns {S[]}
 */
export function warm(samples, ms) {
  const from = Math.min(120_000, ms / 3);
  return samples.filter(({ at }) => at >= from);
}

function mean(numbers) {
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}

function median(samples) {
  return samples.map(({ bytes }) => bytes).sort((a, b) => a - b)[samples.length >> 1];
}
