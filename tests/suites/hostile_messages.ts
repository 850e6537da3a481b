/**
 * Rows D1 and D6: messages that are valid MessagePack and against the rules of `docs/protocol.md`.
 */
import { call, greeting, join, message, raw, times, unhex } from "./hostile_frames.ts";
import type { Attack } from "./hostile_target.ts";
import { payload } from "./wire.ts";

const SUM = payload({ a: 1, b: 2 });

/** What an element may be: wrong values of all other types are tried in its place. */
type Type =
  | "uint"
  | "uint|nil"
  | "bin"
  | "str"
  | "str|uint"
  | "bin|nil"
  | "options"
  | "map"
  | "map|nil"
  | "position|nil";

/** Every message that a client sends, each element with its type and a valid value. */
const MESSAGES: Readonly<Record<string, readonly (readonly [name: string, type: Type, valid: unknown])[]>> = {
  PONG: [["kind", "uint", 3], ["received", "uint", 0]],
  ACK: [["kind", "uint", 4], ["received", "uint", 0]],
  TOKEN: [["kind", "uint", 6], ["payload", "map", payload({})]],
  NAME: [["kind", "uint", 8], ["number", "uint", 1], ["name", "str", "x"]],
  FRAGMENT: [["kind", "uint", 9], ["seq", "uint", 1], ["group", "uint", 1], ["remaining", "uint", 1], [
    "payload",
    "bin",
    SUM,
  ]],
  CALL: [
    ["kind", "uint", 16],
    ["seq", "uint", 1],
    ["id", "uint", 1],
    ["method", "str|uint", "add"],
    ["options", "options", null],
    ["payload", "bin", SUM],
  ],
  RESULT: [["kind", "uint", 17], ["seq", "uint", 1], ["id", "uint", 1], ["payload", "bin", SUM]],
  ERROR: [
    ["kind", "uint", 18],
    ["seq", "uint", 1],
    ["id", "uint", 1],
    ["code", "str", "X"],
    ["flags", "uint", 0],
    ["payload", "map", payload({})],
  ],
  STREAM: [["kind", "uint", 19], ["seq", "uint", 1], ["id", "uint", 1], ["stream", "uint", 1]],
  CANCEL: [["kind", "uint", 20], ["seq", "uint", 1], ["id", "uint", 1]],
  ITEM: [["kind", "uint", 24], ["stream", "uint", 1], ["n", "uint", 1], ["payload", "bin", SUM]],
  PIECE: [["kind", "uint", 25], ["stream", "uint", 1], ["n", "uint", 1], ["payload", "bin", SUM]],
  PART: [["kind", "uint", 26], ["stream", "uint", 1], ["n", "uint", 1], ["remaining", "uint", 9], [
    "payload",
    "bin",
    SUM,
  ]],
  END: [["kind", "uint", 27], ["stream", "uint", 1], ["n", "uint", 0]],
  FAIL: [
    ["kind", "uint", 28],
    ["stream", "uint", 1],
    ["n", "uint", 0],
    ["code", "str", "X"],
    ["flags", "uint", 0],
    ["payload", "map", payload({})],
  ],
  CREDIT: [["kind", "uint", 29], ["stream", "uint", 1], ["n", "uint", 0], ["limit", "uint", 1e6]],
  STOP: [["kind", "uint", 30], ["stream", "uint", 1]],
  CAUSED: [["kind", "uint", 21], ["seq", "uint", 1], ["id", "uint", 1], ["payload", "map", payload([])]],
  SUBSCRIBE: [
    ["kind", "uint", 32],
    ["sub", "uint", 1],
    ["channel", "str", "board/7"],
    ["position", "position|nil", null],
    ["options", "map|nil", null],
  ],
  UNSUBSCRIBE: [["kind", "uint", 35], ["sub", "uint", 1]],
  SEEN: [["kind", "uint", 39], ["alias", "uint", 1], ["offset", "uint", 1]],
  SIGNAL: [["kind", "uint", 40], ["channel", "str|uint", "board/7"], ["payload", "bin", SUM]],
  WATCH: [["kind", "uint", 46], ["watch", "uint", 1], ["channel", "str", "board/7"], [
    "options",
    "map|nil",
    null,
  ]],
  UNWATCH: [["kind", "uint", 49], ["watch", "uint", 1]],
};

const HELLO: (typeof MESSAGES)[string] = [
  ["kind", "uint", 0],
  ["version", "uint", 1],
  ["session", "bin|nil", null],
  ["received", "uint", 0],
  ["payload", "map", payload({})],
];

