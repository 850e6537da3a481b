// What one connection sends: when a frame leaves, in which order, and what a full socket holds back.
import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { CallError } from "../rpc/errors.ts";
import { Kind } from "../rpc/kinds.ts";
import { DEFAULT_LIMITS } from "../rpc/limits.ts";
import type { Outbox } from "../rpc/outbox.ts";
import { answer, CountingSocket, outboxOn } from "./suites/counting_socket.ts";
import { ManualClock } from "./suites/manual_clock.ts";
import { Pair, procedure } from "./suites/pair.ts";
import { ScriptedServer } from "./suites/scripted_server.ts";
import { call, frameOf, messagesOf } from "./suites/wire.ts";

const FRAGMENT = 9;
const RESULT = 17;
const KIB = 1024;

/** Kinds of the messages of frames. */
function kinds(frames: Uint8Array[]): unknown[][] {
  return frames.map((frame) => messagesOf(frame).map(([kind]) => kind));
}

describe("answers of one turn", () => {
  /** A server that is known to be called without company. */
  async function lone(): Promise<ScriptedServer> {
    const server = await ScriptedServer.open();
    for (let i = 0; i < 2; i++) {
      await server.pair.clock.advance(1);
      server.feed(server.message(1));
    }
    await server.pair.clock.advance(1);
    server.frames();
    return server;
  }

  it("leave at once where calls come alone, and nothing leaves at the end of the turn", async () => {
    const server = await lone();
    for (let i = 0; i < 10; i++) {
      server.feed(server.message(1));
      assertEquals(kinds(server.frames()), [[RESULT]]);
      await server.pair.clock.advance(1);
      assertEquals(server.frames(), []);
    }
  });

  it("leave at once where calls come alone in one frame, as one frame", async () => {
    const server = await lone();
    for (let i = 0; i < 3; i++) {
      server.feed(server.message(1), server.message(1), server.message(1));
      assertEquals(kinds(server.frames()), [[RESULT, RESULT, RESULT]]);
      await server.pair.clock.advance(1);
      assertEquals(server.frames(), []);
    }
  });

  it("share a frame as soon as there is company, until a turn without it has passed", async () => {
    const server = await lone();
    const turn = async (frames: number): Promise<number[][]> => {
      for (let i = 0; i < frames; i++) server.feed(server.message(1));
      const counts = (): number[] => server.frames().map((frame) => messagesOf(frame).length);
      const atOnce = counts();
      await server.pair.clock.settle();
      const later = counts();
      await server.pair.clock.advance(1);
      return [atOnce, later];
    };
    assertEquals(await turn(1), [[1], []]);
    assertEquals(await turn(5), [[1], [4]]);
    assertEquals(await turn(5), [[], [5]]);
    assertEquals(await turn(2), [[], [2]]);
    assertEquals(await turn(1), [[], [1]]);
    assertEquals(await turn(1), [[1], []]);
  });

  it("wait for the end of the turn where nothing was answered: what is said beside calls is not hurried", async () => {
    const server = await lone();
    const gate = Promise.withResolvers<void>();
    server.script = () => {
      server.pair.server.peer.sendHeartbeat(Kind.PING);
      return gate.promise;
    };
    server.feed(server.message(1));
    assertEquals(server.frames(), []);
    await server.pair.clock.advance(1);
    assertEquals(kinds(server.frames()), [[Kind.PING]]);
    gate.resolve();
    await server.pair.clock.settle();
    assertEquals(kinds(server.frames()), [[RESULT]]);
  });

  it("leave with the turn on a client, beside what its program does then", async () => {
    const pair = await Pair.open({
      offers: { ask: procedure(() => 1) },
      procedures: { tell: procedure(() => 2) },
    });
    pair.client.pipe.stall();
    const before = pair.client.pipe.frames.length;
    pair.client.peer.receive(frameOf(call(1, "ask")));
    assertEquals(pair.client.pipe.frames.length, before);
    void pair.call("tell").result();
    await pair.clock.settle();
    assertEquals(kinds(pair.client.pipe.frames.slice(before)), [[8, RESULT, 16]]); // NAME, RESULT, CALL
    pair.cut();
  });

  it("are never overtaken: their sequences are those of the order in which they leave", async () => {
    const turn = fc.array(
      fc.array(fc.constantFrom("now", "soon", "later", "fails"), { minLength: 1, maxLength: 3 }),
      {
        maxLength: 4,
      },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(turn, { minLength: 1, maxLength: 6 }), async (turns) => {
        const server = await ScriptedServer.open();
        const late: (() => void)[] = [];
        server.script = (input) => {
          if (input === "now") return input;
          if (input === "soon") return Promise.resolve(input);
          if (input === "later") return new Promise((resolve) => late.push(() => resolve(input)));
          throw new CallError("FORBIDDEN");
        };
        const expected: unknown[] = [];
        for (const frames of turns) {
          for (const inputs of frames) {
            server.feed(...inputs.map((input) => server.message(1, input)));
            expected.push(...inputs.map((input) => input === "fails" ? "FORBIDDEN" : input));
          }
          for (const resolve of late.splice(0, 1)) resolve();
          await server.pair.clock.settle();
        }
        for (const resolve of late) resolve();
        const answers = await server.settle();
        assertEquals(answers.map(([, seq]) => seq), expected.map((_, i) => i + 2));
        const byCall = answers.toSorted((a, b) => Number(a[2]) - Number(b[2]));
        assertEquals(byCall.map(([, , , what]) => what), expected);
        assertEquals(server.pair.server.faults, []);
      }),
      { numRuns: 100 },
    );
  });
});

