// What is asked of the figures that scripts print, by what they say.
import { succeeded } from "./scripts.mjs";

/**
 * @typedef {object} ScriptTarget
 * @property {string} script
 * @property {string} [by]  the runtime that runs it; "node" where it starts the others itself
 * @property {string} row
 * @property {string} runtime  that the figure is about
 * @property {string} asked
 * @property {number} most
 * @property {(text: string) => Found | undefined} found  in what it said
 */

/**
 * @typedef {object} Found
 * @property {number} [value]  what is held against `most`: the worst where there are several; nothing where none can be judged
 * @property {string} shown
 */

/** p99 of the small calls in ms: over the link this much above that of the idle link, and bare at most. */
export const [MOST_OVER_IDLE, MOST_BARE] = [25, 10];
/** Costs that must stay flat are at most this many times those of the smallest. DESIGN has no figure. */
export const MOST_GROWTH = 1.2;

const BOTH = ["deno", "bun"];

/** @type {ScriptTarget[]} */
export const SCRIPT_TARGETS = [
  {
    script: "size.mjs",
    row: "the client's core",
    runtime: "browser",
    asked: "under 12,000 bytes gzipped",
    most: 12_000,
    found: only(/^core +\d+ +(\d+)$/m),
  },
  ofTypes(
    "1,000 procedures",
    "under 0.5 s over their schemas",
    0.5,
    /^tsc contract +(?:[\d.-]+ +){4}([\d.-]+)/m,
  ),
  ofTypes(
    "1,000 procedures",
    "the same over schemas and functions",
    0.5,
    /^tsc contract +(?:[\d.-]+ +){2}([\d.-]+)/m,
  ),
  ofTypes("1,000 calls", "under 3 s", 3, /^tsc contract and 1000 calls +(?:[\d.-]+ +){2}([\d.-]+)/m),
  ...BOTH.flatMap((runtime) => [
    ofUpload(
      runtime,
      "link",
      `p99 less than ${MOST_OVER_IDLE} ms over that of the idle link`,
      MOST_OVER_IDLE,
    ),
    ofUpload(runtime, "bare", `p99 under ${MOST_BARE} ms`, MOST_BARE),
    {
      script: "procedures.mjs",
      row: "a call among 1,000 procedures",
      runtime,
      asked: `at most ${MOST_GROWTH}x one among 10`,
      most: MOST_GROWTH,
      found: (text) => grownCalls(text, runtime),
    },
    ofDeltas(runtime, { feed: "scores", asked: "at least 60 % of the bytes saved", most: 40, column: 0 }),
    ofDeltas(runtime, { feed: "scores", asked: "under 10 % more CPU than whole", most: 10, column: 2 }),
    ofDeltas(runtime, { feed: "noise", asked: "under 2 % more CPU than whole", most: 2, column: 2 }),
    ofChannels(runtime, "a publication among 100,000 channels", "among 1,000", [
      /^1000 channels: ([\d.]+)/m,
      /^100000 channels: ([\d.]+)/m,
    ]),
    ofChannels(runtime, "a publication, 1,000 kept", "with no history", [
      /^one channel that keeps 0: ([\d.]+)/m,
      /^one channel that keeps 1000: ([\d.]+)/m,
    ]),
  ]),
];

/**
 * What a script said of a target; nothing where it did not run.
 *
 * @param {ScriptTarget} target  @param {{ name: string, runtime: string, text: string, code: number }[]} scripts
 * @returns {{ met?: boolean, reached: string, left?: number } | undefined}  no `met` where nothing can be judged
 */
export function verdictOf({ script, by = "node", most, found }, scripts) {
  const ran = scripts.find(({ name, runtime }) => name === script && runtime === by);
  if (ran === undefined) return undefined;
  const said = succeeded(ran) ? found(ran.text) : undefined;
  if (said === undefined) return { met: false, reached: "failed", left: Infinity };
  const { value, shown } = said;
  return value === undefined
    ? { reached: shown }
    : { met: value <= most, reached: shown, left: value / most };
}

function ofTypes(row, asked, most, line) {
  return { script: "types.mjs", row, runtime: "tsc", asked, most, found: only(line) };
}

function ofUpload(runtime, route, asked, most) {
  const row = `a call beside a move, ${route === "link" ? "on the link" : "bare loopback"}`;
  const found = (text) => slowest(text, { runtime, route });
  return { script: "upload.mjs", row, runtime, asked, most, found };
}

function ofChannels(runtime, row, than, [less, more]) {
  const found = (text) => {
    const [from, to] = [less, more].map((line) => Number(line.exec(text)?.[1]));
    return to / from > 0 ? { value: to / from, shown: (to / from).toFixed(2) } : undefined;
  };
  const asked = `at most ${MOST_GROWTH}x one ${than}`;
  return { script: "channels.ts", by: runtime, row, runtime, asked, most: MOST_GROWTH, found };
}

/** Of the row of 1,000 subscribers: bytes that are left, or what a delivery takes more of the node, in percent. */
function ofDeltas(runtime, { feed, asked, most, column }) {
  const found = (text) => {
    const cells = new RegExp(`^${runtime} ${feed} +1,000 +(.*)$`, "m").exec(text)?.[1].split(/ {2,}/);
    if (cells === undefined) return undefined;
    const value = parseFloat(cells[column]);
    return { value: column === 0 ? 100 - value : value, shown: cells[column] };
  };
  return { script: "deltas.mjs", row: `differences to 1,000, ${feed}`, runtime, asked, most, found };
}

/** The one figure of a line. */
function only(line) {
  return (text) => {
    const shown = line.exec(text)?.[1];
    return shown === undefined ? undefined : { value: Number(shown), shown };
  };
}

const MOVE =
  /^(bare|link) (deno|bun) (\S+) .* [\d.]+\/([\d.]+) +[\d.]+\/([\d.]+)\/[\d.]+ +\d+ +(not )?judged/gm;

/** The highest p99 of all ways; on the link what it has over the idle one's. */
function slowest(text, { runtime, route }) {
  if (new RegExp(`^${route} ${runtime} \\S+ +failed`, "m").test(text)) return undefined;
  const moves = [...text.matchAll(MOVE)].filter(([, where, on]) => where === route && on === runtime)
    .map(([, , , way, idle, busy, not]) => ({
      way,
      isJudged: !not,
      p99: busy - (route === "link" ? idle : 0),
    }));
  if (moves.length === 0) return undefined;
  const worst = moves.filter(({ isJudged }) => isJudged).sort((a, b) => b.p99 - a.p99)[0];
  if (worst === undefined) return { shown: "not judged: too few calls" };
  return { value: worst.p99, shown: `${worst.p99.toFixed(1)} ms, ${worst.way}` };
}

const CALL = /^(deno|bun) +(\d+) +[\d.]+ +[\d.]+ +([\d.]+) +([\d.]+) +([\d.]+) +[\d.]+$/gm;

/** By name, by number, and with one schema for all. */
function grownCalls(text, wanted) {
  const rows = [...text.matchAll(CALL)].filter(([, runtime]) => runtime === wanted);
  const [least, most] = ["10", "1000"].map((count) => rows.find(([, , procedures]) => procedures === count));
  if (least === undefined || most === undefined) return undefined;
  const ratios = [3, 4, 5].map((column) => most[column] / least[column]);
  const [name, number, one] = ratios.map((ratio) => ratio.toFixed(2));
  return {
    value: Math.max(...ratios),
    shown: `${name} by name, ${number} by number, ${one} with one schema`,
  };
}
