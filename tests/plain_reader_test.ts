// The CALL that is read in one go against the reader that reads everything: the same outcome for any bytes.
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { encode } from "../msgpack/mod.ts";
import { plainEnd, plainId, plainMethod, plainSeq, plainStart, readPlainCall } from "../rpc/plain_reader.ts";
import { ProtocolError } from "../rpc/protocol_error.ts";
import { DecodeError } from "../msgpack/errors.ts";
import {
  offset,
  openAt,
  payloadEnd,
  payloadStart,
  readArray,
  readBin,
  readUint,
  skipNil,
} from "../rpc/reader.ts";
import { join, toHex } from "./msgpack_support.ts";
import { VectorInbox } from "./suites/vector_inbox.ts";
import { payload } from "./suites/wire.ts";

/** How an integer is written: all of these are MessagePack. */
type Form = "least" | "fix" | "u8" | "u16" | "u32" | "u64" | "i8" | "i16" | "i32" | "i64";

const FORMS: readonly Form[] = ["least", "fix", "u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64"];
const HEADS: Record<string, number> = {
  u8: 0xcc,
  u16: 0xcd,
  u32: 0xce,
  u64: 0xcf,
  i8: 0xd0,
  i16: 0xd1,
  i32: 0xd2,
  i64: 0xd3,
};

/** `n` in this form; the number that it means where it does not fit is another one, or none. */
function uint(n: number, form: Form = "least"): Uint8Array {
  if (form === "least") return encode(n);
  if (form === "fix") return Uint8Array.of(n & 0x7f);
  const size = Number(form.slice(1)) / 8;
  const bytes = new Uint8Array(1 + size);
  bytes[0] = HEADS[form]!;
  for (let i = size; i > 0; i--, n = Math.floor(n / 256)) bytes[i] = n % 256;
  return bytes;
}

function bin(bytes: Uint8Array, head: number): Uint8Array {
  const n = bytes.length;
  if (head === 0xc4) return join([0xc4, n & 255], bytes);
  if (head === 0xc5) return join([0xc5, (n >> 8) & 255, n & 255], bytes);
  return join([0xc6, n >>> 24, (n >> 16) & 255, (n >> 8) & 255, n & 255], bytes);
}

/** A CALL behind its first two bytes: what the ways differ in is how they begin. */
function rest(
  { seq, id, method, options = Uint8Array.of(0xc0), input }: {
    seq: Uint8Array;
    id: Uint8Array;
    method: Uint8Array;
    options?: Uint8Array;
    input: Uint8Array;
  },
): Uint8Array {
  return join(seq, id, method, options, input);
}

const PLAIN = Uint8Array.of(0x96, 16);
/** The same array header in a longer form, which the short way leaves alone. */
const GENERIC = Uint8Array.of(0xdc, 0, 6, 16);

