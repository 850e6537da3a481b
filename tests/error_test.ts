import { assert, assertEquals, assertFalse, assertRejects, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { z } from "zod";
import { CallError } from "../rpc/errors.ts";
import { anything, Pair, procedure } from "./suites/pair.ts";
import { all, ByteSource, Counter } from "./suites/sources.ts";

const SECRET = "password=hunter2";

async function failure(pair: Pair, start: () => PromiseLike<unknown>): Promise<CallError> {
  return await assertRejects(() => pair.now(start()), CallError);
}

/** Every byte that went to the client, as text. */
function sent(pair: Pair): string {
  return pair.server.pipe.frames.map((frame) => new TextDecoder().decode(frame)).join("");
}

describe("errors", () => {
  it("that a procedure declares reach its caller with their data, as the schema gives it out", async () => {
    const errors = {
      TAKEN: z.object({ by: z.string().transform((name) => name.toUpperCase()) }),
      GONE: z.undefined(),
    };
    const pair = await Pair.open({
      procedures: {
        now: procedure({ errors }, (_, { errors }) => {
          throw errors.TAKEN({ by: "Ada" });
        }),
        later: procedure({ errors }, async (_, { errors }) => {
          await Promise.resolve();
          throw errors.GONE();
        }),
        stream: procedure.stream({ errors }, async function* (_, { errors }) {
          yield 1;
          throw errors.TAKEN({ by: "Bob" });
        }),
      },
    });
    const now = await failure(pair, () => pair.call("now"));
    assertEquals([now.code, now.declared, now.ambiguous, now.data], ["TAKEN", true, false, { by: "ADA" }]);
    const later = await failure(pair, () => pair.call("later"));
    assertEquals([later.code, later.declared, later.data], ["GONE", true, undefined]);
    const stream = await failure(pair, () => all(pair.call("stream")));
    assertEquals([stream.code, stream.declared, stream.data], ["TAKEN", true, { by: "BOB" }]);
    assertEquals(pair.server.failures, []);
    await pair.assertQuiet();
  });

  it("that nobody declared are INTERNAL: the cause stays here, and nothing of it is on the wire", async () => {
    const thrown: unknown[] = [
      new Error(SECRET),
      SECRET,
      { toString: () => SECRET, code: "TAKEN" },
      new CallError("TAKEN", SECRET, { declared: true, data: SECRET }),
      new CallError("DISCONNECTED", SECRET),
      new CallError("DEADLINE", SECRET),
      Object.assign(new Error(SECRET), { code: "FORBIDDEN" }),
    ];
    const pair = await Pair.open({
      procedures: {
        fail: procedure({ input: z.number() }, (n) => {
          throw thrown[n];
        }),
        reject: procedure({ input: z.number() }, (n) => Promise.reject(thrown[n])),
        stream: procedure.stream({ input: z.number() }, async function* (n) {
          yield 1;
          throw thrown[n];
        }),
      },
    });
    for (let n = 0; n < thrown.length; n++) {
      for (
        const start of [
          () => pair.call("fail", n),
          () => pair.call("reject", n),
          () => all(pair.call("stream", n)),
        ]
      ) {
        const error = await failure(pair, start);
        assertEquals([error.code, error.declared, error.data, error.retryable], [
          "INTERNAL",
          false,
          undefined,
          false,
        ]);
      }
    }
    assertFalse(sent(pair).includes("hunter2"));
    assertEquals(pair.server.failures, thrown.flatMap((error) => [error, error, error]));
    await pair.assertQuiet();
  });

  it("with a stable code that handlers may throw pass with their message and bits", async () => {
    const pair = await Pair.open({
      procedures: {
        forbid: procedure(() => {
          throw new CallError("FORBIDDEN", "Only editors", { data: { secret: SECRET }, cause: SECRET });
        }),
        busy: procedure(() => {
          throw new CallError("RESOURCE_EXHAUSTED");
        }),
      },
    });
    const forbidden = await failure(pair, () => pair.call("forbid"));
    assertEquals([forbidden.code, forbidden.message, forbidden.data], [
      "FORBIDDEN",
      "Only editors",
      undefined,
    ]);
    const busy = await failure(pair, () => pair.call("busy"));
    assertEquals([busy.code, busy.retryable, busy.ambiguous], ["RESOURCE_EXHAUSTED", true, false]);
    assertFalse(sent(pair).includes("hunter2"));
    assertEquals(pair.server.failures, []);
    await pair.assertQuiet();
  });

  it("of the input name what is wrong, of the output they do not", async () => {
    const pair = await Pair.open({
      procedures: {
        input: procedure({ input: z.object({ user: z.object({ age: z.number() }) }) }, () => 1),
        output: procedure({ output: z.object({ age: z.number() }) }, () => ({ age: SECRET }) as never),
        items: procedure.stream({ output: z.number() }, async function* () {
          yield 1;
          yield SECRET as never;
        }),
        upload: procedure.upload({ items: z.number() }, (items) => all(items)),
      },
    });
    const input = await failure(pair, () => pair.call("input", { user: { age: "old" } }));
    const { issues } = input.data as { issues: { message: string; path: unknown[] }[] };
    assertEquals([input.code, issues.length, issues[0]!.path], ["BAD_INPUT", 1, ["user", "age"]]);
    assertEquals((await failure(pair, () => pair.call("output"))).code, "INTERNAL");
    const items = pair.call("items");
    assertEquals(await pair.now(items.next()), { done: false, value: 1 });
    assertEquals((await failure(pair, () => items.next())).code, "INTERNAL");
    const upload = await failure(
      pair,
      () =>
        pair.call(
          "upload",
          (async function* () {
            yield 1;
            yield "two";
          })(),
        ),
    );
    assertEquals(upload.code, "BAD_INPUT");
    assertFalse(sent(pair).includes("hunter2"));
    assertEquals(pair.server.failures.map((error) => (error as CallError).code), [
      "BAD_OUTPUT",
      "BAD_OUTPUT",
    ]);
    await pair.assertQuiet();
  });

  it("of a value that cannot be encoded are INTERNAL, and the connection goes on", async () => {
    const pair = await Pair.open({
      procedures: {
        map: procedure(() => ({ deep: [new Map()] })),
        data: procedure({ errors: { ODD: anything } }, (_, { errors }) => {
          throw errors.ODD(new Set());
        }),
        items: procedure.stream({}, async function* () {
          yield 1;
          yield () => {};
        }),
        stream: procedure.stream({}, () => 7 as never),
        locked: procedure(() => {
          const { stream } = new ByteSource({ size: 1 });
          stream.getReader();
          return stream;
        }),
        trap: procedure(() =>
          new Proxy({}, {
            get: () => {
              throw new Error(SECRET);
            },
          })
        ),
        fine: procedure(() => "fine"),
      },
    });
    for (const name of ["map", "data", "stream", "locked", "trap"]) {
      assertEquals((await failure(pair, () => pair.call(name))).code, "INTERNAL", name);
    }
    assertEquals((await failure(pair, () => all(pair.call("items")))).code, "INTERNAL");
    assertStringIncludes(String(pair.server.failures[0]), "deep[0]: a Map");
    assertEquals(await pair.now(pair.call("fine")), "fine");
    await pair.assertQuiet();
  });

  it("TOO_LARGE is told where the message is made, and it is never sent", async () => {
    const source = new Counter();
    const bytes = new ByteSource({ size: 10 });
    const pair = await Pair.open({
      limits: { message: 100_000 },
      clientLimits: { message: 50_000 },
      procedures: {
        echo: procedure({ input: anything }, (input) => input),
        error: procedure({ errors: { BIG: anything } }, (_, { errors }) => {
          throw errors.BIG("x".repeat(60_000));
        }),
        items: procedure.stream({}, async function* () {
          yield 1;
          yield "x".repeat(60_000);
        }),
        fails: procedure.stream({ errors: { BIG: anything } }, async function* (_, { errors }) {
          yield 1;
          throw errors.BIG("x".repeat(60_000));
        }),
      },
    });
    const frames = pair.client.pipe.frames.length;
    const call = pair.call("echo", { bytes: bytes.stream, fill: "x".repeat(100_000) }, source);
    const here = await failure(pair, () => call);
    assertEquals([here.code, here.ambiguous, pair.client.pipe.frames.length], ["TOO_LARGE", false, frames]);
    assert(source.returned && bytes.cancelled !== undefined);
    const there = await failure(pair, () => pair.call("echo", "x".repeat(60_000)));
    assertEquals([there.code, there.ambiguous], ["TOO_LARGE", true]);
    assertEquals((await failure(pair, () => pair.call("error"))).code, "INTERNAL");
    assertEquals((await failure(pair, () => all(pair.call("items")))).code, "TOO_LARGE");
    assertEquals((await failure(pair, () => all(pair.call("fails")))).code, "INTERNAL");
    assertEquals(await pair.now(pair.call("echo", "x".repeat(40_000))), "x".repeat(40_000));
    assert(pair.server.pipe.frames.every(({ length }) => length <= 50_000));
    await pair.assertQuiet();
  });

  it("that a handler met where it called the client are INTERNAL to its own caller, unless it says more", async () => {
    const pair: Pair = await Pair.open({
      procedures: {
        pass: procedure(async () => await pair.callBack("forbidden")),
        stream: procedure.stream({}, async function* () {
          yield* pair.callBack("broken");
        }),
      },
      offers: {
        forbidden: procedure(() => {
          throw new CallError("FORBIDDEN", SECRET);
        }),
        broken: procedure.stream({}, async function* () {
          yield 1;
          throw new CallError("FORBIDDEN", SECRET);
        }),
      },
    });
    assertEquals((await failure(pair, () => pair.call("pass"))).code, "INTERNAL");
    assertEquals((await failure(pair, () => all(pair.call("stream")))).code, "INTERNAL");
    assertFalse(sent(pair).includes("hunter2"));
    await pair.assertQuiet();
  });

  it("of the items' source end the call for its maker with the cause, and the handler's loop without", async () => {
    let seen: unknown;
    const pair = await Pair.open({
      procedures: {
        sum: procedure.upload({ items: z.number() }, async (items) => {
          try {
            for await (const _ of items);
          } catch (error) {
            seen = error;
            throw error;
          }
        }),
        double: procedure.duplex({ items: z.number() }, async function* (items) {
          for await (const n of items) yield n * 2;
        }),
      },
    });
    const source = async function* () {
      yield 1;
      throw new Error(SECRET);
    };
    const upload = await failure(pair, () => pair.call("sum", source()));
    assertEquals([upload.code, (upload.cause as Error).message], ["CANCELLED", SECRET]);
    assertEquals((seen as CallError).code, "INTERNAL");
    const duplex = await failure(pair, () => all(pair.call("double", source())));
    assertEquals([duplex.code, (duplex.cause as Error).message], ["CANCELLED", SECRET]);
    assertFalse(pair.client.pipe.frames.some((frame) => new TextDecoder().decode(frame).includes("hunter2")));
    await pair.assertQuiet();
  });

  it("missing and not allowed look the same, byte for byte, whatever is sent along", async () => {
    const answers: Uint8Array[][] = [];
    for (const method of ["missing", "private", "later "]) {
      const pair = await Pair.open({
        procedures: {
          private: procedure({ allow: () => false, input: z.number() }, () => 1),
          "later ": procedure({ allow: () => Promise.resolve(false), input: z.number() }, () => 1),
        },
      });
      const before = pair.server.pipe.frames.length;
      const bytes = new ByteSource({ size: 10, count: 1 });
      const inputs = [1, "not a number", undefined, { bytes: bytes.stream }];
      const calls = [
        ...inputs.map((input) => pair.call(method, input)),
        pair.call(method, 1, new Counter(0)),
      ];
      for (const call of calls) assertEquals((await failure(pair, () => call)).code, "NOT_FOUND");
      assertEquals((await failure(pair, () => pair.call(method))).code, "NOT_FOUND");
      await pair.assertQuiet();
      answers.push(pair.server.pipe.frames.slice(before));
    }
    assertEquals(answers[1], answers[0]);
    assertEquals(answers[2]!.length > 0, true);
  });
});
