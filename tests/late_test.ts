// Code that is loaded when it is first needed: how long it is asked for, and what becomes of those who wait.
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Late } from "../client/late.ts";
import { CallError } from "../rpc/errors.ts";
import { ManualClock } from "./suites/manual_clock.ts";

describe("code that cannot be loaded", () => {
  it("is asked for again for 30 s, also where a network seems to come back all the time", async () => {
    for (const flaps of [0, 5]) {
      const clock = new ManualClock();
      let asked = 0;
      const late = new Late<object>(clock, () => {
        asked++;
        return Promise.reject(new TypeError("Failed to fetch"));
      });
      let end: string | undefined;
      late.wait({ run: () => end = "code", fail: ({ code }) => end = code });
      for (let s = 0; s < 29; s++) {
        await clock.advance(1_000);
        for (let i = 0; i < flaps; i++) {
          late.hurry();
          await clock.settle();
        }
      }
      assertEquals(end, undefined, `${flaps} flaps`);
      await clock.advance(2_000);
      assertEquals(end, "UNAVAILABLE");
      assert(asked > 7, `asked ${asked} times`);
      assertEquals(clock.pending, 0);
    }
  });

  it("is given up where nothing is heard of it, and taken when it comes after all", async () => {
    const clock = new ManualClock();
    const asked: PromiseWithResolvers<object>[] = [];
    const late = new Late<object>(clock, () => {
      asked.push(Promise.withResolvers());
      return asked.at(-1)!.promise;
    });
    const ends: string[] = [];
    const wait = () => late.wait({ run: () => ends.push("code"), fail: ({ code }) => ends.push(code) });
    wait();
    await clock.settle();
    await clock.advance(29_999);
    assertEquals(ends, []);
    await clock.advance(1);
    assertEquals([ends, clock.pending], [["UNAVAILABLE"], 0]);
    wait();
    await clock.settle();
    asked[0]!.reject(new TypeError("too late"));
    await clock.settle();
    assertEquals([ends.length, asked.length], [1, 2]);
    asked[0]!.promise.catch(() => {});
    asked[1]!.resolve({});
    await clock.settle();
    assertEquals([ends, clock.pending], [["UNAVAILABLE", "code"], 0]);
  });

  it("comes to all who wait, though one of them fails", async () => {
    const clock = new ManualClock();
    const late = new Late<{ n: number }>(clock, () => Promise.resolve({ n: 1 }));
    const heard: unknown[] = [];
    late.wait({
      run: () => {
        throw new CallError("TOO_LARGE");
      },
      fail: ({ code }) => heard.push(code),
    });
    late.wait({
      run: () => {
        throw new Error("ours");
      },
      fail: ({ code }) => heard.push(code),
    });
    late.wait({ run: ({ n }) => heard.push(n), fail: () => heard.push("lost") });
    await clock.settle();
    assertEquals(heard, ["TOO_LARGE", "INTERNAL", 1]);
  });
});
