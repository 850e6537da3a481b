// The turn of the event loop that all connections of a clock share.
import { assertEquals, assertNotStrictEquals, assertStrictEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { CallError } from "../rpc/errors.ts";
import { Heartbeat } from "../rpc/heartbeat.ts";
import { type EndsWithTurn, turnOf } from "../rpc/turn.ts";
import { ManualClock } from "./suites/manual_clock.ts";
import { LoneServer } from "./suites/lone_server.ts";
import { procedure } from "./suites/pair.ts";
import { call, frameOf, messagesOf } from "./suites/wire.ts";

/** Counts how often it is asked. */
class CountingClock extends ManualClock {
  readings = 0;
  turns = 0;

  override now(): number {
    this.readings++;
    return super.now();
  }

  override immediate(run: () => void): void {
    this.turns++;
    super.immediate(run);
  }
}

/** One that has another end for turns of many. */
class CrowdClock extends CountingClock {
  crowds = 0;

  immediateInCrowd(run: () => void): void {
    this.crowds++;
    ManualClock.prototype.immediate.call(this, run);
  }
}

/** Time that no timer has seen yet. */
class BlockedClock extends ManualClock {
  blocked = 0;

  override now(): number {
    return super.now() + this.blocked;
  }
}

function ending(run: () => void): EndsWithTurn {
  return { endTurn: run };
}

describe("a turn", () => {
  it("is one for all who share a clock", () => {
    const [clock, other] = [new ManualClock(), new ManualClock()];
    assertStrictEquals(turnOf(clock), turnOf(clock));
    assertNotStrictEquals(turnOf(clock), turnOf(other));
  });

  it("reads the time once where something happens at its end, and again in the next one", async () => {
    const clock = new CountingClock();
    const turn = turnOf(clock);
    for (let i = 1; i <= 3; i++) {
      turn.add(ending(() => {}));
      const before = clock.readings;
      for (let reads = 0; reads < 5; reads++) assertEquals(turn.now(), 1_000 + (i - 1) * 7);
      assertEquals([clock.readings - before, clock.turns], [1, i]);
      await clock.advance(7); // ends the turn, and then some
    }
  });

  it("tells the time as it is where nothing happens at its end, and is not made for that", async () => {
    const clock = new CountingClock();
    const turn = turnOf(clock);
    assertEquals(turn.now(), 1_000);
    await clock.advance(50);
    assertEquals(turn.now(), 1_050);
    assertEquals([clock.readings, clock.turns], [2, 0]);
  });

  it("calls what was added once, in order, by one arming", async () => {
    const clock = new CountingClock();
    const turn = turnOf(clock);
    const calls: number[] = [];
    for (let i = 0; i < 1_000; i++) turn.add(ending(() => calls.push(i)));
    assertEquals([clock.turns, calls], [1, []]);
    await clock.settle();
    assertEquals(calls, [...Array(1_000).keys()]);
    await clock.settle();
    assertEquals([clock.turns, calls.length], [1, 1_000]);
  });

  it("ends as the clock has it for a crowd where the last one had more than 64 to tell, and only then", async () => {
    const clock = new CrowdClock();
    const turn = turnOf(clock);
    const endings: [number, number][] = [];
    for (const count of [64, 65, 64, 1, 300, 300, 1]) {
      for (let i = 0; i < count; i++) turn.add(ending(() => {}));
      endings.push([clock.turns, clock.crowds]);
      await clock.settle();
    }
    assertEquals(endings, [[1, 0], [2, 0], [2, 1], [3, 1], [4, 1], [4, 2], [4, 3]]);
  });

  it("that one cannot end is ended by the others in the next", async () => {
    class Careless extends ManualClock {
      override immediate(run: () => void): void {
        super.immediate(() => {
          try {
            run();
          } catch {
            log.push("thrown");
          }
        });
      }
    }
    const log: string[] = [];
    const clock = new Careless();
    const turn = turnOf(clock);
    turn.add(ending(() => log.push("first")));
    turn.add(ending(() => {
      throw new Error("a fault");
    }));
    for (const name of ["second", "third"]) turn.add(ending(() => log.push(name)));
    await clock.settleFor(1);
    assertEquals(log, ["first", "thrown"]);
    await clock.settle();
    assertEquals(log, ["first", "thrown", "second", "third"]);
  });

  it("leaves to the next what is added at its end, with a time of its own", async () => {
    const clock = new CountingClock();
    const turn = turnOf(clock);
    const log: string[] = [];
    const again: EndsWithTurn = ending(() => {
      log.push(`end ${log.length}`);
      turn.now();
      if (log.length < 3) turn.add(again);
    });
    turn.add(again);
    turn.add(ending(() => log.push("other")));
    await clock.settleFor(1);
    assertEquals(log, ["end 0", "other"]);
    await clock.settleFor(1);
    assertEquals(log, ["end 0", "other", "end 2"]);
    await clock.settle();
    assertEquals([log.length, clock.turns], [3, 2]);
  });
});

describe("connections that share a turn", () => {
  /** So many servers on one clock, the frames that left, and by whom. Each has announced `run` as number 1. */
  async function servers(count: number) {
    const clock = new ManualClock();
    const frames: (readonly [server: number, messages: unknown[][]])[] = [];
    const onSent: { run?: (server: number) => void } = {};
    const all = [...Array(count).keys()].map((i) =>
      new LoneServer({
        procedures: { run: procedure(() => i) },
        clock,
        sent: (frame) => {
          frames.push([i, messagesOf(frame)]);
          onSent.run?.(i);
        },
      })
    );
    await clock.settle();
    for (const server of all) server.receive(frameOf(call(1, "run")));
    await clock.advance(1);
    frames.length = 0;
    return { clock, all, frames, onSent };
  }

  it("each send what is left at its end as one frame, in the order in which they had something to say", async () => {
    const { clock, all, frames } = await servers(50);
    for (let id = 2; id <= 4; id++) for (const server of all) server.receive(frameOf(call(id, 1)));
    assertEquals(frames, []);
    await clock.settle();
    const answers = [...all.keys()].map((i) => [i, [2, 3, 4].map((id) => [17, id, id, i])]);
    assertEquals(frames as unknown, answers);
  });

  it("go on when one of them ends while the turn does, which sends nothing more", async () => {
    const { clock, all, frames, onSent } = await servers(4);
    for (let id = 2; id <= 3; id++) for (const server of all) server.receive(frameOf(call(id, 1)));
    frames.length = 0;
    onSent.run = (server) => {
      if (server !== 1) return;
      all[1]!.peer.end(new CallError("DISCONNECTED"));
      all[2]!.peer.end(new CallError("DISCONNECTED"));
    };
    await clock.settle();
    assertEquals(frames.map(([server]) => server), [0, 1, 3]);
    frames.length = 0;
    for (const server of all) server.receive(frameOf(call(4, 1)));
    await clock.settle();
    assertEquals(frames.map(([server]) => server), [0, 3]);
    assertEquals(clock.pending, 0);
  });
});

describe("a heartbeat that is told the time of the turn", () => {
  it("notices silence when it is as long as it may be, and not before", async () => {
    const clock = new ManualClock();
    const turn = turnOf(clock);
    const events: string[] = [];
    const heartbeat = new Heartbeat({
      clock,
      interval: 15_000,
      patience: 23_000,
    }, {
      beat: () => events.push(`beat ${clock.now()}`),
      silent: () => events.push(`silent ${clock.now()}`),
    });
    for (let i = 0; i < 5; i++) { // a frame every second, two in the same turn
      turn.add(ending(() => {}));
      heartbeat.heard(turn.now());
      heartbeat.heard(turn.now());
      await clock.advance(1_000);
    }
    await clock.advance(21_999);
    assertEquals(events, ["beat 16000"]);
    await clock.advance(1);
    assertEquals(events, ["beat 16000", "silent 28000"]);
    heartbeat.stop();
    assertEquals(clock.pending, 0);
  });

  it("is not misled by a handler that blocks: what came in that turn was heard before", async () => {
    const clock = new BlockedClock();
    const turn = turnOf(clock);
    const events: string[] = [];
    const heartbeat = new Heartbeat({
      clock,
      interval: 15_000,
      patience: 23_000,
    }, {
      beat: () => events.push("beat"),
      silent: () => events.push("silent"),
    });
    turn.add(ending(() => {}));
    heartbeat.heard(turn.now());
    clock.blocked = 60_000;
    heartbeat.heard(turn.now()); // the time of before, since the turn goes on
    await clock.advance(15_000);
    assertEquals(events, ["beat"]);
    for (let i = 0; i < 4; i++) await clock.advance(15_000);
    assertEquals(events.at(-1), "silent");
    heartbeat.stop();
  });
});
