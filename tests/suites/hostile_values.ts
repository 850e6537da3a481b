/**
 * Rows C1 to C15: bytes that are no value, or one that costs more than it weighs. In a header they close the connection with
 * 4400; in a payload the call fails with `BAD_MESSAGE`, and the next call is answered.
 */
import { encode } from "../../msgpack/mod.ts";
import {
  call,
  callWith,
  frames,
  greeting,
  join,
  message,
  Raw,
  raw,
  repeated,
  times,
  unhex,
} from "./hostile_frames.ts";
import type { Answer, Attack } from "./hostile_target.ts";
import { payload } from "./wire.ts";

const SUM = { a: 1, b: 2 };
const BAD = "BAD_MESSAGE";

/** Inputs that cannot be read: each call fails, and an honest one behind them is answered. */
function inputs(row: string, name: string, all: readonly (string | Uint8Array)[]): Attack {
  const bytes = all.map((one) => typeof one === "string" ? unhex(one) : one);
  const last = bytes.length + 1;
  const answers: Record<number, Answer> = { [last]: { value: 3 } };
  for (const id of bytes.keys()) answers[id + 1] = BAD;
  const messages = () => [...bytes.map((one, i) => callWith(i + 1, one)), call(last, "add", SUM)];
  return { row, name: `input: ${name}`, frames: () => frames(messages()), expected: { answers } };
}

/** The same bytes wherever a header has a value of any type: options of a call and HELLO's payload. */
function headers(row: string, name: string, bytes: Uint8Array): Attack[] {
  const expected = { close: 4400 };
  const options = message(16, 1, 1, "add", new Raw(bytes), payload(SUM));
  return [
    { row, name: `options: ${name}`, frames: () => [options], expected },
    { row, name: `HELLO: ${name}`, cold: true, frames: () => [message(0, 1, null, 0, bytes)], expected },
  ];
}

/** Also in a message that is passed over: of that only the structure is looked at. */
function structures(row: string, name: string, bytes: Uint8Array): Attack[] {
  return [...headers(row, name, bytes), frame(row, `optional: ${name}`, message(64, new Raw(bytes)))];
}

/** A value that comes back as it went. */
function echoed(row: string, name: string, value: unknown): Attack {
  return { row, name, frames: () => [call(1, "echo", value)], expected: { answers: { 1: { value } } } };
}

function frame(row: string, name: string, bytes: Uint8Array, close = 4400): Attack {
  return { row, name: `frame: ${name}`, frames: () => [bytes], expected: { close } };
}

const COUNT_BOMBS: Record<string, Uint8Array> = {
  "array 32 of 30 million": unhex("dd01c9c380"),
  "array 32 of 2^32-1": unhex("ddffffffff"),
  "map 32 of 2^32-1": unhex("dfffffffff00"),
  "map 16 of 65535": unhex("deffff"),
  "array 16 of 65535, 300 times": repeated([0xdc, 0xff, 0xff], 300),
  "map 16 nested, each count covered": repeated([0xde, 0x04, 0x00, 0xa1, 0x61], 3_000),
};

function counts(): Attack[] {
  const bombs = Object.entries(COUNT_BOMBS);
  return [
    inputs("C1", "counts beyond the bytes", Object.values(COUNT_BOMBS)),
    ...bombs.flatMap(([name, bytes]) => structures("C1", name, bytes)),
    ...bombs.map(([name, bytes]) => frame("C1", name, bytes)),
    frame("C1", "an array 32 whose kind is known", unhex("ddffffffff 10 01 01")),
  ];
}

function lengths(): Attack[] {
  const bombs = [
    "c6ffffffff",
    "c5ffff00",
    "c4ff00",
    "dbffffffff61",
    "daffff61",
    "d9ff61",
    "bf61",
    "c9ffffffff0100",
    "c8ffff01",
  ];
  return [
    inputs("C2", "lengths beyond the bytes", bombs),
    ...bombs.flatMap((hex) => structures("C2", hex, unhex(hex))),
    frame("C2", "a payload of 4 GiB", message(16, 1, 1, "echo", null, raw("c6ffffffff00"))),
    frame("C2", "a name of 4 GiB", message(16, 1, 1, raw("dbffffffff61"), null, payload())),
    frame("C2", "a name of 64 KiB that is there", message(16, 1, 1, "x".repeat(65_000), null, payload())),
    frame("C2", "a piece of 4 GiB", message(25, 1, 1, raw("c6ffffffff00"))),
  ];
}

