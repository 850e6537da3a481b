// What is asked of Millrace: DESIGN section 14, and that those who read are not held up by those who do not (fan-out-stalled).

/**
 * @typedef {object} Condition
 * @property {string} figure  of the row: "rate", "cpu", "p50", "p99" (ms), "memory" (bytes), "p99More"
 * @property {string} [over]  compared with this contender: divided by its figure, or, with `more`, less its figure
 * @property {string} [than]  compared with Millrace's own row of this workload: divided by its figure
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
    // "Costs stay flat" has no figure in DESIGN: these are procedures.mjs's own for a call, and that of one call at a time for p99.
    target(runtime, "connections-18k", [{ figure: "cpu", than: "connections-1k", most: 1.2 }]),
    target(runtime, "connections-18k", [times("p99", "echo", { most: 1.5 })]),
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
 * @property {number} left  by how much it is missed: target divided by what is reached; at most 1 where it is met, Infinity where the row failed
 */

/** What a row of Millrace reaches, one of `rows`: one for each target whose contenders were measured, and none of a row that failed. @returns {Verdict[]} */
export function judge(row, rows) {
  if (row.contender !== "millrace") return [];
  return TARGETS.filter(({ runtime, workload }) => runtime === row.runtime && workload === row.workload)
    .map((target) => verdict(target, row, rows)).filter((one) => one !== undefined);
}

/** A target in words. */
export function asked({ either }) {
  return either.map((conditions) => conditions.map(inWords).join(" and ")).join(" or ");
}

/** What a row reaches of one target. @returns {Verdict | undefined} nothing where a contender was not measured */
export function verdict(target, row, rows) {
  if (hasFailed(target, row, rows)) {
    return { met: false, asked: asked(target), reached: "failed", left: Infinity };
  }
  const judged = target.either.map((conditions) =>
    conditions.map((condition) => reached(condition, row, rows))
  );
  const all = judged.flat();
  if (all.some(({ left }) => !Number.isFinite(left))) return undefined;
  return {
    met: judged.some((conditions) => conditions.every(({ left }) => left <= 1)),
    asked: asked(target),
    reached: [...new Map(all.map(({ name, shown }) => [name, shown])).values()].join(" and "),
    left: Math.min(...judged.map((conditions) => Math.max(...conditions.map(({ left }) => left)))),
  };
}

/** Whether Millrace has nothing to show for a target, in its row or in the one that this is compared with. */
function hasFailed({ either }, row, rows) {
  const others = either.flat().filter(({ than }) => than !== undefined)
    .map(({ than }) => rowBeside(row, { workload: than }, rows));
  return [row, ...others].some((one) => one !== undefined && one.rate === undefined);
}

function inWords({ figure, over, than, least, most, more, unit = " ms" }) {
  const base = over ?? than;
  const to = base === undefined ? unit : more ? ` bytes more than ${base}` : `x ${base}`;
  return `${figure} ${least === undefined ? "at most" : "at least"} ${least ?? most}${to}`;
}

function reached(condition, row, rows) {
  const { figure, over, than, least, most, more } = condition;
  // The rate of a server that could have done more says what the generator did.
  const byCpu = figure === "rate" && row.over[over]?.spare === true;
  const value = byCpu ? 1 / row.over[over].cpu : valueOf(condition, row, rows);
  const text = value?.toFixed(more ? 0 : 2);
  return {
    name: `${figure} ${over ?? than}`,
    shown: text && `${text}${byCpu ? " by CPU" : ""}${range(eachOf(condition, byCpu, row, rows))}`,
    left: least === undefined ? value / most : least / value,
  };
}

function valueOf({ figure, over, than, more }, row, rows) {
  if (over !== undefined) return row.over[over]?.[more ? `${figure}More` : figure];
  return than === undefined ? row[figure] : row[figure] / rowBeside(row, { workload: than }, rows)?.[figure];
}

/** The same value of every repeat. */
function eachOf({ figure, over, than, more }, byCpu, row, rows) {
  if (over === undefined && than === undefined) return row.each.map((one) => one[figure]);
  const base = rowBeside(row, over === undefined ? { workload: than } : { contender: over }, rows);
  return row.each.flatMap((one) => {
    const other = base?.each?.find(({ repeat }) => repeat === one.repeat);
    if (other === undefined) return [];
    if (byCpu) return [other.cpu / one.cpu];
    return [more ? one[figure] - other[figure] : one[figure] / other[figure]];
  });
}

/** " (1.6 to 2.9)"; nothing where there is only one. */
function range(values) {
  if (values.length < 2) return "";
  const [least, most] = [Math.min(...values), Math.max(...values)].map((value) =>
    Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(2)
  );
  return ` (${least} to ${most})`;
}

/** The row that is like this one but for its workload or its contender. */
function rowBeside({ runtime, workload, contender }, other, rows) {
  const wanted = { workload, contender, ...other };
  return rows.find((row) =>
    row.runtime === runtime && row.workload === wanted.workload && row.contender === wanted.contender
  );
}

/** What makes the figures of a target doubtful, of Millrace's row and of those that it is compared with: "L", "echo N". */
export function marks({ either }, row, rows) {
  const bases = either.flat().map(({ over, than }) =>
    than === undefined
      ? [over, rowBeside(row, { contender: over }, rows)]
      : [than, rowBeside(row, { workload: than }, rows)]
  );
  const found = [["", row], ...new Map(bases)].map(([name, one]) => {
    const letters = one === undefined ? "" : marksOf(one);
    return letters === "" ? "" : `${name} ${letters}`.trim();
  });
  return found.filter(Boolean).join(", ");
}

/** As the table has them behind a row. */
export function marksOf({ generatorLimit, disturbed }) {
  return `${generatorLimit ? "L" : ""}${disturbed > 0 ? "N" : ""}`;
}
