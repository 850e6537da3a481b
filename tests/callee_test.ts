import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { z } from "zod";
import { encode } from "../msgpack/mod.ts";
import { CallError } from "../rpc/errors.ts";
import { Kind } from "../rpc/kinds.ts";
import type { Limits } from "../rpc/limits.ts";
import { anything, gauges, NOTHING, Pair, procedure } from "./suites/pair.ts";
import { ByteSource, Counter, deferred, lengthOf } from "./suites/sources.ts";
import { call, type Message, messagesOf, payload } from "./suites/wire.ts";

/** A server that is fed by hand: the client of the pair has said HELLO and says no more. */
async function fed(
  procedures: Record<string, unknown>,
  limits: Partial<Limits> = {},
): Promise<{ pair: Pair; feed: (...messages: Message[]) => Promise<unknown[][]> }> {
  const pair = await Pair.open({ procedures, limits });
  pair.server.pipe.deliver = () => {};
  const feed = async (...messages: Message[]): Promise<unknown[][]> => {
    const before = pair.server.pipe.frames.length;
    const parts = messages.map((message) => encode(message));
    const frame = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
    parts.reduce((at, part) => (frame.set(part, at), at + part.length), 0);
    pair.server.peer.receive(frame);
    await pair.clock.settle();
    return pair.server.pipe.frames.slice(before).flatMap(messagesOf);
  };
  return { pair, feed };
}

/** The messages of one kind. */
function only(messages: unknown[][], kind: number): unknown[][] {
  return messages.filter(([is]) => is === kind);
}

const never = (): Promise<never> => new Promise(() => {});
const STREAM_1 = "d60100000001";

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g)!, (digits) => parseInt(digits, 16));
}

