// How often those who watch are told: the more they are, the longer the pause, so that a change does not cost more for it.
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { decode, encode } from "../msgpack/mod.ts";
import { pauseFor } from "../rpc/presence_pace.ts";
import { PresenceTopic } from "../rpc/presence_topic.ts";
import type { PresenceWatcher } from "../rpc/presence_watcher.ts";
import { ManualClock } from "./suites/manual_clock.ts";
import { brokerOf } from "./suites/presence_node.ts";

/** What one is told, and when. */
interface Told {
  readonly at: number;
  readonly version: number;
  readonly count: number;
  readonly from?: number;
  readonly sample?: true;
  readonly members?: readonly unknown[];
}

/** A channel that as many watch as a test says, with the broker in memory. */
class Hall {
  readonly clock = new ManualClock();
  readonly told: Told[] = [];
  /** Frames that were given to all who watch. */
  frames = 0;
  readonly #store = brokerOf(this.clock).presence;
  readonly #topic: PresenceTopic;
  #numbers = 0;
  #fresh = 10_000;

  constructor(mostMembers: number) {
    this.#topic = new PresenceTopic("hall", {
      store: this.#store,
      asking: {
        clock: this.clock,
        report: (error) => {
          throw error;
        },
      },
      mostMembers,
      newAlias: () => ++this.#numbers,
    });
  }

  /** With so many members, and so many who watch, of whom the first says what it is told. */
  static async with(
    { members, watchers = 0, counting = 0, mostMembers = 200 }: {
      readonly members: number;
      readonly watchers?: number;
      readonly counting?: number;
      readonly mostMembers?: number;
    },
  ): Promise<Hall> {
    const hall = new Hall(mostMembers);
    hall.#topic.open();
    for (let i = 0; i < members; i++) hall.enter(i);
    await hall.clock.advance(5_000);
    hall.watch(watchers, false);
    hall.watch(counting, true);
    await hall.clock.advance(5_000);
    hall.take();
    return hall;
  }

  watch(watchers: number, isCounting: boolean): PresenceWatcher[] {
    return Array.from({ length: watchers }, (_, i) => this.#one(isCounting, i === 0));
  }

  leaveAll(watchers: readonly PresenceWatcher[]): void {
    for (const one of watchers) this.#topic.remove(one);
  }

  enter(i: number): void {
    this.#change(i, { user: undefined, data: encode(i) });
  }

  leave(i: number): void {
    this.#change(i, undefined);
  }

  /** Another one enters in each step of time. */
  async keepChanging(times: number, ms: number): Promise<void> {
    for (let i = 0; i < times; i++) {
      this.enter(this.#fresh++);
      await this.clock.advance(ms);
    }
  }

  take(): Told[] {
    this.frames = 0;
    return this.told.splice(0);
  }

  end(): void {
    this.#topic.release();
  }

  #one(isCounting: boolean, isFirst: boolean): PresenceWatcher {
    const hear = (payloads: readonly Uint8Array[]) => {
      for (const payload of payloads) {
        this.told.push({ at: this.clock.now(), ...decode(payload) as Omit<Told, "at"> });
      }
    };
    const one: PresenceWatcher = {
      isCounting,
      ready: () => void (isFirst && hear(this.#topic.snapshot(isCounting))),
      deliver: (frames) => {
        this.frames += frames.length;
        if (isFirst) hear(frames.map((frame) => (decode(frame) as [number, number, Uint8Array])[2]));
        return true;
      },
    };
    this.#topic.add(one);
    return one;
  }

  #change(i: number, member: { user: undefined; data: Uint8Array } | undefined): void {
    const id = `m${String(i).padStart(5, "0")}`;
    const news = [{ id, n: ++this.#numbers, member }];
    void this.#store.change("hall", { id: "node", lease: 1e9 }, { news, most: 1e6 });
  }
}

function pauses(told: readonly Told[]): number[] {
  return told.slice(1).map(({ at }, i) => at - told[i]!.at);
}

describe("the pause between two tellings", () => {
  it("is 100 ms up to 200 who watch, grows as they do, and ends at 2 s", () => {
    const at = [0, 1, 199, 200, 250, 500, 1_000, 2_000, 4_000, 4_001, 100_000];
    const expected = [100, 100, 100, 100, 125, 250, 500, 1_000, 2_000, 2_000, 2_000];
    assertEquals(at.map((watchers) => pauseFor(watchers, 200)), expected);
  });

  it("is no longer where fewer are told everything, and grows later where more are", () => {
    assertEquals([pauseFor(150, 0), pauseFor(200, 10), pauseFor(400, 10)], [100, 100, 200]);
    assertEquals([pauseFor(1_000, 1_000), pauseFor(1_500, 1_000)], [100, 150]);
  });
});

describe("those who watch", () => {
  it("are told every 100 ms where all are told everything, however many they are", async () => {
    const hall = await Hall.with({ members: 100, watchers: 1_000 });
    await hall.keepChanging(50, 20);
    assertEquals(pauses(hall.take()), Array(9).fill(100));
  });

  it("are told the later the more they are where there is a sample, and no less in the end", async () => {
    for (const [watchers, pause] of [[200, 100], [250, 125], [1_000, 500], [6_000, 2_000]] as const) {
      const hall = await Hall.with({ members: 201, watchers });
      await hall.keepChanging(400, 20);
      await hall.clock.advance(pause);
      const told = hall.take();
      assert(told.length > 3);
      assertEquals([...new Set(pauses(told))], [pause]);
      assertEquals(told.at(-1)!.count, 601);
    }
  });

  it("get no more frames together, however many they are, up to 4,000", async () => {
    const frames: number[] = [];
    for (const watchers of [200, 500, 1_000, 2_000, 4_000]) {
      const hall = await Hall.with({ members: 300, watchers });
      await hall.keepChanging(1_000, 20);
      frames.push(hall.frames);
    }
    for (const one of frames) assert(Math.abs(one / frames[0]! - 1) < 0.1, `${frames}`);
  });

  it("hear of what happens after a quiet time in 100 ms", async () => {
    const hall = await Hall.with({ members: 300, watchers: 2_000 });
    const start = hall.clock.now();
    hall.enter(1_000);
    await hall.clock.advance(50);
    hall.enter(1_001);
    await hall.clock.advance(100);
    hall.enter(1_002);
    await hall.clock.advance(5_000);
    hall.enter(1_003);
    await hall.clock.advance(100);
    const told = hall.take().map(({ at, count }) => [at - start, count]);
    assertEquals(told, [[100, 302], [1_100, 303], [5_250, 304]]);
  });

  it("are told at once who is there when they come in a pause, and then what follows", async () => {
    const hall = await Hall.with({ members: 300, watchers: 2_000 });
    hall.enter(1_000);
    await hall.clock.advance(100);
    hall.leave(1_000);
    hall.enter(1_001);
    hall.enter(1_002);
    hall.take();
    hall.watch(1, false);
    const [whole, ...none] = hall.take();
    assertEquals([whole!.count, whole!.sample, whole!.members!.length, none], [302, true, 50, []]);
    hall.leave(1_002);
    await hall.clock.advance(1_000);
    const all = hall.take();
    assertEquals(all.map(({ count }) => count), [301, 301], "the first of before, and the new one");
    assert(all[0]!.from! <= whole!.version && all[0]!.version > whole!.version);
  });

  it("hear that the number is again what it was, when they came between", async () => {
    for (const isCounting of [false, true]) {
      const hall = await Hall.with({ members: 300, [isCounting ? "counting" : "watchers"]: 2_000 });
      hall.enter(1_000);
      await hall.clock.advance(100);
      hall.enter(1_001);
      hall.watch(1, isCounting);
      assertEquals(hall.take().at(-1)!.count, 302);
      hall.leave(1_001);
      await hall.clock.advance(1_000);
      assertEquals(hall.take().map(({ count }) => count), [301, 301]);
    }
  });

  it("are told everything again below the threshold when the pause is over, and then every 100 ms", async () => {
    const hall = await Hall.with({ members: 201, watchers: 1_000 });
    hall.enter(1_000);
    await hall.clock.advance(100);
    hall.take();
    const start = hall.clock.now();
    for (let i = 0; i < 100; i++) hall.leave(i);
    await hall.clock.advance(499);
    assertEquals(hall.take(), []);
    await hall.clock.advance(1);
    const whole = hall.take();
    assertEquals(whole.map(({ at, count, sample }) => [at - start, count, sample]), [[500, 102, undefined]]);
    assertEquals(whole[0]!.members!.length, 102);
    await hall.keepChanging(50, 20);
    assertEquals(pauses(hall.take()), Array(9).fill(100));
  });

  it("are told as often as fewer are when others have gone", async () => {
    const hall = await Hall.with({ members: 300, watchers: 1 });
    const others = hall.watch(1_999, false);
    await hall.keepChanging(20, 100);
    hall.leaveAll(others);
    hall.take();
    await hall.keepChanging(40, 100);
    const told = pauses(hall.take());
    assert(told.filter((pause) => pause > 100).length <= 1, `${told}`);
    assert(told.length > 25);
  });
});

describe("those who watch numbers alone", () => {
  it("are told the later the more they are, whatever there is of members", async () => {
    for (const members of [10, 1_000]) {
      for (const [counting, pause] of [[200, 100], [1_000, 500], [6_000, 2_000]] as const) {
        const hall = await Hall.with({ members, counting });
        await hall.keepChanging(400, 20);
        await hall.clock.advance(pause);
        const told = hall.take();
        assertEquals([...new Set(pauses(told))], [pause]);
        assertEquals(told.at(-1)!.count, members + 400);
      }
    }
  });

  it("make nobody wait who is told everything", async () => {
    const hall = await Hall.with({ members: 10, watchers: 1, counting: 2_000 });
    await hall.keepChanging(100, 20);
    await hall.clock.advance(1_000);
    const told = hall.take();
    const everything = told.filter(({ from }) => from !== undefined);
    const numbers = told.filter(({ from }) => from === undefined);
    assertEquals([[...new Set(pauses(everything))], [...new Set(pauses(numbers))]], [[100], [1_000]]);
    assertEquals([everything.at(-1)!.count, numbers.at(-1)!.count], [110, 110]);
  });
});

describe("a channel that nobody watches any more", () => {
  it("leaves no timer, in whatever pause it ends", async () => {
    const hall = await Hall.with({ members: 300, watchers: 1_000, counting: 1_000 });
    const before = hall.clock.pending;
    hall.enter(1_000);
    await hall.clock.advance(100);
    hall.enter(1_001);
    await hall.clock.settle();
    assertEquals(hall.clock.pending, before + 2);
    hall.end();
    hall.take();
    await hall.clock.settle();
    assert(hall.clock.pending <= before);
    await hall.clock.advance(5_000);
    assertEquals(hall.take(), []);
  });
});
