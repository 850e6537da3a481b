/**
 * Rows D2 to D5, D7, D9 and D11: calls that are allowed one by one.
 */
import { assert, assertEquals, assertFalse } from "@std/assert";
import { Kind } from "../../rpc/kinds.ts";
import { SECRET } from "./hostile_app.ts";
import { call, flood, join, message, times } from "./hostile_frames.ts";
import { type Answer, type Attack, nextOf, type Target, textOf } from "./hostile_target.ts";
import { payload } from "./wire.ts";

const SUM = { a: 1, b: 2 };

/** Answers of the same kind for many calls. */
function many(from: number, to: number, answer: Answer): Record<number, Answer> {
  return Object.fromEntries(times(to - from + 1, (n) => [from + n - 1, answer]));
}

function told(target: Target): Promise<void> {
  assertFalse(textOf(target).includes(SECRET), "the secret was told");
  assertFalse(/hostile_app|\.ts:\d/.test(textOf(target)), "a stack was told");
  return Promise.resolve();
}

function handlers(): Attack[] {
  const failing = ["throws", "throwsNothing", "throwsGetter", "rejects", "lies", "unencodable", "bottomless"];
  return [
    ...failing.map((name): Attack => ({
      row: "D2",
      name: `a handler that ${name}`,
      frames: () => [join(call(1, name), call(2, "add", SUM))],
      drive: async (target) => {
        const ends = [
          await nextOf(target, Kind.ERROR, Kind.RESULT),
          await nextOf(target, Kind.ERROR, Kind.RESULT),
        ];
        const error = ends.find(([kind]) => kind === Kind.ERROR)!;
        assertEquals(error.slice(2, 4), [1, "INTERNAL"]);
        await told(target);
        target.send(call(3, "add", SUM));
      },
      reports: 1,
      expected: { answers: { 3: { value: 3 } } },
    })),
    {
      row: "D2",
      name: "a handler that hangs ends at its deadline",
      frames: () => [join(call(1, "stubborn", undefined, { timeout: 20 }), call(2, "hang", undefined, 60))],
      drive: async (target) => {
        // The caller is told on time, whether the handler listens or not.
        assertEquals((await nextOf(target, Kind.ERROR)).slice(2, 4), [1, "DEADLINE"]);
        assertEquals((await nextOf(target, Kind.ERROR)).slice(2, 4), [2, "DEADLINE"]);
        target.probe.release();
        target.send(call(3, "add", SUM));
      },
      expected: { answers: { 3: { value: 3 } } },
    },
    {
      row: "D2",
      name: "a stream that breaks off",
      frames: () => [call(1, "breaks")],
      drive: async (target) => {
        assertEquals((await nextOf(target, Kind.FAIL)).slice(2, 4), [1, "INTERNAL"]);
        await told(target);
        target.send(join(message(Kind.CREDIT, 1, 1, 1e6), call(2, "add", SUM)));
      },
      reports: 1,
      expected: { answers: { 2: { value: 3 } } },
    },
    {
      row: "D2",
      name: "inputs that do not fit",
      frames: () => [
        join(
          ...[null, 1, "x", [], {}, { a: "1", b: 2 }, { a: 1 }].map((input, i) => call(i + 1, "add", input)),
        ),
      ],
      expected: { answers: many(1, 7, "BAD_INPUT") },
    },
  ];
}

function names(): Attack[] {
  const all = [
    "constructor",
    "__proto__",
    "prototype",
    "toString",
    "valueOf",
    "hasOwnProperty",
    "__defineGetter__",
    "add.constructor",
    "add.call",
    "then",
    "",
    ".",
    "add\0",
    "ADD",
    "add ",
    "ﬁ",
    "a".repeat(255),
  ];
  return [
    {
      row: "D3",
      name: "names that are in every object",
      frames: () => [join(...all.map((name, i) => call(i + 1, name)), call(all.length + 1, "add", SUM))],
      expected: { answers: { ...many(1, all.length, "NOT_FOUND"), [all.length + 1]: { value: 3 } } },
    },
    {
      row: "D3",
      name: "a name of 256 bytes",
      frames: () => [call(1, "a".repeat(256))],
      expected: { close: 4400 },
    },
    ...["add", "hang", "collect", "endless"].map((name): Attack => ({
      row: "D3",
      name: `items for ${name}, whatever its shape`,
      frames: () => [join(call(1, name, SUM, { items: 1 }), message(20, 2, 1), message(27, 1, 0))],
      drive: async (target) => void await nextOf(target, Kind.ERROR, Kind.RESULT, Kind.FAIL, Kind.STREAM),
      expected: { answers: {} },
    })),
  ];
}