describe("the answering side", () => {
  it("takes ids in any order, as large calls bring them, but each once", async () => {
    const { pair, feed } = await fed({ add: procedure({ input: z.number() }, (n) => n + 1) });
    const answers = await feed(
      [16, 1, 3, "add", null, payload(3)],
      [16, 2, 1, "add", null, payload(1)],
      [16, 3, 2, "add", null, payload(2)],
    );
    assertEquals(only(answers, Kind.RESULT), [[17, 1, 3, 4], [17, 2, 1, 2], [17, 3, 2, 3]]);
    await feed([16, 4, 2, "add", null, payload(2)]);
    assertEquals(pair.server.faults.map(String), ["ProtocolError: Call 2 is used again"]);
  });

  it("bounds how far ids run ahead of those that are missing", async () => {
    const { pair, feed } = await fed({ add: procedure({ input: z.number() }, (n) => n + 1) });
    await feed([16, 1, 4097, "add", null, payload(3)]);
    assertEquals(pair.server.faults, []);
    await feed([16, 2, 4099, "add", null, payload(3)]);
    assertEquals(pair.server.faults.map(String), ["ProtocolError: Call 4099 is too far ahead"]);
  });

  it("uses up the id of a call that is cancelled before it came: ordered ones behind it start", async () => {
    const { pair, feed } = await fed({ log: procedure({ input: z.number(), ordered: true }, (n) => n) });
    assertEquals(only(await feed([16, 1, 2, "log", null, payload(2)]), Kind.RESULT), []);
    assertEquals(only(await feed([20, 2, 1]), Kind.RESULT), [[17, 1, 2, 2]]);
    await feed([16, 3, 1, "log", null, payload(1)]);
    assertEquals(pair.server.faults.map(String), ["ProtocolError: Call 1 is used again"]);
  });

  it("at its limit tells nobody what exists: all are refused alike, and a peer that goes on is closed", async () => {
    const { pair, feed } = await fed({
      wait: procedure(never),
      secret: procedure({ allow: () => false }, () => 1),
    }, { calls: 2 });
    await feed(call(1, "wait"), call(2, "wait"));
    const answers = await feed(call(3, "secret"), call(4, "missing"), call(5, "wait"));
    assertEquals(answers.map(([kind, , , code, flags]) => [kind, code, flags]), [
      [Kind.ERROR, "RESOURCE_EXHAUSTED", 1],
      [Kind.ERROR, "RESOURCE_EXHAUSTED", 1],
      [Kind.ERROR, "RESOURCE_EXHAUSTED", 1],
    ]);
    for (let id = 6; id <= 1_026; id++) await feed(call(id, "missing"));
    assertEquals(pair.server.faults, []);
    await feed(call(1_027, "missing"));
    assertEquals(pair.server.faults.map(({ code }) => code), [4531]);
    assertEquals(pair.server.peer.callee.inFlight, 2); // whose handlers have not ended
  });

  it("announces a procedure once, before its first answer, and not one that asks who may call it", async () => {
    const { feed } = await fed({
      open: procedure(() => 1),
      guarded: procedure({ allow: () => true }, () => 2),
    });
    const first = await feed(call(1, "open"), call(2, "open"), call(3, "guarded"));
    assertEquals(first.map(([kind]) => kind), [Kind.NAME, Kind.RESULT, Kind.RESULT, Kind.RESULT]);
    assertEquals(first[0], [8, 1, "open", 0]);
    assertEquals(await feed([16, 4, 4, 1, null, payload()]), [[17, 4, 4, 1]]);
  });

  it("does not accept the number of a procedure that it has not announced", async () => {
    const { pair, feed } = await fed({
      open: procedure(() => 1),
      guarded: procedure({ allow: () => true }, () => 2),
    });
    await feed(call(1, "guarded"));
    await feed([16, 2, 2, 2, null, payload()]);
    assertEquals(pair.server.faults.map(String), ["ProtocolError: Procedure 2 was never announced"]);
  });

  it("stops the streams of a payload that cannot be decoded, is not wanted, or is refused", async () => {
    const { pair, feed } = await fed({
      echo: procedure({ input: anything }, (input) => input),
      guarded: procedure({ allow: () => false, input: anything }, () => 1),
    });
    const broken = bytesOf(`92${STREAM_1}c1`);
    const answers = await feed([16, 1, 1, "echo", null, broken]);
    assertEquals(answers.filter(([kind]) => kind !== Kind.NAME).map(([kind, , , code]) => code ?? kind), [
      Kind.STOP,
      "BAD_MESSAGE",
    ]);
    assertEquals(only(await feed([28, 1, 0, "CANCELLED", 2, payload({ message: "" })]), Kind.CREDIT), []);
    for (const [id, method] of [[2, "missing"], [3, "guarded"]] as const) {
      const stream = bytesOf(STREAM_1);
      stream[5] = id;
      const refused = await feed([16, id, id, method, { items: 100 + id }, stream]);
      assertEquals(refused.map(([kind]) => kind), [Kind.ERROR, Kind.STOP, Kind.STOP]);
      await feed([28, id, 0, "CANCELLED", 2, payload({ message: "" })], [27, 100 + id, 0]);
    }
    assertEquals(gauges(pair.server), NOTHING);
    assertEquals(pair.server.faults, []);
  });

  it("closes when a value names a stream twice, or stream 0", async () => {
    for (const value of [`92${STREAM_1}${STREAM_1}`, "d60100000000"]) {
      const { pair, feed } = await fed({ echo: procedure({ input: anything }, (input) => input) });
      await feed([16, 1, 1, "echo", null, bytesOf(value)]);
      assertEquals(pair.server.faults.map(({ code }) => code), [4400]);
    }
  });

  it("breaks off a handler that waits for bytes which do not come, at the procedure's own deadline", async () => {
    const gate = deferred();
    const pair = await Pair.open({
      procedures: {
        size: procedure({ input: anything, timeout: 100 }, (input) => lengthOf(input as ReadableStream)),
      },
    });
    const stalled = new ReadableStream<Uint8Array>({ pull: () => gate.promise });
    const failed = pair.call("size", stalled).result();
    await pair.clock.settle();
    await pair.clock.advance(100);
    assertEquals((await pair.now(failed)).error?.code, "DEADLINE");
    gate.resolve();
    await pair.assertQuiet();
  });

  it("ended streams that nobody reads may be as many as calls, and more while they hold little", async () => {
    const { pair, feed } = await fed({ hold: procedure({ input: anything }, never) }, {
      streams: 4,
      calls: 6,
      queue: 12 * 64,
    });
    for (let id = 1; id <= 12; id++) {
      const stream = bytesOf(STREAM_1);
      stream[5] = id;
      const message: Message = id <= 5 ? [16, id, id, "hold", null, stream] : [25, id, 1, new Uint8Array(10)];
      await feed(message, ...(id <= 5 ? [[25, id, 1, new Uint8Array(10)]] : []), [27, id, 1]);
    }
    assertEquals([pair.server.faults, gauges(pair.server).streams], [[], 0]);
    assertEquals(gauges(pair.server).held, 12 * 64 + 5 * 6); // streams, and inputs of calls that run
    await feed([25, 13, 1, new Uint8Array(10)]);
    assertEquals(pair.server.faults.map(({ code }) => code), [4531]);
  });

  it("skips optional messages and keys that it does not know", async () => {
    const { feed } = await fed({ add: procedure({ input: z.number() }, (n) => n + 1) });
    const answers = await feed(
      [64],
      [127, { a: [1, "two", new Uint8Array(3)] }, null],
      [16, 1, 1, "add", { timeout: 1_000, shape: "new", trace: "00-1-2-01" }, payload(1)],
    );
    assertEquals(only(answers, Kind.RESULT), [[17, 1, 1, 2]]);
  });

  it("is not pinned to the frame of a small input that waits", async () => {
    const gate = deferred();
    const { pair, feed } = await fed(
      { wait: procedure(() => gate.promise), echo: procedure({ input: anything }, (input) => input) },
      { concurrency: 1 },
    );
    const fill = new Uint8Array(500_000);
    await feed(call(1, "wait"), [16, 2, 2, "echo", null, payload("small")], [64, fill]);
    assertEquals(pair.server.peer.callee.held, payload("small").length);
    gate.resolve();
    await pair.clock.settle();
    assertEquals(pair.server.peer.callee.held, 0);
  });

  it("answers a stopped stream's source once, whatever it does on the way out", async () => {
    const source = new Counter();
    const bytes = new ByteSource({ size: 10 });
    const { pair, feed } = await fed({
      count: procedure.stream({}, () => source),
      bytes: procedure(() => bytes.stream),
    });
    await feed(call(1, "count"), call(2, "bytes"));
    const ends = await feed([30, 1], [30, 2], [30, 1], [30, 2]);
    assertEquals(only(ends, Kind.FAIL).map(([, stream, , code]) => [stream, code]), [[1, "CANCELLED"], [
      2,
      "CANCELLED",
    ]]);
    assertEquals([source.returned, bytes.cancelled !== undefined], [true, true]);
    await feed(...only(ends, Kind.FAIL).map(([, stream, n]) => [29, stream, n, 999_999]));
    assertEquals([pair.server.faults, gauges(pair.server)], [[], NOTHING]);
  });
});

