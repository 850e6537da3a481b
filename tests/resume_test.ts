// What a session keeps, what it acknowledges, and what the parts of a core do while there is no connection.
import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Kind } from "../rpc/kinds.ts";
import { anything, procedure } from "./suites/pair.ts";
import { SessionPair } from "./suites/session_pair.ts";
import { all, Counter, deferred } from "./suites/sources.ts";

const KIB = 1024;

/** Held by each end because it was not acknowledged. */
function held({ server, client }: SessionPair): number[] {
  return [server, client].map(({ peer }) => peer!.outbox.replay!.held);
}

describe("what is kept of what was sent", () => {
  const procedures = {
    echo: procedure({ input: anything }, (input) => input),
    size: procedure({ input: anything }, (size) => new Uint8Array(size as number)),
    count: procedure.stream({ input: anything }, (until) => new Counter(until as number)),
  };

  it("goes when it was acknowledged: by the other side itself after a second at the client, by PING here", async () => {
    const pair = await SessionPair.open({ procedures });
    await pair.finish(pair.call("echo", "x"));
    assertGreater(held(pair)[0]!, 0);
    await pair.clock.advance(1_000);
    assertEquals(held(pair)[0], 0, "the client has told");
    pair.server.peer!.sendHeartbeat(Kind.PING);
    await pair.clock.settle();
    assertEquals(held(pair), [0, 0]);
    pair.end();
  });

  it("goes in the turn in which 64 KiB have come", async () => {
    const pair = await SessionPair.open({ procedures });
    await pair.finish(pair.call("size", 0));
    await pair.finish(pair.call("size", 60 * KIB)); // takes the acknowledgement of the first along
    assertGreater(held(pair)[0]!, 60 * KIB);
    await pair.finish(pair.call("size", 6 * KIB));
    await pair.clock.settle();
    assertEquals(held(pair)[0], 0);
    pair.end();
  });

  it("goes with the credit of streams, END included, and their senders are forgotten", async () => {
    const pair = await SessionPair.open({ procedures });
    for (const until of [0, 1, 100]) {
      await pair.finish(all(pair.call("count", until)));
      await pair.clock.settle();
      assertEquals(pair.server.peer!.streams.known, 0, `${until} items`);
    }
    pair.end();
  });

  it("is no more than its bound, and a few small messages: calls wait, and answers are not made", async () => {
    const gate = deferred();
    let made = 0;
    const pair = await SessionPair.open({
      procedures: {
        late: procedure({ input: anything }, async (size) => {
          await gate.promise;
          made++;
          return new Uint8Array(size as number);
        }),
        now: procedure({ input: anything }, (size) => {
          made++;
          return new Uint8Array(size as number);
        }),
      },
      limits: { replay: 64 * KIB, concurrency: 100, callTimeout: 0 },
    });
    const early = Array.from({ length: 60 }, () => pair.call("late", 4 * KIB));
    await pair.clock.settle();
    pair.cut();
    gate.resolve();
    await pair.clock.settle();
    assertLess(made, 60 + 1);
    // The buffer of a large frame is kept with it, and has up to twice its size.
    assertLess(held(pair)[0]!, 2 * 64 * KIB + 8 * KIB);
    assertEquals(pair.clock.pending, 0, "nobody looks again until there is a connection");
    const late = Array.from({ length: 30 }, () => pair.call("now", 4 * KIB));
    for (const call of [...early, ...late]) {
      assertEquals((await pair.finish(call) as Uint8Array).length, 4 * KIB);
    }
    assertEquals(made, 90);
    pair.end();
  });

  it("is as much for calls that wait to be sent: they go as fragments, which are acknowledged at once", async () => {
    const pair = await SessionPair.open({ procedures, limits: { replay: 32 * KIB } });
    const calls = Array.from({ length: 100 }, (_, i) => pair.call("echo", new Uint8Array(2 * KIB).fill(i)));
    await pair.clock.settle();
    assertLess(held(pair)[1]!, 32 * KIB + 64 * KIB);
    for (const [i, call] of calls.entries()) assertEquals((await pair.finish(call) as Uint8Array)[0], i);
    pair.end();
  });

  it("is nothing where nobody asked for it", async () => {
    const pair = await SessionPair.open({ procedures });
    for (const { peer } of [pair.server, pair.client]) peer!.forgetSession();
    await pair.finish(all(pair.call("count", 3)));
    await pair.finish(pair.call("echo", 1));
    assertEquals([pair.server, pair.client].map(({ peer }) => peer!.streams.known), [0, 0]);
    pair.end();
  });
});

