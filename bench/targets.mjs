// What is asked of Millrace: DESIGN section 14, and that those who read are not held up by those who do not (fan-out-stalled).

/**
 * @typedef {object} Condition
 * @property {string} figure  of the row: "rate", "p50", "p99" (ms), "memory" (bytes), "p99More"
 * @property {string} [over]  compared with this contender: divided by its figure, or, with `more`, less its figure
 * @property {number} [least]
 * @property {number} [most]
 * @property {boolean} [more]
 * @property {string} [unit]  of the figure, where it is none of ms
 */

/**
 * @typedef {object} Target
 * @property {string} runtime
 * @property {string} workload
 * @property {Condition[][]} either  met when all conditions of one list are
 */

const BOTH = ["deno", "bun"];

/** @type {Target[]} */
export const TARGETS = [
  ...BOTH.flatMap((runtime) => [
    target(runtime, "unary-1x1", [times("p50", "echo", { most: 1.1 }), times("p99", "echo", { most: 1.5 })]),
    target(runtime, "frame-16", [times("rate", "msgpack", { least: 1.5 })]),
    target(runtime, "binary-64k", [times("rate", "echo", { least: 0.95 })]),
    target(runtime, "handshakes", [times("rate", "echo", { least: 0.7 })]),
    target(runtime, "fan-out-stalled", [{ figure: "p99More", most: 2, unit: "x p99 before" }]),
    target(runtime, "idle-10k", [{ figure: "memory", over: "echo", more: true, most: 3 * 1024 }]),
  ]),
  target("bun", "unary-50x16", [times("rate", "json", { least: 1.2 })]),
  target("bun", "unary-50x16", [times("rate", "socketio", { least: 3 })]),
  target("bun", "unary-50x16", [times("rate", "capnweb", { least: 7 })]),
  target("bun", "unary-50x16", [times("rate", "trpc", { least: 7 })]),
  target("bun", "unary-50x16", [times("rate", "orpc", { least: 7 })]),
  target("deno", "unary-50x16", [times("rate", "echo", { least: 3 })]),
  target("bun", "fan-out", [times("rate", "native", { least: 0.9 })]),
  target("bun", "fan-out-bursts", [times("rate", "native", { least: 0.9 })]),
  target("deno", "fan-out", [times("rate", "loop", { least: 0.95 })]),
  target("deno", "fan-out-bursts", [times("rate", "loop", { least: 5 })]),
  target("bun", "unary-500x1", [times("rate", "echo", { least: 0.9 })]),
  target(
    "deno",
    "unary-500x1",
    [times("rate", "echo", { least: 0.85 })],
    [times("rate", "echo", { least: 0.65 }), { figure: "p99", most: 50 }],
  ),
];

function target(runtime, workload, ...either) {
  return { runtime, workload, either };
}

function times(figure, over, bound) {
  return { figure, over, ...bound };
}

/**
 * What a row of Millrace reaches.
 *
 * @returns {{ met: boolean, text: string }[]} one for each target whose contenders were measured
 */
export function judge(row) {
  if (row.contender !== "millrace" || row.rate === undefined) return [];
  return TARGETS.filter(({ runtime, workload }) => runtime === row.runtime && workload === row.workload)
    .flatMap(({ either }) => {
      const judged = either.map((conditions) => conditions.map((condition) => reached(condition, row)));
      if (judged.flat().some(({ value }) => !Number.isFinite(value))) return [];
      const met = judged.some((conditions) => conditions.every(({ met }) => met));
      const texts = judged.map((conditions) => conditions.map(({ text }) => text).join(" and "));
      return [{ met, text: texts.join(" or ") }];
    });
}

function reached(condition, row) {
  const { figure, over, least, most, more, unit: own } = condition;
  const other = over === undefined ? undefined : row.over[over]?.[more ? `${figure}More` : figure];
  const value = over === undefined ? row[figure] : other;
  const met = least === undefined ? value <= most : value >= least;
  const bound = `${least === undefined ? "at most" : "at least"} ${least ?? most}`;
  const unit = over === undefined ? own ?? " ms" : more ? ` bytes more than ${over}` : `x ${over}`;
  const shown = Number.isFinite(value) ? value.toFixed(more ? 0 : 2) : "unknown";
  return { value, met, text: `${figure} ${bound}${unit}: ${shown}` };
}
