/**
 * The limits of section 10 of the design: at the limit, and one over it. Rates by address and the limit on what waits for a
 * slow peer are in `rates_test.ts` and `socket_queue_test.ts`.
 */
import type { Limits } from "../../rpc/limits.ts";
import { call, callWith, flood, greeting, join, message, Raw, repeated, times } from "./hostile_frames.ts";
import type { Answer, Attack, Expected } from "./hostile_target.ts";
import { payload } from "./wire.ts";

const SUM = { a: 1, b: 2 };
const KIB = 1024;

/** One attack at the limit, one over it. */
function boundary(
  name: string,
  make: (over: number) => Iterable<Uint8Array>,
  { at, over, ...rest }: { at: Expected; over: Expected } & Partial<Attack>,
): Attack[] {
  return [
    { ...rest, row: "10", name: `${name}: at the limit`, frames: () => make(0), expected: at },
    { ...rest, row: "10", name: `${name}: one over it`, frames: () => make(1), expected: over },
  ];
}

/** Fills a message, made with some text, to exactly this many bytes. */
function sized(size: number, make: (text: string) => Uint8Array): Uint8Array {
  let length = 0;
  for (let tries = 0; tries < 4; tries++) {
    const bytes = make("x".repeat(length));
    if (bytes.length === size) return bytes;
    length += size - bytes.length; // the lengths of lengths change
  }
  throw new RangeError(`Cannot make ${size} bytes of this message`);
}

const three: Expected = { answers: { 1: { value: 3 } } };

function sizes(): Attack[] {
  const sum = { ...SUM, padding: "" };
  return [
    ...boundary("bytes of HELLO", (over) => [
      join(
        sized(64 * KIB - 50 + over, (agent) => greeting({ agent })),
        sized(50, (text) => call(1, "add", { ...SUM, text })),
      ),
    ], { at: three, over: { close: 1009 }, cold: true }),
    ...boundary("bytes of a frame", (over) => [
      sized(KIB * KIB + over, (padding) => call(1, "add", { ...sum, padding })),
    ], { at: three, over: { close: 1009 } }),
    ...boundary("bytes of a frame, set by the program", (over) => [
      sized(2_000 + over, (padding) => call(1, "add", { ...sum, padding })),
    ], { at: three, over: { close: 1009 }, limits: { message: 2_000 } }),
    ...boundary("bytes of a message in fragments", (over) => {
      const whole = sized(KIB * KIB + over, (padding) => call(1, "add", { ...sum, padding }));
      const [one, two] = [whole.slice(0, KIB * KIB / 2), whole.slice(KIB * KIB / 2)];
      return [message(9, 1, 1, two.length, one), message(9, 2, 1, 0, two)];
    }, { at: three, over: { close: 1009 } }),
    ...boundary("bytes of an item in parts", (over) => {
      const [size, part] = [KIB * KIB + over, KIB * KIB / 8];
      const item = payload("x".repeat(size - 5));
      const parts = times(Math.ceil(size / part), (n) => item.slice((n - 1) * part, n * part));
      let left = size;
      const messages = parts.map((bytes, i) => message(26, 1, i + 1, left -= bytes.length, bytes));
      return [call(1, "collect", undefined, { items: 1 }), ...messages, message(27, 1, parts.length)];
    }, { at: { answers: { 1: { value: 1 } } }, over: { close: 1009 }, limits: { window: 2 ** 21 } }),
  ];
}

