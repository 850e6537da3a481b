// What `order` found, as a file of --json keeps it: every figure as it was measured, and the rows of the table made from it.
import { quickContendersOn } from "./contenders.mjs";

/**
 * @typedef {object} OrderSample  one run of one contender
 * @property {string} runtime
 * @property {number} repeat  from 0; those with the same number ran one after the other
 * @property {string} contender
 * @property {{ ms: number, cpu: number, work: number, perOperation?: number }} steady  the server in the part that counts: ms of time and of
 *   CPU, calls that were answered, and µs of CPU for one; `ms` is 0 and the last missing where k6 did not come to its end
 * @property {number} [kept]  the share of calls that left in time
 * @property {number} [perFrame]  answers in a frame
 * @property {string[]} faults  what was wrong
 */

/**
 * @param {{ machine: object, settings: object, repeats: number, samples: OrderSample[] }} run  `machine` as `describeMachine` gives it
 * @returns {object} what is written to the file
 */
export function orderRecord({ machine, settings, repeats, samples }) {
  const runtimes = [...new Set(samples.map(({ runtime }) => runtime))];
  const rows = Object.fromEntries(runtimes.map((runtime) => [runtime, rowsOf(runtime, samples)]));
  return { format: 1, machine, settings, repeats, rows, samples };
}

/** The rows of the table of one runtime, who spends least first; one of which nothing was measured is last. @param {OrderSample[]} samples */
export function rowsOf(runtime, samples) {
  const rows = quickContendersOn(runtime).map(({ name, title }) => {
    const own = samples.filter((sample) =>
      sample.runtime === runtime && sample.contender === name && sample.steady.perOperation !== undefined
    );
    const cpu = own.map(({ steady }) => steady.perOperation).sort((a, b) => a - b);
    const rate = median(own.map(({ steady }) => steady.work / steady.ms * 1000));
    const perFrame = median(own.map((sample) => sample.perFrame));
    return { name, title, perFrame, cpu: median(cpu), spread: (cpu.at(-1) - cpu[0]) / median(cpu), rate };
  });
  return rows.sort((a, b) => (a.cpu ?? Infinity) - (b.cpu ?? Infinity));
}

function median(numbers) {
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 1];
}