function truncated(): Attack[] {
  const values = [
    {
      text: "abc",
      list: [1, 300, 70_000, 2 ** 40, -1, -200, 1.5],
      when: new Date(1e12),
      bytes: new Uint8Array(3),
    },
  ];
  const whole = encode(values[0]);
  const extensions = [
    "d4",
    "d401",
    "d601",
    "d60100",
    "d7ff",
    "d7ff00",
    "d801",
    "c7",
    "c70401",
    "c70cff00",
    "c800",
  ];
  const valid = join(call(1, "echo", values[0], { timeout: 100 }));
  return [
    inputs("C3", "cut extensions", extensions),
    inputs("C3", "every prefix of a value", times(whole.length - 1, (n) => whole.slice(0, n))),
    ...extensions.flatMap((hex) => structures("C3", hex, unhex(hex))),
    ...times(valid.length - 1, (n) => frame("C3", `the first ${n} bytes of a call`, valid.slice(0, n))),
  ];
}

function depths(): Attack[] {
  const deep = {
    "arrays, 100,000": join(repeated([0x91], 100_000), 0xc0),
    "arrays without an end": repeated([0x91], 50_000),
    "maps, 10,000": join(repeated([0x81, 0xa1, 0x61], 10_000), 0xc0),
    "maps and arrays": join(repeated([0x81, 0xa1, 0x61, 0x91], 5_000), 0xc0),
    "33 levels": join(repeated([0x91], 33), 0xc0),
  };
  const small = ["maps, 10,000", "maps and arrays", "33 levels"] as const;
  return [
    inputs("C4", "deep", Object.values(deep)),
    ...small.flatMap((name) => structures("C4", name, deep[name])),
    frame("C4", "arrays, 100,000", deep["arrays, 100,000"]),
  ];
}

function keys(): Attack[] {
  const proto = "81a95f5f70726f746f5f5f81a1780a";
  const own = JSON.parse(
    '{"constructor":{"prototype":{"polluted":1}},"prototype":{"polluted":1},"toString":1,"then":1}',
  );
  return [
    inputs("C5", "__proto__", [proto, `91${proto}`, `81a161${proto}`, `81a16191${proto}`]),
    ...headers("C5", "__proto__", unhex(proto)),
    echoed("C5", "constructor, prototype and others are data", own),
    inputs("C6", "keys that are no strings", [
      "819101c0",
      "8101c0",
      "81c0c0",
      "81c3c0",
      "818080",
      "81d60100000001c0",
      "81c40161c0",
      "81cb3ff0000000000000c0",
    ]),
    inputs("C6", "keys that nest", [
      join(repeated([0x81], 10_000), 0xc0),
      join(0x81, repeated([0x91], 10_000)),
    ]),
    ...["819101c0", "8101c0", "81c0c0"].flatMap((hex) => structures("C6", hex, unhex(hex))),
    inputs("C10", "a key twice", ["82a16101a16102", "82a16101d9016102", "9182a16101a16102"]),
    ...headers("C10", "a key twice", unhex("82a16101a16102")),
  ];
}

function extensions(): Attack[] {
  const sizes: readonly (readonly [size: number, head: readonly number[]])[] = [
    [1, [0xd4]],
    [2, [0xd5]],
    [4, [0xd6]],
    [8, [0xd7]],
    [16, [0xd8]],
    [0, [0xc7, 0]],
    [5, [0xc7, 5]],
    [300, [0xc8, 1, 44]],
  ];
  const known = (type: number, size: number) =>
    (type === 1 || type === 0xff) && size % 4 === 0 && size < 9 && size > 0;
  const all = times(
    256,
    (type) =>
      sizes.filter(([size]) => !known(type - 1, size)).map(([size, head]) =>
        join(head, type - 1, new Uint8Array(size))
      ),
  );
  return [
    inputs("C7", "all 256 types in eight sizes", all.flat()),
    inputs("C7", "a stream numbered in 8 bytes", ["d7010000000000000001", "c70501 0000000001"]),
    ...["d40200", "d60100000001", "d6ff00000000"].flatMap((hex) => headers("C7", hex, unhex(hex))),
    inputs("C8", "bytes, lists and text of 2^31 and more", [
      "c680000000",
      "dd80000000",
      "db80000000",
      "c980000000ff",
    ]),
    echoed("C8", "bytes come back as they are", new Uint8Array(60_000).fill(7)),
  ];
}

function hashes(): Attack[] {
  const map = (count: number) => Object.fromEntries(times(count, (n) => [`${n * 2 ** 20}`, 0]));
  const many = encode(Object.fromEntries(times(1_024, (n) => [`a${n}`, n])));
  const over = join(0xde, 4, 1, many.subarray(3), 0xa1, 0x7a, 0);
  return [
    echoed("C9", "1,024 keys that look like numbers", map(1_024)),
    inputs("C9", "1,025 keys", [over, join(0x91, over)]),
    ...structures("C9", "1,025 keys", over),
  ];
}

