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
  /** What the ledger was told, by key. */
  let told: [string, unknown][];
  let tries: number;
  let reports: string[];

  beforeEach(() => {
    clock = new ManualClock();
    [isAway, told, tries, reports] = [true, [], 0, []];
    const ledger: Ledger = {
      claim: () => ({ state: "new" }),
      renew: () => {},
      async settle(key, kept) {
        tries++;
        await undefined;
        if (isAway) throw new BrokerError("UNAVAILABLE", "away");
        const { reply } = readReply(kept);
        told.push([key.split("\n")[1]!, reply instanceof ToldError ? reply.error : decode(reply.bytes)]);
      },
      forget: () => Promise.reject(new BrokerError("UNAVAILABLE", "away")),
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
  async function run(key: string, invoke: () => unknown): Promise<unknown> {
    const bytes = encode("input");
    const call = {
      key,
      registered: { name: "call" },
      procedure: { shape: "value" },
      surroundings: { connection: { id: "1", subject: "ada" } },
      bytes,
      start: 0,
      end: bytes.length,
    } as unknown as IncomingCall;
    const value = await calls.run(call, invoke, (thrown) => thrown as CallError);
    assert(value instanceof Encoded && call.isSettled);
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

  it("has nothing to say about a later claim of the key", async () => {
    await run("a", () => 1);
    isAway = false;
    await run("a", () => 2);
    await clock.advance(MINUTES);
    assertEquals([told, tries], [[["a", 2]], 2]);
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