/** One value of each type. */
const VALUES: readonly (readonly [type: string, value: unknown])[] = [
  ["nil", null],
  ["true", true],
  ["negative", -1],
  ["float", 1.5],
  ["2^53", raw("cf0020000000000000")],
  ["str", "a"],
  ["bin", new Uint8Array([0xc1])],
  ["array", [1]],
  ["map", { timeout: "soon" }],
  ["extension", new Date(0)],
  ["unknown extension", raw("d44200")],
  ["a byte that starts nothing", raw("c1")],
];

/** Whether a wrong value of this kind is none where `type` is expected. */
function fits(type: Type, value: string): boolean {
  if (value === "bin") return type === "bin";
  if (value === "nil") return type.endsWith("|nil") || type === "options";
  if (value === "map") return type === "map|nil";
  return value === "str" && (type === "str" || type === "str|uint");
}

/** Each element of a message replaced by a value of each type that it may not have. */
function illTyped(kind: string, elements: (typeof MESSAGES)[string], cold: boolean): Attack[] {
  const valid = elements.map(([, , value]) => value);
  const wrong = elements.flatMap(([name, type], at) =>
    VALUES.filter(([value]) => !fits(type, value)).map(([value, bytes]): Attack => ({
      row: "D1",
      name: `${kind}: ${name} is ${value}`,
      cold,
      frames: () => [message(...valid.with(at, bytes))],
      expected: { close: 4400 },
    }))
  );
  const sized = (name: string, ...parts: unknown[]): Attack => ({
    row: "D1",
    name: `${kind}: ${name}`,
    cold,
    frames: () => [message(...parts)],
    expected: { close: 4400 },
  });
  return [
    ...wrong,
    sized("an element less", ...valid.slice(0, -1)),
    sized("an element more", ...valid, null),
  ];
}

function refused(row: string, name: string, messages: readonly Uint8Array[], close = 4400): Attack {
  return { row, name, frames: () => [join(...messages)], expected: { close } };
}

function first(name: string, frame: Uint8Array, close = 4400): Attack {
  return { row: "D1", name: `first: ${name}`, cold: true, frames: () => [frame], expected: { close } };
}