function floods(): Attack[] {
  const hang = (n: number) => call(n, "hang");
  return [
    {
      row: "D4",
      name: "256 calls and 1,024 more: the surplus is refused",
      frames: () => flood(1_280, hang),
      expected: { answers: many(257, 1_280, "RESOURCE_EXHAUSTED") },
    },
    {
      row: "D4",
      name: "100,000 calls: closed",
      frames: () => flood(100_000, hang),
      expected: { close: 4531 },
    },
    {
      row: "D4",
      name: "calls for 360 MB of answers by somebody who does not read: closed, and not many of them made",
      drive: async (target) => {
        target.read(false);
        // So many that 1,024 are refused in a row, though the kernel takes some answers between the turns they come in.
        for (const frame of flood(6_000, (n) => n === 1 ? call(n, "hang") : call(n, "blob"), 16)) {
          target.send(frame);
        }
        await target.until(() => target.probe.aborted, 1); // the server has closed
        target.read(true);
      },
      expected: { close: 4531 },
    },
    {
      row: "D5",
      name: "cancelled calls count until they have ended",
      limits: { concurrency: 256 },
      frames: () =>
        flood(
          300,
          (n) => join(message(16, 2 * n - 1, n, "stubborn", null, payload()), message(20, 2 * n, n)),
        ),
      drive: async (target) => {
        for (let n = 257; n <= 300; n++) {
          assertEquals((await nextOf(target, Kind.ERROR)).slice(2, 4), [n, "RESOURCE_EXHAUSTED"]);
        }
        assertEquals(target.held().calls, 256);
        target.probe.release();
      },
      expected: { answers: many(1, 256, "CANCELLED") },
    },
    {
      row: "D5",
      name: "100,000 calls that are cancelled at once: closed",
      limits: { cancelRate: 400 },
      frames: () =>
        flood(
          100_000,
          (n) => join(message(16, 2 * n - 1, n, "hang", null, payload()), message(20, 2 * n, n)),
          512,
        ),
      expected: { close: 4529 },
    },
    {
      row: "D5",
      name: "100,000 cancels of nothing: closed",
      limits: { cancelRate: 1_000 },
      frames: () => flood(100_000, (n) => message(20, n, 1)),
      expected: { close: 4529 },
    },
  ];
}

const WINDOW = 256 * 1024;

/** The source of a stream is told when nobody wants more of it. */
function ended(method: string, how: string, end: (target: Target) => void): Attack {
  return {
    row: "D7",
    name: `${how} reaches the source of ${method}`,
    frames: () => [call(1, method)],
    drive: async (target) => {
      await nextOf(target, Kind.ITEM, Kind.PIECE);
      end(target);
      await target.until(() => target.probe.returned, 1);
    },
    expected: { answers: {} },
  };
}