describe("the pressure of what waits", () => {
  it("is never missed, whatever was sent and has drained, and told only where it is there", () => {
    const step = fc.oneof(
      { weight: 1, arbitrary: fc.record({ write: fc.nat({ max: 3_000 }) }) },
      { weight: 6, arbitrary: fc.record({ write: fc.nat({ max: 20 }), flush: fc.constant(true) }) },
      { weight: 1, arbitrary: fc.record({ drain: fc.double({ min: 0, max: 1, noNaN: true }) }) },
    );
    let [high, low] = [0, 0];
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), fc.nat({ max: 1_000 }), (steps, limit) => {
        const socket = new CountingSocket();
        const outbox = outboxOn(socket);
        for (const { write, flush, drain } of steps as { write?: number; flush?: true; drain?: number }[]) {
          if (write !== undefined) answer(outbox, write);
          if (flush) outbox.flush();
          if (drain !== undefined) socket.buffered -= Math.floor(socket.buffered * drain);
          const is = outbox.waiting > limit;
          if (is) high++;
          else low++;
          assertEquals(outbox.isOver(limit), is);
        }
      }),
      { numRuns: 1_000, seed: 7 }, // the counts below are of this one
    );
    assert(high > 2_000 && low > 2_000, `${high} times high, ${low} times low`);
  });

  it("costs no question to the socket while little was sent", () => {
    const socket = new CountingSocket();
    const outbox = outboxOn(socket);
    const limit = DEFAULT_LIMITS.queue / 2;
    for (let i = 0; i < 1_000; i++) {
      outbox.isOver(limit);
      answer(outbox, 20);
      outbox.flush();
      socket.buffered = 0;
    }
    assertEquals(socket.asked, 0);
    for (let i = 0; i < 100_000; i++) {
      outbox.isOver(limit);
      answer(outbox, 20);
      outbox.flush();
      socket.buffered = 0;
    }
    assertLess(socket.asked, 10);
  });

  it("holds answers back until it has eased, those of the short way too", async () => {
    const server = await ScriptedServer.open({
      limits: { queue: 40 * KIB },
      clientLimits: { message: 1 << 20 },
    });
    const { pipe } = server.pair.server;
    pipe.stall();
    server.script = () => new Uint8Array(900);
    for (let i = 0; i < 100; i++) server.feed(server.message(1));
    await server.pair.clock.settle();
    assertGreater(pipe.buffered, 20 * KIB);
    assertLess(pipe.buffered, 22 * KIB);
    assertGreater(server.plain, 10);
    assertEquals(server.plain + server.pair.server.peer.callee.inFlight >= 100, true);
    pipe.resume();
    await server.pair.clock.advance(1_000);
    const answers = server.sent();
    assertEquals(answers.map(([, , id]) => id), [...Array(100)].map((_, i) => i + 2));
    assertEquals(server.pair.server.peer.callee.inFlight, 0);
    assertEquals(server.pair.clock.pending, 0);
  });
});