function firstMessages(): Attack[] {
  const session = (size: number) => message(0, 1, new Uint8Array(size), 0, payload({}));
  return [
    ...Object.entries(MESSAGES).map(([kind, elements]) =>
      first(kind, message(...elements.map(([, , value]) => value)))
    ),
    first("nothing", new Uint8Array(0)),
    first("an optional message", message(64)),
    first("text of another protocol", new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n")),
    first("JSON", new TextEncoder().encode('{"jsonrpc":"2.0","method":"add","id":1}')),
    first("zeros", new Uint8Array(1_000)),
    ...[0, 2, 2 ** 53 - 1].map((version) =>
      first(`version ${version}`, message(0, version, null, 0, payload({})), 4406)
    ),
    ...[0, 15, 17].map((size) => first(`a session of ${size} bytes`, session(size))),
    ...[
      { limits: 1 },
      { limits: "x" },
      { limits: { message: -1 } },
      { limits: { message: 1023 } },
      { limits: { window: "x" } },
      {
        limits: { calls: 1.5 },
      },
      { token: 1 },
      { token: {} },
    ].map((hello) => first(JSON.stringify(hello), greeting(hello))),
    first("a HELLO without a payload", message(0, 1, null, 0, payload())),
    first("two of them", join(greeting(), greeting())),
  ];
}

function directions(): Attack[] {
  const from = {
    WELCOME: message(1, 1, null, 0, payload({})),
    PING: message(2, 0),
    GOODBYE: message(5, 1001, null, payload({})),
    EXPIRES: message(7, null),
    HELLO: greeting(),
  };
  return [
    ...Object.entries(from).map(([kind, bytes]) => refused("D1", `${kind} from a client`, [bytes])),
    ...[10, 15, 22, 23, 31, ...times(32, (n) => 31 + n).filter((kind) => kind !== 39), 128, 1_000, 2 ** 32]
      .map((kind) => refused("D1", `kind ${kind}`, [message(kind, 1, 1)])),
    refused("D1", "an empty frame", []),
    refused("D1", "an empty message", [unhex("90")]),
    refused("D1", "two TOKENs at once", [message(6, payload({})), message(6, payload({}))]),
    refused("D1", "fragments of a message without a sequence", [message(9, 1, 1, 0, message(4, 0))]),
    refused("D1", "fragments of fragments", [message(9, 1, 1, 0, message(9, 2, 2, 0, message(4, 0)))]),
    refused("D1", "fragments of nothing", [message(9, 1, 1, 0, new Uint8Array(0))]),
    {
      row: "D1",
      name: "kinds 64 to 127 are passed over",
      frames: () => [
        join(
          ...times(64, (n) => message(63 + n, [n], { n }, "x", new Uint8Array(n))),
          call(1, "add", { a: 1, b: 2 }),
        ),
      ],
      expected: { answers: { 1: { value: 3 } } },
    },
  ];
}

function numbers(): Attack[] {
  const never = ["hang", "hang"].map((name, i) => call(i + 1, name));
  const [item, end] = [(n: number) => message(24, 1, n, SUM), (n: number) => message(27, 1, n)];
  const items = call(1, "collect", undefined, { items: 1 });
  const ids = (...ids: number[]) => ids.map((id, i) => message(16, i + 1, id, "hang", null, payload()));
  const cases: Record<string, readonly Uint8Array[]> = {
    "call 0": ids(0),
    "a call id twice": ids(1, 1),
    "the id of a call that has ended": [call(1, "add", 1), message(16, 2, 1, "add", null, SUM)],
    "a call id 5,000 ahead": ids(5_000),
    "call 2^53-1": ids(2 ** 53 - 1),
    "a CANCEL 5,000 ahead": [message(20, 1, 5_000)],
    "a call whose id was cancelled before": [message(20, 1, 1), message(16, 2, 1, "add", null, SUM)],
    "seq 0": [message(16, 0, 1, "add", null, SUM)],
    "seq 2 first": [message(16, 2, 1, "add", null, SUM)],
    "seq twice": [...never, message(16, 2, 3, "add", null, SUM)],
    "a RESULT for a call that was never made": [message(17, 1, 1, SUM)],
    "an ERROR for a call that was never made": [message(18, 1, 1, "X", 0, payload({}))],
    "a STREAM for a call that was never made": [message(19, 1, 1, 1)],
    "RESULT 0": [message(17, 1, 0, SUM)],
    "a number that was never announced": [call(1, 7)],
    "number 2^53-1": [call(1, 2 ** 53 - 1)],
    "an ACK of what was never sent": [message(4, 1)],
    "a PONG with what was never sent": [message(3, 2 ** 53 - 1)],
    "CREDIT for a stream that was never opened": [message(29, 1, 0, 1e6)],
    "STOP for a stream that was never opened": [message(30, 1)],
    "CREDIT for units that were never sent": [call(1, "endless"), message(29, 1, 1e9, 1e9)],
    "stream 0": [message(24, 0, 1, SUM)],
    "items on stream 0": [call(1, "collect", undefined, { items: 0 })],
    "a stream named twice by calls": [items, call(2, "collect", undefined, { items: 1 })],
    "a stream named twice in a value": [
      call(1, "echo", 0),
      message(16, 2, 2, "echo", null, unhex("92d60100000001d60100000001")),
    ],
    "a stream named as items and as bytes": [items, message(16, 2, 2, "echo", null, unhex("d60100000001"))],
    "item 2 first": [items, item(2)],
    "item 1 twice": [items, item(1), item(1)],
    "item 0": [items, item(0)],
    "a PIECE among items": [items, message(25, 1, 1, SUM)],
    "a PIECE among items that came before their call": [message(25, 1, 1, SUM), items],
    "an ITEM in the middle of another": [items, message(26, 1, 1, 10, SUM), item(2)],
    "parts that do not add up": [items, message(26, 1, 1, 10, SUM), message(26, 1, 2, 10, SUM)],
    "an END in the middle of an item": [items, message(26, 1, 1, 10, SUM), end(1)],
    "an item after END": [items, item(1), end(1), item(2)],
    "END twice": [call(1, "hold", undefined, { items: 1 }), item(1), end(1), end(1)],
    "END after too many": [items, item(1), end(2)],
    "END after too few": [items, item(1), end(0)],
    "a fragment that is empty": [message(9, 1, 1, 10, new Uint8Array(0))],
    "fragments that do not add up": [message(9, 1, 1, 10, SUM), message(9, 2, 1, 10, SUM)],
    "a group of fragments again": [
      message(9, 1, 1, 0, call(1, "add", 1)),
      message(9, 2, 1, 0, call(2, "add", 1)),
    ],
    "group 0": [message(9, 1, 0, 0, call(1, "add", 1))],
  };
  return [
    ...Object.entries(cases).map(([name, messages]) => refused("D6", name, messages)),
    {
      row: "D6",
      name: "a CANCEL that is late, twice, or first is ignored",
      frames: () => [
        join(
          call(1, "add", { a: 1, b: 2 }),
          message(20, 2, 1),
          message(20, 3, 1),
          message(20, 4, 2),
          message(20, 5, 2),
        ),
        message(16, 6, 3, "add", null, SUM),
      ],
      expected: { answers: { 1: { value: 3 }, 3: { value: 3 } } },
    },
  ];
}

/** All of them. */
export const messageAttacks: readonly Attack[] = [
  ...Object.entries(MESSAGES).flatMap(([kind, elements]) => illTyped(kind, elements, false)),
  ...illTyped("HELLO", HELLO, true),
  ...firstMessages(),
  ...directions(),
  ...numbers(),
];
