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
 * @typedef {object} Verdict
 * @property {boolean} met
 * @property {string} asked  the target in words
 * @property {string} reached
 * @property {number} left  by how much it is missed: target divided by what is reached; at most 1 where it is met
 */

/** What a row of Millrace reaches: one for each target whose contenders were measured. @returns {Verdict[]} */
export function judge(row) {
  if (row.contender !== "millrace" || row.rate === undefined) return [];
  return TARGETS.filter(({ runtime, workload }) => runtime === row.runtime && workload === row.workload)
    .map((target) => verdict(target, row)).filter((one) => one !== undefined);
}

/** A target in words. */
export function asked({ either }) {
  return either.map((conditions) => conditions.map(inWords).join(" and ")).join(" or ");
}

/** What a row reaches of one target. @returns {Verdict | undefined} nothing where a contender was not measured */
export function verdict(target, row) {
  const judged = target.either.map((conditions) => conditions.map((condition) => reached(condition, row)));
  const all = judged.flat();
  if (all.some(({ left }) => !Number.isFinite(left))) return undefined;
  return {
    met: judged.some((conditions) => conditions.every(({ left }) => left <= 1)),
    asked: asked(target),
    reached: [...new Map(all.map(({ name, shown }) => [name, shown])).values()].join(" and "),
    left: Math.min(...judged.map((conditions) => Math.max(...conditions.map(({ left }) => left)))),
  };
}

function inWords({ figure, over, least, most, more, unit = " ms" }) {
  const to = over === undefined ? unit : more ? ` bytes more than ${over}` : `x ${over}`;
  return `${figure} ${least === undefined ? "at most" : "at least"} ${least ?? most}${to}`;
}

function reached({ figure, over, least, most, more }, row) {
  const value = over === undefined ? row[figure] : row.over[over]?.[more ? `${figure}More` : figure];
  return {
    name: `${figure} ${over}`,
    shown: value?.toFixed(more ? 0 : 2),
    left: least === undefined ? value / most : least / value,
  };
}