/** What the general reader makes of a call that begins at `at`, if it is one that the short way is for. */
function general(frame: Uint8Array, at: number): object | undefined {
  try {
    openAt(frame, at, frame.length);
    if (readArray() !== 6 || readUint("kind") !== 16) return undefined;
    const [seq, id, method] = [readUint("seq"), readUint("id"), readUint("method")];
    if (!skipNil()) return undefined;
    readBin("payload");
    return { seq, id, method, start: payloadStart, end: payloadEnd, after: offset() };
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}

function short(frame: Uint8Array, at: number): object | undefined {
  if (!readPlainCall(frame, at)) return undefined;
  return {
    seq: plainSeq,
    id: plainId,
    method: plainMethod,
    start: plainStart,
    end: plainEnd,
    after: plainEnd,
  };
}

/** Calls of which inboxes have told by the short way. */
let plain = 0;

/** What an inbox that has processed one message tells of a frame, and how it ends. */
function outcome(frame: Uint8Array): unknown {
  const inbox = VectorInbox.greeted("server", { received: 1 });
  try {
    inbox.receive(frame);
    return [inbox.log];
  } catch (error) {
    assert(error instanceof ProtocolError || error instanceof DecodeError, String(error));
    return [inbox.log, `${error}`.replace(/byte \d+/, "a byte")]; // frames that mean the same are not of the same length
  } finally {
    plain += inbox.plain;
  }
}

/** Both ways must tell the same. Returns whether it was a whole frame. */
function agree(call: Uint8Array, before: Uint8Array = new Uint8Array(0), after = before): boolean {
  const [log, error] = outcome(join(before, PLAIN, call, after)) as [unknown, string?];
  const taken = plain;
  const [generic, because] = outcome(join(before, GENERIC, call, after)) as [unknown, string?];
  assertEquals(plain, taken, "the general way was not taken");
  assertEquals([log, error], [generic, because], toHex(call));
  return error === undefined;
}

const size = fc.oneof(
  { weight: 30, arbitrary: fc.nat({ max: 5 }) },
  { weight: 5, arbitrary: fc.constantFrom(255, 256, 300) },
  { weight: 1, arbitrary: fc.constantFrom(65_535, 65_536) },
);
const number = (n: fc.Arbitrary<number>, least: number) =>
  fc.tuple(
    n,
    fc.oneof({ weight: least, arbitrary: fc.constant<Form>("least") }, {
      weight: 1,
      arbitrary: fc.constantFrom(...FORMS),
    }),
  ).map((given) => uint(...given));
const seq = number(
  fc.oneof({ weight: 8, arbitrary: fc.constantFrom(2, 3) }, {
    weight: 1,
    arbitrary: fc.constantFrom(0, 1, 127, 128, 65_536, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1),
  }),
  1,
);
const id = number(
  fc.oneof(
    fc.nat({ max: 300 }),
    fc.constantFrom(0, 127, 128, 255, 256, 65_535, 65_536, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 40),
  ),
  1,
);
const method = fc.oneof(
  { weight: 4, arbitrary: fc.nat({ max: 127 }).map((n) => uint(n)) },
  { weight: 1, arbitrary: fc.nat({ max: 70_000 }).map((n) => uint(n)) },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.nat({ max: 200 }), fc.constantFrom(...FORMS)).map((given) => uint(...given)),
  },
  { weight: 1, arbitrary: fc.constantFrom("", "a", "users.get").map((name) => encode(name)) },
  { weight: 1, arbitrary: fc.integer({ min: 128, max: 255 }).map((byte) => Uint8Array.of(byte)) },
);
const input = fc.tuple(size, fc.constantFrom(0xc4, 0xc4, 0xc5, 0xc6)).map(([n, head]) =>
  bin(new Uint8Array(n).fill(0x16), n > 65_535 ? 0xc6 : n > 255 && head === 0xc4 ? 0xc5 : head)
);
const options = fc.oneof({ weight: 5, arbitrary: fc.constant(Uint8Array.of(0xc0)) }, {
  weight: 1,
  arbitrary: fc.constantFrom<unknown>(5, {}, { timeout: 5 }, { items: 3 }, "no", false, []).map((value) =>
    encode(value)
  ),
});
const calls = fc.record({ seq, id, method, options, input }).map(rest);

describe("a CALL that is read in one go", () => {
  it("is by number below 128, with numbers of up to 32 bits in any unsigned form, and a payload below 64 KiB", () => {
    const bytes = new Uint8Array(3);
    const base = { seq: uint(2), id: uint(2), method: uint(1), input: bin(bytes, 0xc4) };
    const is = (part: Partial<typeof base> & { options?: Uint8Array }): boolean =>
      readPlainCall(join(PLAIN, rest({ ...base, ...part })), 0);
    assertEquals(is({}), true);
    for (
      const [n, form] of [[0, "fix"], [127, "fix"], [2, "u8"], [2, "u16"], [2, "u32"], [
        2 ** 32 - 1,
        "u32",
      ]] as const
    ) {
      assertEquals([is({ seq: uint(n, form) }), is({ id: uint(n, form) })], [true, true], form);
    }
    for (const [n, form] of [[2, "u64"], [2, "i8"], [2, "i64"], [2 ** 32, "least"]] as const) {
      assertEquals([is({ seq: uint(n, form) }), is({ id: uint(n, form) })], [false, false], form);
    }
    for (
      const [n, form, expected] of [[0, "fix", true], [127, "fix", true], [128, "least", false], [
        1,
        "u8",
        false,
      ]] as const
    ) {
      assertEquals(is({ method: uint(n, form) }), expected, `method ${n} as ${form}`);
    }
    assertEquals([is({ method: encode("a") }), is({ options: uint(5) }), is({ options: encode({}) })], [
      false,
      false,
      false,
    ]);
    for (
      const [n, head, expected] of [
        [0, 0xc4, true],
        [255, 0xc4, true],
        [1, 0xc5, true],
        [65_535, 0xc5, true],
        [1, 0xc6, false],
      ] as const
    ) {
      assertEquals(is({ input: bin(new Uint8Array(n), head) }), expected, `${n} bytes in ${head}`);
    }
    for (let byte = 0; byte < 256; byte++) assertEquals(is({ method: Uint8Array.of(byte) }), byte < 128);
    assertEquals(readPlainCall(join([0x96, 17], rest(base)), 0), false);
    assertEquals(readPlainCall(join([0x95, 16], rest(base)), 0), false);
    assertEquals(readPlainCall(join(GENERIC, rest(base)), 0), false);
  });

  it("is what the general reader reads, wherever it stands in a frame", () => {
    let found = 0;
    fc.assert(
      fc.property(
        calls,
        fc.uint8Array({ maxLength: 9 }),
        fc.uint8Array({ maxLength: 9 }),
        (call, before, after) => {
          const frame = join(before, PLAIN, call, after);
          const given = short(frame, before.length);
          if (given === undefined) return;
          found++;
          assertEquals(given, general(frame, before.length));
        },
      ),
      { numRuns: 2000 },
    );
    assert(found > 200, `${found} took the short way`);
  });

  it("is none when it is cut, at any byte", () => {
    for (const n of [0, 1, 200, 255, 256, 300]) {
      for (const form of ["fix", "u8", "u16", "u32"] as const) {
        const input = bin(new Uint8Array(n).fill(0xc0), n > 255 ? 0xc5 : 0xc4);
        const whole = join(PLAIN, rest({ seq: uint(2, form), id: uint(2, form), method: uint(1), input }));
        assertEquals(readPlainCall(whole, 0), true);
        for (let end = 0; end < whole.length; end++) {
          assertEquals(readPlainCall(whole.slice(0, end), 0), false, `${end} of ${whole.length}`);
          // As a view with the rest behind it, and at the end of a larger frame.
          assertEquals(
            readPlainCall(whole.subarray(0, end), 0),
            false,
            `${end} of ${whole.length} in a view`,
          );
          assertEquals(readPlainCall(join([0xc0, 0xc0], whole.subarray(0, end)), 2), false);
        }
      }
    }
  });
});