describe("without a connection", () => {
  it("a stream that is stopped is told so by the next one", async () => {
    const source = new Counter();
    const pair = await SessionPair.open({
      procedures: { count: procedure.stream({}, () => source), hang: procedure(() => new Promise(() => {})) },
    });
    const items = pair.call("count");
    await pair.finish(items.next());
    pair.cut();
    await items.return();
    await pair.clock.settle();
    assert(!source.returned);
    pair.connect();
    await pair.clock.settle();
    assert(source.returned);
    await pair.assertQuiet();
    pair.end();
  });

  it("a stream that is stopped between HELLO and WELCOME is told so behind them", async () => {
    const source = new Counter();
    const pair = await SessionPair.open({ procedures: { count: procedure.stream({}, () => source) } });
    const items = pair.call("count");
    await pair.finish(items.next());
    pair.cut();
    await pair.clock.settle();
    pair.connect(); // HELLO is written with what was so far
    await items.return();
    await pair.clock.settle();
    assert(source.returned);
    await pair.assertQuiet();
    pair.end();
  });

  it("a call that is cancelled, or whose time is over, is broken off by the next one", async () => {
    const aborted: string[] = [];
    const pair = await SessionPair.open({
      procedures: {
        hang: procedure(
          { input: anything },
          (input, { signal }) =>
            new Promise((_, reject) =>
              signal.addEventListener("abort", () => {
                aborted.push(input as string);
                reject(signal.reason);
              })
            ),
        ),
      },
    });
    const cancelled = pair.call("hang", "cancelled");
    const late = pair.call("hang", "late", { timeout: 100 });
    const codes = [cancelled, late].map(async (call) => (await call.result()).error?.code);
    await pair.clock.settle();
    pair.cut();
    cancelled.cancel();
    await pair.clock.advance(100);
    assertEquals(await Promise.all(codes), ["CANCELLED", "DEADLINE"]);
    assertEquals(aborted, ["late"], "the server counts too");
    pair.connect();
    await pair.clock.settle();
    assertEquals(aborted, ["late", "cancelled"]);
    await pair.assertQuiet();
    pair.end();
  });

  it("nothing is asked of sources but what was ready", async () => {
    const source = new Counter();
    const pair = await SessionPair.open({
      procedures: {
        take: procedure.upload({ items: anything }, async (items) => {
          let n = 0;
          for await (const _ of items) if (++n === 1_000) break;
          return n;
        }),
      },
    });
    const upload = pair.call("take", source);
    for (let i = 0; i < 3; i++) await pair.clock.settleFor(1);
    pair.cut();
    await pair.clock.settle();
    const { given } = source;
    for (let i = 0; i < 50; i++) await pair.clock.advance(100);
    assertLess(source.given - given, 2);
    assertEquals(await pair.finish(upload), 1_000);
    await pair.assertQuiet();
    pair.end();
  });

  it("numbers that were told stay, and are told again to who has not heard of them", async () => {
    const pair = await SessionPair.open({
      procedures: { a: procedure(() => 1), b: procedure(() => 2) },
      cuts: [{ after: 2 }, { after: 3 }, { after: Infinity }],
    });
    assertEquals(await pair.finish(pair.call("a")), 1);
    pair.cut();
    assertEquals(await pair.finish(pair.call("a")), 1);
    assertEquals(await pair.finish(pair.call("a")), 1);
    assertEquals(pair.client.peer!.caller.knows("a"), true);
    await pair.assertQuiet();
    pair.end();
  });
});
