/**
 * Rows E18 and F5, and what D1 says of channels: names, positions, numbers and floods.
 */
import { call, join, message, times, unhex } from "./hostile_frames.ts";
import type { Attack } from "./hostile_target.ts";
import { payload } from "./wire.ts";

const NAME = "board/7";
const EPOCH = "k3Jx0aQ9_bT-7mZe";

const subscribe = (sub: number, channel: unknown, position: unknown = null, options: unknown = null) =>
  message(32, sub, channel, position, options);

function refused(row: string, name: string, ...messages: readonly Uint8Array[]): Attack {
  return { row, name, frames: () => [join(...messages)], expected: { close: 4400 } };
}

/** The connection goes on: a call behind it is answered. */
function survived(row: string, name: string, ...messages: readonly Uint8Array[]): Attack {
  return {
    row,
    name,
    frames: () => [join(...messages), call(1, "add", { a: 1, b: 2 })],
    expected: { answers: { 1: { value: 3 } } },
  };
}

/** Names that are nobody's: each is answered, and leads nowhere. */
const NAMES: Record<string, string> = {
  empty: "",
  "a pattern": "board/:id",
  "a wildcard": "board/*",
  "another wildcard": ">",
  "of 255 bytes": `board/${"x".repeat(249)}`,
  "with NUL": "board/\0",
  "with a line break": "board/1\r\nPUBLISH x",
  "with a right-to-left override": "board/\u202e7",
  "of another spelling": "board/%37",
  "of a lower case escape": "board/%2f",
  "with a slash more": "board/7/",
  "with dots": "board/../board/7",
  "of a procedure": "@publish",
  "of the prototype": "__proto__",
  constructor: "constructor",
};

const POSITIONS: Record<string, unknown> = {
  "an empty epoch": ["", 1, 1],
  "an empty epoch at 0": ["", 0, 0],
  "a negative offset": [EPOCH, -1, 1],
  "an offset of 2^63": [EPOCH, 2n ** 63n, 1],
  "an offset that is a fraction": [EPOCH, 1.5, 1],
  "an offset that is a text": [EPOCH, "1", 1],
  "a fingerprint of 33 bits": [EPOCH, 1, 2 ** 32],
  "a fingerprint at 0": [EPOCH, 0, 1],
  "two elements": [EPOCH, 1],
  "four elements": [EPOCH, 1, 1, 1],
  "a list in a list": [[EPOCH, 1, 1]],
  "a map": { epoch: EPOCH, offset: 1, fingerprint: 1 },
  false: false,
  "a number": 0,
};

/** The connection stays: the subscription is refused. */
const FILTERS: Readonly<Record<string, unknown>> = {
  "a number": 7,
  "too large": { a: { in: Array.from({ length: 1_000 }, (_, n) => n) } },
  "too deep": Array.from({ length: 20 }).reduce((inner: unknown) => ["not", inner], { a: 1 }),
  "of no operator": ["constructor", ["a"], 1],
  "of a long path": ["eq", Array.from({ length: 1_000 }, () => "a"), 1],
};

/** All of them. */
export const channelAttacks: readonly Attack[] = [
  ...Object.entries(NAMES).map(([what, name]) => survived("E18", `a name ${what}`, subscribe(1, name))),
  refused("E18", "a name of 256 bytes", subscribe(1, `board/${"x".repeat(250)}`)),
  refused("E18", "a name that is no UTF-8", join(unhex("952001a2fffec0c0"))),
  refused("E18", "a name of 1 MiB that is not there", unhex("952001db00100000")),
  ...Object.entries(POSITIONS).map(([what, position]) =>
    refused("D1", `SUBSCRIBE from ${what}`, subscribe(1, NAME, position))
  ),
  survived("D1", "SUBSCRIBE from another life", subscribe(1, NAME, [EPOCH, 2 ** 53 - 1, 2 ** 32 - 1])),
  survived(
    "D1",
    "an absurd rewind",
    subscribe(1, NAME, null, { rewind: 2 ** 53 - 1, rewindMs: 2 ** 53 - 1 }),
  ),
  ...Object.entries(FILTERS).map(([what, filter]) =>
    survived("E16", `a filter that is ${what}`, subscribe(1, NAME, null, { filter }))
  ),
  refused("D1", "a negative rewind", subscribe(1, NAME, null, { rewind: -1 })),
  refused("D6", "SUBSCRIBE 0", subscribe(0, NAME)),
  refused("D6", "SUBSCRIBE 2 first", subscribe(2, NAME)),
  refused("D6", "SUBSCRIBE 1 twice", subscribe(1, NAME), subscribe(1, "board/8")),
  refused("D6", "UNSUBSCRIBE of nothing", message(35, 1)),
  survived("D6", "UNSUBSCRIBE twice", subscribe(1, NAME), message(35, 1), message(35, 1)),
  {
    row: "D6",
    name: "SEEN of what was never sent",
    // Whatever the alias is: a channel that nobody wants for two seconds has another one afterwards.
    frames: () => [
      subscribe(1, NAME),
      ...times(10, (n) => join(...times(1_000, (i) => message(39, (n - 1) * 1_000 + i, 2 ** 53 - 1)))),
    ],
    expected: { close: 4400 },
  },
  survived("D6", "SEEN of an alias that is none", message(39, 2 ** 53 - 1, 5)),
  survived("D6", "SIGNAL to an alias that is none", message(40, 2 ** 53 - 1, payload(1))),
  {
    row: "F5",
    name: "10,000 channels that are there: 128 are, the rest is refused, then the end",
    frames: () =>
      times(10, (n) => join(...times(1_000, (i) => subscribe((n - 1) * 1_000 + i, `board/${n}-${i}`)))),
    expected: { close: 4531 },
  },
  {
    row: "F5",
    name: "10,000 channels that are not there",
    frames: () => times(10, (n) => join(...times(1_000, (i) => subscribe((n - 1) * 1_000 + i, `none/${i}`)))),
    expected: { close: 4531 },
  },
  {
    row: "F6",
    name: "10,000 times there and gone",
    frames: () =>
      times(50, (n) =>
        join(...times(200, (i) => {
          const sub = (n - 1) * 200 + i;
          return join(subscribe(sub, NAME), message(35, sub));
        }))),
    expected: { answers: {} },
  },
  {
    row: "F5",
    name: "10,000 signals: most are lost, nobody is cut",
    frames: () => [
      subscribe(1, NAME),
      ...times(10, () => join(...times(1_000, (n) => message(40, NAME, payload(n))))),
      call(1, "add", { a: 1, b: 2 }),
    ],
    expected: { answers: { 1: { value: 3 } } },
  },
];
