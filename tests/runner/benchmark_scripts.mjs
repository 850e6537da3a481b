// That targets of what scripts print are found in what they print: each text here is made by the table of the script itself.
import { laidOut } from "../../bench/part.mjs";
import { procedures } from "../../bench/procedures.mjs";
import { SCRIPT_TARGETS, verdictOf } from "../../bench/script_targets.mjs";
import { size } from "../../bench/size.mjs";
import { types } from "../../bench/types.mjs";
import { upload } from "../../bench/upload.mjs";

/** What is not found, or judged otherwise than it should be. */
export function judgedScripts() {
  const scripts = [
    said("size.mjs", size.table([{ part: "core", bytes: 80_000, gzip: 11_500 }])),
    said("types.mjs", types.table(seconds())),
    said("procedures.mjs", procedures.table([calls("deno", 10, 1), calls("deno", 1000, 1.1)])),
    said(
      "upload.mjs",
      upload.table([
        moved("link", "deno", { way: "items", p99: 51.5 }),
        moved("link", "deno", { way: "stream-down", p99: 48 }),
        moved("bare", "deno", { way: "items", p99: 8.5 }),
        moved("bare", "deno", { way: "stream", p99: 40, calls: 99 }),
        moved("bare", "bun", { way: "items", p99: 9, calls: 20 }),
        { route: "link", runtime: "bun", way: "items", error: "it ended" },
      ]),
    ),
    { name: "channels.ts", runtime: "bun", code: 0, text: CHANNELS },
  ];
  const expected = {
    "the client's core, browser": "met 11500",
    "1,000 procedures, tsc": "not met 0.70, met 0.40",
    "1,000 calls, tsc": "not met 3.30",
    "a call beside a move, on the link, deno": "not met 26.5 ms, items",
    "a call beside a move, bare loopback, deno": "met 8.5 ms, items",
    "a call beside a move, on the link, bun": "not met failed",
    "a call beside a move, bare loopback, bun": "open not judged: too few calls",
    "a call among 1,000 procedures, deno": "met 1.10 by name, 1.10 by number, 1.10 with one schema",
    "a call among 1,000 procedures, bun": "not met failed",
    "a publication among 100,000 channels, bun": "not met 1.46",
    "a publication, 1,000 kept, bun": "met 1.10",
    "a publication among 100,000 channels, deno": undefined,
    "a publication, 1,000 kept, deno": undefined,
  };
  const nameOf = ({ row, runtime }) => `${row}, ${runtime}`;
  const names = new Set([...SCRIPT_TARGETS.map(nameOf), ...Object.keys(expected)]);
  return [...names].flatMap((name) => {
    const targets = SCRIPT_TARGETS.filter((target) => nameOf(target) === name);
    const texts = targets.map((target) => inWords(verdictOf(target, scripts)));
    const text = texts.every((one) => one === undefined) ? undefined : texts.join(", ");
    return text === expected[name] ? [] : [`${name}: ${text} instead of ${expected[name]}`];
  });
}

const CHANNELS = `1 channels: 8.10 µs
1000 channels: 14.80 µs
10000 channels: 13.40 µs
100000 channels: 21.60 µs
one channel that keeps 0: 5.00 µs
one channel that keeps 100: 4.90 µs
one channel that keeps 1000: 5.50 µs
`;

function said(name, table) {
  return { name, runtime: "node", code: 0, text: `${laidOut(table).join("\n")}\n` };
}

function inWords(verdict) {
  if (verdict === undefined) return undefined;
  const word = verdict.met === undefined ? "open" : verdict.met ? "met" : "not met";
  return `${word} ${verdict.reached}`;
}

function seconds() {
  const row = { checker: "tsc", wall: 2, cpu: 2.5, over: "another" };
  return [
    { ...row, name: "contract", moreWall: 0.4, moreCpu: 0.6, overSchemas: 0.7 },
    { ...row, name: "contract and 100 calls", moreWall: 1, moreCpu: 1 },
    { ...row, name: "contract and 1000 calls", moreWall: 3.3, moreCpu: 3.5 },
  ];
}

function calls(runtime, count, cost) {
  return {
    runtime,
    procedures: count,
    startUp: 1,
    name: cost,
    number: cost,
    oneSchema: cost,
    tenCalled: cost,
  };
}

/** Its idle p99 is 25 ms. */
function moved(route, runtime, { way, p99, calls = 150 }) {
  const memory = { held: 2_048, server: 50e6, client: 50e6 };
  const times = { idle: { p50: 23, p99: 25 }, busy: { p50: 24, p99, most: 60, calls } };
  return { route, runtime, way, mebibytes: 256, seconds: 20, ...memory, ...times };
}