/** A call of which all integers are written in this form. */
function widely(head: number, size: number): Uint8Array {
  const one = new Raw(join(head, new Uint8Array(size - 1), 1));
  const [kind, timeout] = [
    new Raw(join(head, new Uint8Array(size - 1), 16)),
    new Raw(join(head, new Uint8Array(size - 1), 100)),
  ];
  return message(kind, one, one, "add", timeout, payload(SUM));
}

function numbers(): Attack[] {
  const forms = [[0xcc, 1], [0xcd, 2], [0xce, 4], [0xcf, 8], [0xd0, 1], [0xd1, 2], [0xd2, 4], [
    0xd3,
    8,
  ]] as const;
  const bad = [
    "cf0020000000000000",
    "cfffffffffffffffff",
    "d3ffffffffffffffff",
    "d0ff",
    "ff",
    "cb3ff0000000000000",
    "ca3f800000",
    "a131",
    "c3",
  ];
  const times96 = [
    "c70cff3b9aca0000000000 00000000",
    "c70cff00000000 7fffffffffffffff",
    "d7ffffffffff00000000",
    "d7ff0000000400000000",
  ];
  return [
    ...forms.map(([head, size]): Attack => ({
      row: "C11",
      name: `integers in the form ${head.toString(16)}`,
      frames: () => [widely(head, size)],
      expected: { answers: { 1: { value: 3 } } },
    })),
    ...bad.flatMap((hex) => [
      frame("C11", `seq ${hex}`, message(16, raw(hex), 1, "add", null, payload(SUM))),
      frame("C11", `id ${hex}`, message(16, 1, raw(hex), "add", null, payload(SUM))),
    ]),
    inputs("C11", "times that are none", times96),
    echoed("C11", "what is no small integer", [
      NaN,
      -0,
      Infinity,
      -Infinity,
      2 ** 53,
      2n ** 63n,
      -(2n ** 63n),
      1e300,
    ]),
  ];
}

function texts(): Attack[] {
  const bad = ["a2fffe", "a1c0", "a2c080", "a3eda080", "a4f4908080", "a1e2", "a261ff", "d901ff", "81a1ff00"];
  return [
    inputs("C12", "text that is not UTF-8", bad),
    ...bad.slice(0, -1).map((hex) =>
      frame("C12", `name ${hex}`, message(16, 1, 1, raw(hex), null, payload()))
    ),
    ...headers("C12", "key ff", unhex("81a1ff00")),
    inputs("C13", "bytes behind the value", ["0102", "c0c0", "90c1", "8000", "a16100"]),
    frame("C13", "a byte behind a message", join(call(1, "add", SUM), 2)),
    frame("C13", "a byte that starts nothing behind a message", join(call(1, "add", SUM), 0xc1)),
    frame("C13", "a value in front of a message", join(0xc0, call(1, "add", SUM))),
    {
      row: "C13",
      name: "a second value behind HELLO's payload",
      cold: true,
      frames: () => [message(0, 1, null, 0, join(payload({}), 0x80))],
      expected: { close: 4400 },
    },
    frame(
      "C13",
      "fragments that hold two messages",
      message(9, 1, 1, 0, join(call(1, "add", SUM), call(2, "add", SUM))),
    ),
  ];
}

function aliases(): Attack[] {
  const bytes = new Uint8Array(40).fill(5);
  return [{
    row: "C14",
    name: "bytes that a handler keeps stay what they are",
    frames: () => [
      join(call(1, "keep", bytes), call(2, "echo", new Uint8Array(40).fill(9))),
      ...times(50, (n) => call(n + 2, "echo", new Uint8Array(40).fill(n + 100))),
      call(53, "kept"),
    ],
    drive: async (target) => {
      for (let ended = 0; ended < 52; ended++) while ((await target.next())?.[0] !== 17);
    },
    expected: { answers: { 53: { value: bytes } } },
  }];
}

function batches(): Attack[] {
  return [
    frame("C15", "a million nils", repeated([0xc0], 1_000_000)),
    frame("C15", "half a million optional messages", repeated([0x91, 0x40], 500_000), 4531),
    frame("C15", "a million empty messages", repeated([0x90], 1_000_000)),
    {
      row: "C15",
      name: "HELLO and 1,025 more",
      cold: true,
      frames: () => [join(greeting(), repeated([0x91, 0x40], 1_025))],
      expected: { close: 4531 },
    },
  ];
}

/** All of them. */
export const valueAttacks: readonly Attack[] = [
  ...counts(),
  ...lengths(),
  ...truncated(),
  ...depths(),
  ...keys(),
  ...extensions(),
  ...hashes(),
  ...numbers(),
  ...texts(),
  ...aliases(),
  ...batches(),
];