function counts(): Attack[] {
  const levels = (count: number) => join(repeated([0x91], count), 0xc0);
  const options = (bytes: Uint8Array) => message(16, 1, 1, "add", new Raw(bytes), payload(SUM));
  const keys = (count: number) => Object.fromEntries(times(count, (n) => [`k${n}`, 0]));
  const map = (over: number) =>
    join(0xde, 4, over, payload(keys(KIB)).subarray(3), over === 0 ? [] : [0xa1, 0x7a, 0]);
  const bad: Expected = { answers: { 1: "BAD_MESSAGE" } };
  const nested = (over: number) => join(0x81, 0xa1, 0x78, levels(31 + over));
  return [
    ...boundary("levels of an input", (over) => [callWith(1, levels(32 + over))], {
      at: { answers: { 1: "ok" } },
      over: bad,
    }),
    ...boundary("levels of options", (over) => [options(nested(over))], { at: three, over: { close: 4400 } }),
    ...boundary("levels of a message that is passed over", (over) => [
      join(message(64, new Raw(levels(32 + over))), call(1, "add", SUM)),
    ], { at: three, over: { close: 4400 } }),
    ...boundary("keys of an input", (over) => [callWith(1, map(over))], {
      at: { answers: { 1: "ok" } },
      over: bad,
    }),
    ...boundary("keys of options", (over) => [options(map(over))], { at: three, over: { close: 4400 } }),
    ...boundary(
      "messages in a frame",
      (over) => [join(call(1, "add", SUM), repeated([0x91, 0x40], KIB - 1 + over))],
      {
        at: three,
        over: { close: 4531 },
      },
    ),
    ...boundary("calls", (over) => flood(256 + over, (n) => call(n, "hang")), {
      at: { answers: {} },
      over: { answers: { 257: "RESOURCE_EXHAUSTED" } },
    }),
    ...boundary(
      "calls that are refused in a row",
      (over) => flood(256 + KIB + over, (n) => call(n, "hang")),
      {
        at: {
          answers: Object.fromEntries(times(KIB, (n): [number, Answer] => [256 + n, "RESOURCE_EXHAUSTED"])),
        },
        over: { close: 4531 },
      },
    ),
    ...boundary("streams that a client opens", (over) => [
      ...times(64 + over, (n) => message(24, n, 1, payload(n))),
      call(1, "add", SUM),
    ], { at: three, over: { close: 4531 } }),
    ...boundary(
      "streams that a client accepts",
      (over) => [join(...times(2 + over, (n) => call(n, "endless")))],
      {
        hello: { limits: { streams: 2 } },
        at: { answers: { 1: "stream", 2: "stream" } },
        over: { answers: { 1: "stream", 2: "stream", 3: "RESOURCE_EXHAUSTED" } },
      },
    ),
    ...boundary("messages in fragments at once", (over) => [
      join(...times(16 + over, (n) => message(9, n, n, 10, new Uint8Array(1)))),
      message(16, 17, 1, "add", null, payload(SUM)),
    ], { at: three, over: { close: 4531 } }),
    ...boundary("bytes of messages in fragments at once", (over) => [
      join(
        ...times(4, (n) => message(9, n, n, KIB * KIB - 1, new Uint8Array(1))),
        over ? message(9, 5, 5, 0, payload(1)) : [],
      ),
      over ? new Uint8Array(1) : message(16, 5, 1, "add", null, payload(SUM)),
    ], { at: three, over: { close: 4531 } }),
  ];
}

const NEVER: Expected = { close: 4508 };

function waiting(): Attack[] {
  const unanswered = { cold: true, unanswered: true, limits: { hello: 200 } } satisfies Partial<Attack>;
  const over: Expected = { close: 1009 };
  return [
    { row: "10", name: "nothing is said", cold: true, limits: { hello: 60 }, expected: NEVER },
    {
      row: "10",
      name: "authentication takes too long",
      ...unanswered,
      frames: () => [greeting()],
      expected: NEVER,
    },
    ...boundary("bytes that wait for WELCOME", (more) => [
      greeting(),
      ...times(8, (n) => sized(8 * KIB + (n === 8 ? more : 0), (text) => call(n, "echo", text))),
    ], { ...unanswered, at: NEVER, over }),
    ...boundary(
      "frames that wait for WELCOME",
      (more) => [greeting(), ...times(KIB + more, () => message(64))],
      {
        ...unanswered,
        at: NEVER,
        over,
      },
    ),
    ...boundary("bytes behind HELLO in its frame", (more) => [
      join(greeting(), repeated([0xc0], 64 * KIB - greeting().length + more)),
    ], { ...unanswered, at: NEVER, over }),
    {
      row: "10",
      name: "nothing is said after WELCOME",
      limits: { heartbeat: 40, grace: 20 },
      expected: { close: 4504 },
    },
  ];
}

/** HELLO counts too. Only to the last token where the clock stands still; over a socket, many times the rate. */
function rate(
  name: string,
  limits: Partial<Limits>,
  make: (count: number) => Iterable<Uint8Array>,
): Attack[] {
  const over: Expected = { close: 4529 };
  return [
    ...boundary(name, (more) => make(1 + more), { limits, exact: true, at: { answers: {} }, over }),
    { row: "10", name: `${name}: a flood`, limits, frames: () => make(10), expected: over },
  ];
}

/** `make(1)` takes all that a full bucket has, `make(2)` one more, `make(10)` many more. */
function rates(): Attack[] {
  const count = (full: number, n: number) => n === 10 ? 10 * full : full + n - 1;
  const filler = (size: number) => sized(size, (text) => message(64, text));
  return [
    ...rate("messages a second", { messageRate: 50 }, (n) => [repeated([0x91, 0x40], count(100, n) - 1)]),
    ...rate(
      "cancels a second",
      { cancelRate: 50 },
      (n) => flood(count(100, n), (id) => message(20, id, 1)),
    ),
    ...rate("bytes a second", { byteRate: 5_000 }, (n) => [filler(count(10_000, n) - greeting().length)]),
  ];
}

/** All of them. */
export const limitAttacks: readonly Attack[] = [...sizes(), ...counts(), ...waiting(), ...rates()];