describe("handlers that do not end", () => {
  it("their callers are told at the deadline, and they count until they have ended", async () => {
    const gate = deferred();
    const { pair, feed } = await fed({ hang: procedure(() => gate.promise) }, { calls: 1 });
    await feed([16, 1, 1, "hang", 50, new Uint8Array(0)]);
    const before = pair.server.pipe.frames.length;
    await pair.clock.advance(50);
    const told = pair.server.pipe.frames.slice(before).flatMap(messagesOf);
    assertEquals(only(told, Kind.ERROR).map((error) => error.slice(2, 5)), [[1, "DEADLINE", 2]]);
    assertEquals(pair.server.peer.callee.inFlight, 1);
    const refused = await feed([16, 2, 2, "hang", null, new Uint8Array(0)]);
    assertEquals(only(refused, Kind.ERROR).map((error) => error[3]), ["RESOURCE_EXHAUSTED"]);
    gate.resolve();
    await pair.clock.settle();
    assertEquals(pair.server.peer.callee.inFlight, 0);
    assertEquals(pair.server.pipe.frames.slice(before).flatMap(messagesOf).length, 2); // and no second answer
  });

  it("calls behind them do not wait for ever", async () => {
    const { pair, feed } = await fed({ hang: procedure(never) }, { concurrency: 1, callTimeout: 100 });
    await feed([16, 1, 1, "hang", 10_000, new Uint8Array(0)], [16, 2, 2, "hang", null, new Uint8Array(0)]);
    const before = pair.server.pipe.frames.length;
    await pair.clock.advance(100);
    const told = pair.server.pipe.frames.slice(before).flatMap(messagesOf);
    assertEquals(only(told, Kind.ERROR).map((error) => error.slice(2, 5)), [[2, "DEADLINE", 0]]); // it has not run
  });

  it("start none of those behind them when all are cut, ordered ones either", async () => {
    const started: unknown[] = [];
    const start = (n: unknown) => {
      started.push(n);
      return never();
    };
    const { pair, feed } = await fed({
      hang: procedure({ input: anything }, start),
      line: procedure({ input: anything, ordered: true }, start),
    }, { concurrency: 2 });
    const [method, more] = [(id: number) => id % 2 === 0 ? "line" : "hang", [1, 2, 3, 4, 5, 6, 7, 8]];
    await feed(...more.map((id): Message => [16, id, id, method(id), null, payload(id)]));
    const before = pair.server.pipe.frames.length;
    const cut = pair.server.peer.callee.cut(new CallError("UNAVAILABLE", "It stops", { ambiguous: true }));
    await pair.clock.settle();
    assertEquals([started, cut, pair.server.peer.callee.inFlight], [[1, 2], 8, 0]);
    const told = only(pair.server.pipe.frames.slice(before).flatMap(messagesOf), Kind.ERROR);
    // 1 retryable, 2 ambiguous: only the two that run may have had their effect
    const expected = more.map((id) => [id, "UNAVAILABLE", id <= 2 ? 3 : 1]);
    assertEquals(told.map(([, , id, code, flags]) => [id, code, flags]), expected);
  });

  it("open streams and uploads keep no other call from starting", async () => {
    const items = async function* () {
      await never();
      yield 1;
    };
    const { pair, feed } = await fed({
      endless: procedure.stream({}, items),
      up: procedure.upload({ items: anything }, never),
      add: procedure({ input: z.number() }, (n) => n + 1),
    }, { concurrency: 2 });
    await feed(...[1, 2, 3].map((id): Message => [16, id, id, "endless", null, new Uint8Array(0)]));
    await feed(...[4, 5, 6].map((id): Message => [16, id, id, "up", { items: id }, new Uint8Array(0)]));
    const answers = await feed([16, 7, 7, "add", null, payload(1)]);
    assertEquals(only(answers, Kind.RESULT), [[17, 4, 7, 2]]);
    assertEquals(pair.server.faults, []);
  });
});

