// A call with a key has run while the ledger is away: that is told it as soon as it is there.
import { assert, assertEquals } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { decode, encode } from "../msgpack/mod.ts";
import { BrokerError, type Ledger } from "../rpc/broker.ts";
import { CallError } from "../rpc/errors.ts";
import type { IncomingCall } from "../rpc/incoming_call.ts";
import { Encoded, readReply, ToldError } from "../rpc/kept_reply.ts";
import { KeyedCalls } from "../rpc/ledger.ts";
import { resolveLimits } from "../rpc/limits.ts";
import { ManualClock } from "./suites/manual_clock.ts";

const MINUTES = 600_000;

describe("a call with a key whose reply finds the ledger away", () => {
  let clock: ManualClock;
  let calls: KeyedCalls;
  let isAway: boolean;
  /** Whether somebody else has the keys of calls that have run. */
  let isTaken: boolean;
  /** What it was asked besides, in order: the hashes of claims, renewals, keys that were given back. */
  let asked: string[];
  /** Set where renewals are not answered. */
  let renewal: PromiseWithResolvers<void> | undefined;
  /** What the ledger was told, by key. */
  let told: [string, unknown][];
  let tries: number;
  let reports: string[];

  beforeEach(() => {
    clock = new ManualClock();
    [isAway, isTaken, told, tries, reports, asked, renewal] = [true, false, [], 0, [], [], undefined];
    const ledger: Ledger = {
      claim: (_key, hash) => {
        asked.push(`claim ${hash.split(" ")[0]}`);
        return { state: "new" };
      },
      renew: (key) => {
        asked.push(`renew ${key.split("\n")[1]}`);
        return renewal?.promise;
      },
      async settle(key, kept) {
        tries++;
        await undefined;
        if (isAway) throw new BrokerError("UNAVAILABLE", "away");
        if (isTaken) throw new BrokerError("TAKEN", "taken");
        const { reply } = readReply(kept);
        told.push([key.split("\n")[1]!, reply instanceof ToldError ? reply.error : decode(reply.bytes)]);
      },
      forget: (key) => {
        asked.push(`forget ${key.split("\n")[1]}`);
        return isAway ? Promise.reject(new BrokerError("UNAVAILABLE", "away")) : undefined;
      },
    };
    calls = new KeyedCalls({
      ledger,
      clock,
      limits: resolveLimits({}),
      node: "node",
      report: (error) => reports.push((error as Error).message),
    });
  });

  afterEach(() => {
    calls.end();
    assertEquals(clock.pending, 0);
  });

  /** Runs one, and gives what its caller gets. */
  async function run(key: string, invoke: () => unknown, name = "call"): Promise<unknown> {
    const bytes = encode("input");
    const call = {
      key,
      registered: { name },
      procedure: { shape: "value" },
      surroundings: { connection: { id: "1", subject: "ada" } },
      bytes,
      start: 0,
      end: bytes.length,
    } as unknown as IncomingCall;
    const value = await calls.run(call, invoke, (thrown) => thrown as CallError);
    assert(value instanceof Encoded);
    return decode(value.bytes);
  }

  it("gives its caller the value, and the ledger once it is back", async () => {
    assertEquals(await run("a", () => 1), 1);
    assertEquals(await run("b", () => Promise.resolve(2)), 2);
    assertEquals([reports, told], [["away", "away"], []]);
    await clock.advance(MINUTES - 20_000);
    assert(tries > 40 && tries < 80, `${tries} tries`);
    isAway = false;
    await clock.advance(10_000);
    assertEquals(told.toSorted(), [["a", 1], ["b", 2]]);
    assertEquals([reports.length, clock.pending], [2, 0]);
  });

  it("goes on for as long as the claim may hold, and says so when that is over", async () => {
    await run("a", () => 1);
    await clock.advance(MINUTES + 10_000);
    assertEquals([reports.length, reports[1], clock.pending], [
      2,
      "A call with a key has run, and the ledger could not be told of it",
      0,
    ]);
  });

  it("keeps that it has run where the reply is too large to wait", async () => {
    await run("a", () => "x".repeat(20_000));
    isAway = false;
    await clock.advance(100);
    const [[key, error]] = told as [[string, CallError]];
    assertEquals([key, error.code, error.ambiguous, error.retryable], ["a", "UNAVAILABLE", true, false]);
  });

  it("gives up the oldest of too many", async () => {
    for (let i = 0; i < 1_030; i++) await run(`${i}`, () => i);
    assertEquals(reports.filter((report) => report !== "away").length, 6);
    isAway = false;
    await clock.advance(100);
    assertEquals([told.length, told[0], clock.pending], [1_024, ["6", 6], 0]);
  });

  it("answers whoever sends it again here though the ledger has lost its claim, which is settled then", async () => {
    await run("a", () => 1);
    isAway = false;
    assertEquals(await run("a", () => 2), 1);
    assertEquals(told, []);
    await clock.advance(100);
    assertEquals([told, tries, clock.pending], [[["a", 1]], 2, 0]);
    assertEquals(await run("a", () => 2), 2); // the ledger knows, so it is asked
  });

  it("has whoever sends it again wait while it runs here though the ledger has lost its claim", async () => {
    isAway = false;
    const gate = Promise.withResolvers<number>();
    const calls = [run("a", () => gate.promise), run("a", () => 2), run("a", () => 3)];
    await clock.settle();
    gate.resolve(1);
    assertEquals([await Promise.all(calls), told], [[1, 1, 1], [["a", 1]]]);
  });

  it("lets the next one run where the first is not kept, its claim lost or not", async () => {
    isAway = false;
    const gate = Promise.withResolvers<number>();
    const first = errorOf(() => run("a", () => gate.promise));
    const second = run("a", () => 2);
    gate.reject(new CallError("UNAVAILABLE"));
    assertEquals([(await first).code, await second, told], ["UNAVAILABLE", 2, [["a", 2]]]);
  });

  it("is not mistaken for another call with its key where the ledger has lost its claim", async () => {
    isAway = false;
    const gate = Promise.withResolvers<number>();
    const first = run("a", () => gate.promise);
    const other = await errorOf(() => run("a", () => 2, "another"));
    assertEquals([other.code, asked], [
      "KEY_REUSED",
      ["claim call", "claim another", "forget a", "claim call"],
    ]);
    gate.resolve(1);
    assertEquals([await first, told], [1, [["a", 1]]]);
  });

  it("is reported, and not told again, where somebody else has its key", async () => {
    [isAway, isTaken] = [false, true];
    assertEquals(await run("a", () => 1), 1);
    assertEquals([reports, clock.pending], [["taken"], 0]);
    isAway = true;
    await run("b", () => 2);
    isAway = false;
    await clock.advance(MINUTES);
    assertEquals([reports, tries, clock.pending], [["taken", "away", "taken"], 3, 0]);
  });

  it("is told once more when the node stops, in a bounded time", async () => {
    for (const key of ["a", "b"]) await run(key, () => key);
    isAway = false;
    await calls.drain(0);
    assertEquals([told, reports], [[["a", "a"], ["b", "b"]], ["away", "away"]]);
    calls.end();
    assertEquals([reports.length, clock.pending], [2, 0]);
  });

  it("is reported where the last try fails too, or is not answered", async () => {
    await run("a", () => 1);
    await calls.drain(0);
    assertEquals([told, tries, reports], [[], 2, [
      "away",
      "A call with a key has run, and the ledger could not be told of it",
    ]]);
  });

  it("has its claim renewed while it runs, and no renewal overtakes another", async () => {
    isAway = false;
    renewal = Promise.withResolvers();
    const gate = Promise.withResolvers<number>();
    const done = Promise.all(["a", "b"].map((key) => run(key, () => gate.promise)));
    const renewals = () => asked.filter((what) => what.startsWith("renew"));
    await clock.advance(MINUTES);
    assertEquals(renewals(), ["renew a", "renew b"]);
    renewal.resolve();
    await clock.settle();
    await clock.advance(MINUTES / 2);
    assertEquals(renewals().length, 6);
    gate.resolve(1);
    assertEquals([await done, clock.pending], [[1, 1], 0]);
    await clock.advance(MINUTES);
    assertEquals(renewals().length, 6);
  });

  it("lets the node stop", async () => {
    await run("a", () => 1);
    calls.end();
    assertEquals([reports.length, clock.pending], [2, 0]);
    await run("b", () => 2); // one that still ran
    assertEquals([reports.length, clock.pending], [4, 0]);
  });

  it("is not kept where it may be made again", async () => {
    const failed = await errorOf(() => run("a", () => Promise.reject(new CallError("UNAVAILABLE"))));
    assertEquals([failed.code, reports, clock.pending], ["UNAVAILABLE", ["away"], 0]);
  });
});

async function errorOf(run: () => Promise<unknown>): Promise<CallError> {
  try {
    await run();
  } catch (thrown) {
    assert(thrown instanceof ToldError);
    return thrown.error;
  }
  throw new Error("It did not fail");
}
