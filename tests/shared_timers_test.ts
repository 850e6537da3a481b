import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type AlarmClock, type Clock, setAlarm } from "../rpc/clock.ts";
import { sharedTimers } from "../rpc/shared_timers.ts";
import { ManualClock } from "./suites/manual_clock.ts";

/** Whole numbers below `limit`, the same for the same seed. */
function chance(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor(state / 2 ** 32 * limit);
  };
}

/** Sets, clears and waits at random; timers set and clear others. Gives what ran, and when. */
async function play(seed: number, shared: boolean): Promise<{ log: string[]; pending: number }> {
  const time = new ManualClock();
  const clock: Clock = shared ? sharedTimers(time) : time;
  const next = chance(seed);
  const log: string[] = [];
  const handles: unknown[] = [];
  const set = (depth: number) => {
    const id = handles.length;
    const [follows, clears] = [depth < 3 && next(3) === 0, next(4) === 0 ? next(id + 1) : -1];
    const ring = () => {
      log.push(`${id} at ${clock.now()}`);
      if (clears >= 0) clock.clearTimeout(handles[clears]);
      if (follows) set(depth + 1);
    };
    const ms = next(12) * 10;
    const alarm = { at: clock.now() + ms, order: 0, place: -1, ring };
    handles.push(id % 2 === 0 ? clock.setTimeout(ring, ms) : setAlarm(clock, alarm));
  };
  for (let step = 0; step < 200; step++) {
    const what = next(4);
    if (what < 2) set(0);
    else if (what === 2 && handles.length > 0) clock.clearTimeout(handles[next(handles.length)]);
    else await time.advance(next(5) * 7);
  }
  await time.advance(10_000);
  return { log, pending: time.pending };
}

describe("timers that share one", () => {
  it("run when timers of their own would, in the same order, whatever is set and cleared", async () => {
    let ran = 0;
    for (let seed = 1; seed <= 40; seed++) {
      const [own, shared] = [await play(seed, false), await play(seed, true)];
      assertEquals(shared.log, own.log, `seed ${seed}`);
      assertEquals([own.pending, shared.pending], [0, 0]);
      ran += shared.log.length;
    }
    assertEquals(ran > 2_000, true);
  });

  it("ring an alarm again once it has rung", async () => {
    const time = new ManualClock();
    const clock = sharedTimers(time);
    const log: number[] = [];
    const alarm = {
      at: 10,
      order: 0,
      place: -1,
      ring() {
        log.push(clock.now());
        alarm.at += 10;
        if (log.length < 3) setAlarm(clock, alarm);
      },
    };
    const start = clock.now();
    alarm.at += start;
    setAlarm(clock, alarm);
    await time.advance(100);
    assertEquals([log.map((at) => at - start), time.pending, alarm.place], [[10, 20, 30], 0, -1]);
    setAlarm(clock, alarm);
    clock.clearTimeout(alarm);
    clock.clearTimeout(alarm); // it is not set any more
    await time.advance(100);
    assertEquals([log.length, time.pending], [3, 0]);
  });

  it("take one of the runtime, and none when none is left", async () => {
    const time = new ManualClock();
    const clock = sharedTimers(time);
    const handles = [30, 10, 20].map((ms) => clock.setTimeout(() => {}, ms));
    assertEquals(time.pending, 1);
    for (const handle of handles) clock.clearTimeout(handle);
    assertEquals(time.pending, 0);
    clock.setTimeout(() => {}, 5);
    await time.advance(5);
    assertEquals(time.pending, 0);
    clock.clearTimeout(undefined);
    clock.clearTimeout(handles[0]); // it has gone already
  });

  it("run late after a sleep, all of them, and those that never come stay", async () => {
    const time = new ManualClock();
    const clock = sharedTimers(time);
    const log: number[] = [];
    for (const ms of [30, 10, Infinity, 20]) clock.setTimeout(() => log.push(ms), ms);
    time.sleep(1_000);
    await time.advance(0);
    assertEquals(log, [10, 20, 30]);
    assertEquals(time.pending, 1);
  });

  it("leave the rest of a clock as it is", () => {
    const plain: Clock & { readonly more: () => string } = {
      now: () => 7,
      setTimeout: () => undefined,
      clearTimeout: () => {},
      immediate: (run) => run(),
      random: () => 0.25,
      more: () => "more",
    };
    const clock = sharedTimers(plain) as AlarmClock & typeof plain;
    let ran = false;
    clock.immediate(() => ran = true);
    assertEquals([clock.now(), clock.random(), clock.more(), ran], [7, 0.25, "more", true]);
  });

  it("go on behind one that throws", () => {
    let fire = () => {};
    let now = 0;
    const time: Clock = {
      now: () => now,
      setTimeout: (run) => void (fire = run),
      clearTimeout: () => {},
      immediate: () => {},
      random: () => 0,
    };
    const clock = sharedTimers(time);
    const log: string[] = [];
    clock.setTimeout(() => {
      throw new RangeError("a handler's");
    }, 10);
    clock.setTimeout(() => log.push("next"), 10);
    now = 10;
    assertThrows(fire, RangeError);
    fire();
    assertEquals(log, ["next"]);
  });
});