describe("what handlers throw", () => {
  it("may be hostile even to be looked at", async () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    const { pair, feed } = await fed({
      now: procedure(() => {
        throw proxy;
      }),
      later: procedure(() => Promise.reject(proxy)),
      items: procedure.stream({}, async function* () {
        yield 1;
        throw proxy;
      }),
    });
    const answers = await feed(
      ...["now", "later", "items"].map((
        name,
        i,
      ): Message => [16, i + 1, i + 1, name, null, new Uint8Array(0)]),
    );
    assertEquals(only(answers, Kind.ERROR).map((error) => error[3]), ["INTERNAL", "INTERNAL"]);
    assertEquals(only(answers, Kind.FAIL).map((fail) => fail[3]), ["INTERNAL"]);
    assertEquals([pair.server.failures.length, pair.server.peer.callee.inFlight], [3, 0]);
  });

  it("an allow that throws is the same NOT_FOUND as a missing procedure, and is reported", async () => {
    const { pair, feed } = await fed({
      shut: procedure({
        allow: () => {
          throw new Error("secret");
        },
      }, () => 1),
      shutLater: procedure({ allow: () => Promise.reject(new Error("secret")) }, () => 1),
    });
    const answers = await feed(
      ...["shut", "shutLater", "missing"].map((
        name,
        i,
      ): Message => [16, i + 1, i + 1, name, null, new Uint8Array(0)]),
    );
    const told = only(answers, Kind.ERROR).map((error) => JSON.stringify(error.slice(3)));
    assertEquals(new Set(told).size, 1);
    assertEquals(pair.server.failures.length, 2);
  });
});

describe("a peer that acknowledges nothing", () => {
  it("is cut with 4503 while large answers wait for it, although it is alive", async () => {
    const { pair, feed } = await fed(
      { big: procedure(() => new Uint8Array(900_000)) },
      { heartbeat: 1_000, grace: 500 },
    );
    await feed([16, 1, 1, "big", null, new Uint8Array(0)]);
    await pair.clock.advance(1_400);
    assertEquals(pair.server.faults, []);
    await pair.clock.advance(200);
    assertEquals(pair.server.faults.map(({ code }) => code), [4503]);
    assertEquals(gauges(pair.server).held, 0);
  });
});

describe("the calling side", () => {
  it("a call whose answer breaks a rule ends with the connection", async () => {
    const { pair, feed } = await fed({});
    const call = pair.callBack("confirm");
    await pair.clock.settle();
    await feed([17, 1, 1, bytesOf("d60100000000")]); // a byte stream with the number 0
    assertEquals(pair.server.faults.length, 1);
    const { error } = await call.result();
    assertEquals([error?.code, error?.ambiguous], ["DISCONNECTED", true]);
  });
});