function streams(): Attack[] {
  const items = call(1, "hold", undefined, { items: 1 });
  const unit = (n: number, size: number, kind: number = Kind.ITEM) =>
    message(kind, 1, n, payload("x".repeat(size)));
  return [
    {
      row: "D7",
      name: "a reader who grants nothing gets one window, and the source rests",
      frames: () => [call(1, "endless")],
      drive: async (target) => {
        await target.until(() => target.received.reduce((sum, { length }) => sum + length, 0) > 60_000, true);
        target.send(call(2, "add", SUM));
        await nextOf(target, Kind.RESULT);
        assert(target.probe.produced <= WINDOW / 1_000 + 2, `${target.probe.produced} items were made`);
        target.send(join(message(20, 3, 1), message(16, 4, 3, "add", null, payload(SUM))));
        await target.until(() => target.probe.returned, 1);
      },
      expected: { answers: { 3: { value: 3 } } },
    },
    {
      row: "D7",
      name: "credit without end, and nothing read: what is on its way is bounded",
      frames: () => [join(call(1, "endless"), message(29, 1, 0, 2 ** 53 - 1))],
      drive: async (target) => {
        target.send(call(2, "add", SUM));
        await nextOf(target, Kind.RESULT);
        assert(target.probe.produced < 2_200, `${target.probe.produced} items of 1,000 bytes were made`);
        assert(target.held().bytes < 2 ** 21, `${target.held().bytes} bytes are held`);
      },
      expected: { answers: {} },
    },
    ...["endless", "bytes"].flatMap((name): Attack[] => [
      ended(name, "STOP", (target) => target.send(join(message(30, 1), call(2, "add", SUM)))),
      ended(name, "a cut", (target) => target.cut()),
    ]),
    {
      row: "D7",
      name: "an upload fills its window exactly, and is held",
      frames: () => [items, ...times(4, (n) => unit(n, WINDOW / 4 - 5 + (n === 4 ? 0 : 0)))],
      drive: async (target) => {
        target.send(call(2, "add", SUM));
        await nextOf(target, Kind.RESULT);
        const { bytes } = target.held();
        assert(bytes > WINDOW - 100 && bytes <= WINDOW + 100, `${bytes} bytes are held`);
      },
      expected: { answers: {} },
    },
    ...([[Kind.ITEM, "an item"], [Kind.PIECE, "a piece before its call"]] as const).map((
      [kind, name],
    ): Attack => ({
      row: "D7",
      name: `${name} beyond the credit`,
      frames: () => [...(kind === Kind.ITEM ? [items] : []), unit(1, WINDOW, kind), unit(2, 1, kind)],
      expected: { close: 4400 },
    })),
    {
      row: "D7",
      name: "units of nothing cost 64 bytes each",
      frames: () => [items, ...flood(WINDOW / 64 + 1, (n) => message(24, 1, n, new Uint8Array(0)))],
      expected: { close: 4400 },
    },
  ];
}

function orders(): Attack[] {
  return [
    {
      row: "D9",
      name: "100,000 calls start in order",
      drive: async (target) => {
        for (const frame of flood(100_000, (n) => call(n, "note", n), 1_000)) {
          target.send(frame);
          for (let n = 0; n < 1_000; n++) await nextOf(target, Kind.RESULT);
        }
        assertEquals(target.probe.started.length, 100_000);
        assert(target.probe.started.every((n, i) => n === i + 1), "out of order");
      },
      expected: { answers: {} },
    },
    {
      row: "D9",
      name: "ordered calls that take their time run one after another",
      frames: () => flood(250, (n) => call(n, "inOrder", n)),
      drive: async (target) => {
        for (let n = 1; n <= 250; n++) assertEquals((await nextOf(target, Kind.RESULT))[2], n);
        assertEquals(target.probe.started, times(250, (n) => n));
      },
      expected: { answers: {} },
    },
  ];
}

function oracles(): Attack[] {
  const both = (from: number) => [call(from, "hidden", SECRET), call(from + 1, "missing", SECRET)];
  const same = async (target: Target, code: string) => {
    const [hidden, missing] = [await nextOf(target, Kind.ERROR), await nextOf(target, Kind.ERROR)];
    assertEquals(hidden.slice(3), missing.slice(3));
    assertEquals(hidden[3], code);
  };
  return [
    {
      row: "D11",
      name: "what is hidden looks like what is missing",
      frames: () => [join(...both(1))],
      drive: async (target) => {
        await same(target, "NOT_FOUND");
        assertFalse(/hidden|missing/.test(textOf(target)), "the name was told");
      },
      expected: { answers: {} },
    },
    {
      row: "D11",
      name: "also when it has items, or the input cannot be read",
      frames: () => [join(
        call(1, "hidden", 0, { items: 1 }),
        call(2, "missing", 0, { items: 2 }),
        message(16, 3, 3, "hidden", null, new Uint8Array([0xc1])),
        message(16, 4, 4, "missing", null, new Uint8Array([0xc1])),
      )],
      drive: async (target) => {
        await same(target, "NOT_FOUND");
        await same(target, "NOT_FOUND");
      },
      expected: { answers: {} },
    },
    {
      row: "D11",
      name: "also when there are too many calls",
      limits: { calls: 2 },
      frames: () => [join(call(1, "hang"), call(2, "hang"), ...both(3))],
      drive: (target) => same(target, "RESOURCE_EXHAUSTED"),
      expected: { answers: {} },
    },
  ];
}

/** All of them. */
export const callAttacks: readonly Attack[] = [
  ...handlers(),
  ...names(),
  ...floods(),
  ...streams(),
  ...orders(),
  ...oracles(),
];