describe("an inbox tells the same with and without the short way", () => {
  const ack = encode([4, 0]);
  const cancel = encode([20, 3, 9]);

  it("of calls in any form, alone and in the middle of a frame", () => {
    let accepted = 0;
    plain = 0;
    fc.assert(
      fc.property(
        calls,
        fc.constantFrom(new Uint8Array(0), ack),
        fc.constantFrom(new Uint8Array(0), ack, cancel),
        (...given) => {
          if (agree(...given)) accepted++;
        },
      ),
      { numRuns: 1500 },
    );
    assert(accepted > 250 && plain > 50, `${accepted} were accepted, ${plain} calls took the short way`);
  });

  it("of a frame that is cut at any byte, with other messages in front", () => {
    for (const bytes of [new Uint8Array(0), new Uint8Array(40).fill(0xc0), new Uint8Array(300)]) {
      for (const form of ["fix", "u8", "u16", "u32", "u64", "i8"] as const) {
        const call = rest({
          seq: uint(2, form),
          id: uint(7, form),
          method: uint(1),
          input: bin(bytes, bytes.length > 255 ? 0xc5 : 0xc4),
        });
        let whole = 0;
        for (let end = 0; end <= call.length; end++) {
          if (agree(call.subarray(0, end), ack, new Uint8Array(0))) whole++;
        }
        assertEquals(whole, 1);
      }
    }
  });

  it("of damaged bytes", () => {
    let [accepted, refused] = [0, 0];
    const damage = fc.tuple(
      fc.constantFrom("set", "set", "remove", "insert", "cut"),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.oneof(fc.nat({ max: 255 }), fc.constantFrom(0xc0, 0xc4, 0xc5, 0xcc, 0xcd, 0xce, 0xcf, 0x96, 16)),
    );
    const damaged = (bytes: Uint8Array, [kind, place, byte]: [string, number, number]): Uint8Array => {
      const at = Math.floor(place * Math.min(bytes.length, 20)); // the header more than the payload
      const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
      if (kind === "set") return join(before, [byte], after.subarray(1));
      if (kind === "remove") return join(before, after.subarray(1));
      return kind === "insert" ? join(before, [byte], after) : before;
    };
    fc.assert(
      fc.property(
        calls,
        fc.array(damage, { minLength: 1, maxLength: 3 }),
        fc.boolean(),
        (call, damages, behind) => {
          const bytes = damages.reduce(damaged, call);
          if (agree(bytes, new Uint8Array(0), behind ? cancel : new Uint8Array(0))) accepted++;
          else refused++;
        },
      ),
      { numRuns: 2000 },
    );
    assert(accepted > 5 && refused > 500, `${accepted} were accepted, ${refused} refused`);
  });

  it("of several calls in a frame, short and not, in order", () => {
    const one = (seq: number, head: Uint8Array, method: Uint8Array): Uint8Array =>
      join(head, rest({ seq: uint(seq), id: uint(seq), method, input: bin(payload(seq), 0xc4) }));
    const frame = (head: Uint8Array): Uint8Array =>
      join(
        one(2, head, uint(1)),
        ack,
        one(3, head, encode("name")),
        one(4, head, uint(2)),
        encode([20, 5, 4]),
        one(6, head, uint(3)),
      );
    assertEquals(outcome(frame(PLAIN)), outcome(frame(GENERIC)));
    const [log] = outcome(frame(PLAIN)) as [unknown[][]];
    assertEquals(log.map(([kind, id]) => [kind, id]), [
      ["CALL", 2],
      ["received", 0],
      ["CALL", 3],
      ["CALL", 4],
      ["CANCEL", 4],
      ["CALL", 6],
    ]);
  });
});
