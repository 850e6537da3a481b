import { assert, assertEquals, assertNotStrictEquals, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { z } from "zod";
import { bytes, CallError, define, type Limits } from "../mod.ts";
import { all, failure, same, told } from "./suites/check.ts";

const offered = define().procedure;
const { procedure, millrace, middleware } = define<{ name: string; admin?: boolean; subject?: string }>()
  .with({
    client: { confirm: offered.type({ output: z.boolean() }) },
  });

const Point = z.object({ x: z.number(), at: z.date().optional() });

describe("app.caller()", () => {
  const reported: unknown[] = [];
  const events: string[] = [];
  let kept: unknown;

  const mustBeAdmin = middleware(({ admin }, next) => {
    if (!admin) throw new CallError("FORBIDDEN");
    return next({ office: "the office" });
  });

  function make(limits: Partial<Limits> = {}) {
    reported.length = events.length = 0;
    return millrace({
      limits,
      authenticate: () => {
        throw new CallError("UNAUTHENTICATED");
      },
      onError: (error) => void reported.push(error),
      procedures: {
        who: procedure((_, { name, connection, procedure, timeLeft }) => [
          name,
          connection.id,
          connection.address,
          connection.subject ?? null,
          procedure,
          timeLeft() === Infinity,
        ]),
        move: procedure({ input: Point, output: Point }, (point) => {
          kept = point;
          point.x++;
          return point;
        }),
        size: procedure({ input: z.string() }, (text) => text.length),
        office: procedure({ use: [mustBeAdmin] }, (_, { office }) => office),
        secret: procedure({ allow: ({ admin }) => admin === true }, () => "secret"),
        rename: procedure({ errors: { TAKEN: z.string() } }, (_, { errors }) => {
          throw errors.TAKEN("ada");
        }),
        crash: procedure(() => {
          throw new Error("the secret");
        }),
        wait: procedure((_, { signal }) =>
          new Promise<never>((_, reject) =>
            signal.addEventListener("abort", () => {
              events.push((signal.reason as CallError).code);
              reject(signal.reason);
            })
          )
        ),
        countdown: procedure.stream({ input: z.number() }, async function* (from) {
          try {
            while (from > 0) yield from--;
          } finally {
            events.push("returned");
          }
        }),
        sum: procedure.upload({ items: z.number() }, async (items) => {
          let sum = 0;
          for await (const n of items) sum += n;
          return sum;
        }),
        shout: procedure.duplex({ items: z.string() }, async function* (items) {
          for await (const text of items) yield text.toUpperCase();
        }),
        through: procedure({ input: bytes(), output: bytes() }, (input) => input),
        ask: procedure(async (_, { client }) => await client.confirm()),
        leave: procedure((_, { connection }) => connection.close()),
      },
    });
  }

  it("calls with its context, unasked who it is, and typed as a client", async () => {
    const call = make().caller({ name: "cron", subject: "7" });
    same(await call.who(), ["cron", "local", "", "7", "who", true]);
    assertEquals(await call.office().result().then(({ ok, error }) => [ok, error?.code]), [
      false,
      "FORBIDDEN",
    ]);
    const admin = make().caller({ name: "ada", admin: true });
    assertEquals([await admin.office(), await admin.secret()], ["the office", "secret"]);
  });

  it("gives copies, never the caller's objects, and checks both ways", async () => {
    const call = make().caller({ name: "" });
    const given = { x: 1, at: new Date(5) };
    const moved = await call.move(given);
    assertEquals([given, moved], [{ x: 1, at: new Date(5) }, { x: 2, at: new Date(5) }]);
    assertNotStrictEquals(moved, kept);
    const wrong = await failure(call.move({ x: "1" } as never));
    assertEquals([wrong.code, (wrong.data as { issues: unknown[] }).issues.length], ["BAD_INPUT", 1]);
    await assertRejects(async () => await call.move(new Map() as never), TypeError, "a Map");
  });

  it("streams both ways", async () => {
    const call = make().caller({ name: "" });
    assertEquals(await all(call.countdown(3)), [3, 2, 1]);
    assertEquals((await all(call.countdown(2_000))).length, 2_000);
    assertEquals(await call.sum(items([1, 2, 3])), 6);
    assertEquals(await all(call.shout(items(["a", "b"]))), ["A", "B"]);
    for await (const n of call.countdown(1e9)) if (n < 1e9 - 5) break;
    while (events.filter((event) => event === "returned").length < 3) {
      await new Promise((go) => setTimeout(go, 0));
    }
    const source = new Response(new Uint8Array(300_000)).body!;
    const back = await call.through(source) as ReadableStream<Uint8Array>;
    assertEquals((await new Response(back).bytes()).length, 300_000);
  });

  it("ends in the same errors as over a socket", async () => {
    const call = make().caller({ name: "" });
    assertEquals(told(await failure(call.rename())), { code: "TAKEN", declared: true, data: "ada" });
    assertEquals(told(await failure(call.secret())), { code: "NOT_FOUND" });
    assertEquals(told(await failure(call.crash())), { code: "INTERNAL" });
    assertEquals(reported.map((error) => (error as Error).message), ["the secret"]);
    assertEquals(
      (await failure((call as unknown as { nowhere(): Promise<void> }).nowhere())).code,
      "NOT_FOUND",
    );
  });

  it("can be cancelled and has deadlines", async () => {
    const call = make().caller({ name: "" });
    const waiting = call.wait();
    const ended = failure(waiting);
    await call.who();
    waiting.cancel();
    assertEquals(told(await ended), { code: "CANCELLED", ambiguous: true });
    assertEquals(told(await failure(call.wait(undefined, { timeout: 10 }))), {
      code: "DEADLINE",
      ambiguous: true,
    });
    await call.who();
    assertEquals([events[0], events.length], ["CANCELLED", 2]);
  });

  it("has no client to call, and no connection to close", async () => {
    const call = make().caller({ name: "" });
    assertEquals((await failure(call.ask())).code, "UNAVAILABLE");
    await call.leave();
    assertEquals((await call.who())[0], "");
  });

  it("is held to the limits of the app, raised or lowered", async () => {
    const low = make({ message: 2_000 }).caller({ name: "" });
    assertEquals([await low.size("x".repeat(1_500)), (await failure(low.size("x".repeat(2_000)))).code], [
      1_500,
      "TOO_LARGE",
    ]);
    const high = make({ message: 8 << 20 }).caller({ name: "" });
    assertEquals(await high.size("x".repeat(5 << 20)), 5 << 20);
    const back = await high.through(new Uint8Array(5 << 20)) as Uint8Array;
    assertEquals(back.length, 5 << 20);
  });

  it("refuses a context whose names are taken", () => {
    for (const taken of ["signal", "client", "connection", "errors", "procedure", "timeLeft"]) {
      assertThrows(() => make().caller({ name: "", [taken]: 1 } as never), TypeError, `"${taken}"`);
    }
  });

  it("runs many calls at once, and goes on after a shutdown: it is the program's own", async () => {
    const app = make();
    const call = app.caller({ name: "" });
    const answers = await Promise.all(Array.from({ length: 200 }, (_, i) => call.size("x".repeat(i))));
    assertEquals(answers, Array.from({ length: 200 }, (_, i) => i));
    await app.shutdown();
    assertEquals(await call.size("four"), 4);
    assert(app.connections().size === 0);
  });
});

async function* items<T>(all: readonly T[]): AsyncGenerator<T> {
  yield* all;
}