describe("large answers of one turn", () => {
  /** Sends answers of this size until one leaves in fragments, at most 20. Returns the bytes that left whole. */
  function whole(outbox: Outbox, socket: CountingSocket, size: number): number {
    const before = outbox.sequence;
    let sent = 0;
    for (let i = 0; i < 20; i++) {
      answer(outbox, size);
      if (outbox.sequence === before + i) return sent; // it has no sequence yet: its fragments will
      sent += size;
    }
    void socket;
    return sent;
  }

  it("leave whole when the socket was empty, two of 64 KiB and no more than a frame beside", () => {
    const outcomes = [64, 60, 33, 20].map((kib) => {
      const socket = new CountingSocket();
      return whole(outboxOn(socket), socket, kib * KIB) / KIB;
    });
    assertEquals(outcomes[0], 128);
    for (const outcome of outcomes) assert(outcome <= 128 + 64 + 65, `${outcome} KiB left whole`);
  });

  it("leave whole in each turn again, also where those of the turn before left by themselves", async () => {
    const socket = new CountingSocket();
    const clock = new ManualClock();
    const outbox = outboxOn(socket, clock);
    for (let turn = 0; turn < 5; turn++) {
      assertEquals(whole(outbox, socket, 64 * KIB), 128 * KIB, `turn ${turn}`);
      await clock.settle();
      while (outbox.waiting > socket.buffered || socket.buffered > 0) {
        socket.buffered = 0;
        outbox.acknowledged(outbox.sequence);
        await clock.settle();
        outbox.flush();
      }
      await clock.settle();
    }
  });

  it("leave whole for one call after another, though no turn has an end where calls come alone", async () => {
    const socket = new CountingSocket();
    const clock = new ManualClock();
    const outbox = outboxOn(socket, clock);
    for (let turn = 1; turn <= 6; turn++) {
      outbox.reading();
      answer(outbox, 64 * KIB);
      answer(outbox, 64 * KIB);
      outbox.read(clock.now());
      assertEquals([outbox.sequence, socket.frames.length], [2 * turn, 2 * turn]);
      await clock.advance(1);
      socket.buffered = 0;
    }
  });

  it("leave in fragments when the peer was slow before", async () => {
    const socket = new CountingSocket();
    const clock = new ManualClock();
    const outbox = outboxOn(socket, clock);
    socket.buffered = 100 * KIB;
    assertEquals(whole(outbox, socket, 64 * KIB), 0);
    await clock.settle();
    assertEquals(socket.frames.length, 0); // not even those, while the socket is full
    socket.buffered = 0;
    outbox.flush();
    assertEquals(kinds(socket.frames)[0], [FRAGMENT]);
  });

  it("do not keep small ones waiting", () => {
    const socket = new CountingSocket();
    const outbox = outboxOn(socket);
    socket.buffered = 500 * KIB;
    answer(outbox, 100 * KIB);
    answer(outbox, 100);
    outbox.flush();
    assertEquals(kinds(socket.frames), [[RESULT]]);
  });
});

describe("a connection that ends while a call is encoded for it", () => {
  it("settles the call, and the buffer is not somebody else's meanwhile", async () => {
    const pair = await Pair.open({ procedures: { take: procedure(() => 1) } });
    const input = {
      get name(): string {
        pair.cut();
        return "x";
      },
    };
    const { error } = await pair.now(pair.call("take", input).result());
    assertEquals([error?.code, error?.ambiguous], ["DISCONNECTED", false]);
    assertEquals(pair.client.peer.held, 0);
    assertEquals(pair.client.peer.caller.inFlight, 0);
    assertEquals(pair.clock.pending, 0);
  });
});
