import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { Pair } from "./suites/pair.ts";
import { type Amount, type Kind, KINDS, procedures, Trip } from "./suites/traffic.ts";

/** What can happen next. `on` is one of the connections, `trip` one of the calls made so far. */
type Step =
  | { readonly do: "call"; readonly on: number; readonly back: boolean; readonly kind: Kind } & Amount & {
    readonly timeout: number | undefined;
  }
  | { readonly do: "read"; readonly trip: number; readonly count: number }
  | { readonly do: "cancel"; readonly trip: number }
  | {
    readonly do: "stall" | "resume" | "step";
    readonly on: number;
    readonly up: boolean;
    readonly count: number;
  }
  | { readonly do: "turns"; readonly on: number; readonly count: number }
  | { readonly do: "advance"; readonly on: number; readonly count: number };

const CONNECTIONS = 2;
const on = fc.nat(CONNECTIONS - 1);

const call = fc.record({
  do: fc.constant("call" as const),
  on,
  back: fc.boolean(),
  kind: fc.constantFrom(...KINDS),
  count: fc.nat(60),
  size: fc.oneof(fc.nat(100), fc.nat(3_000), fc.constantFrom(255, 256, 16_384, 65_536, 70_000, 150_000)),
  timeout: fc.option(fc.integer({ min: 1, max: 200 }), { nil: undefined, freq: 6 }),
});

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: call },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("read" as const), trip: fc.nat(), count: fc.nat(20) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("cancel" as const), trip: fc.nat() }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom("stall" as const, "resume" as const, "step" as const),
      on,
      up: fc.boolean(),
      count: fc.nat(5),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("turns" as const), on, count: fc.nat(6) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("advance" as const), on, count: fc.nat(60) }) },
);

/** Connections with small limits, so that a short schedule meets them. */
class World {
  readonly pairs: Pair[] = [];
  readonly trips: Trip[] = [];
  readonly ordered: number[][] = [];
  readonly #wanted: number[][] = [];

  async open(): Promise<void> {
    for (let i = 0; i < CONNECTIONS; i++) {
      const [there, here]: number[][] = [[], []];
      const limits = {
        calls: 12,
        concurrency: 3,
        streams: 6,
        window: 4_096,
        message: 300_000,
        callTimeout: 0,
      };
      this.pairs.push(
        await Pair.open({
          limits,
          clientLimits: { ...limits, window: 100_000 },
          procedures: procedures(there!),
          offers: procedures(here!),
        }),
      );
      this.ordered.push(there!, here!);
      this.#wanted.push([], []);
    }
  }

  async take(next: Step): Promise<void> {
    switch (next.do) {
      case "call":
        return this.#call(next);
      case "read":
        return this.#trip(next.trip)?.gate.permit(next.count);
      case "cancel": {
        const trip = this.#trip(next.trip);
        if (trip === undefined) return;
        trip.cancelled = true;
        return trip.call.cancel();
      }
      case "turns":
        return await this.pairs[next.on]!.clock.settleFor(next.count);
      case "advance":
        return await this.pairs[next.on]!.clock.advance(next.count);
      default: {
        const { client, server } = this.pairs[next.on]!;
        const { pipe } = next.up ? client : server;
        return next.do === "step" ? pipe.step(next.count) : pipe[next.do]();
      }
    }
  }

  /** Lets everything come to its end. */
  async finish(): Promise<void> {
    for (const { client, server } of this.pairs) {
      client.pipe.resume();
      server.pipe.resume();
    }
    for (const trip of this.trips) trip.gate.permit(Infinity);
    for (let i = 0; i < 100 && this.trips.some(({ outcomes }) => outcomes.length === 0); i++) {
      for (const { clock } of this.pairs) await clock.advance(5);
      if (i === 60) { for (const trip of this.trips) if (trip.isEndless) trip.call.cancel(); }
    }
  }

  /** What must hold, whatever has happened. */
  async verify(): Promise<void> {
    const wrong = this.trips.filter(({ outcomes }) => outcomes.length !== 1 || !ALLOWED.has(outcomes[0]!));
    assertEquals(wrong.map(({ name, outcomes }) => ({ name, outcomes })), []);
    for (const pair of this.pairs) {
      await pair.assertQuiet();
      assertEquals([pair.server.failures, pair.client.failures], [[], []]);
    }
    for (const started of this.ordered) assertEquals(started, started.toSorted((a, b) => a - b));
  }

  #call({ on, back, kind, count, size, timeout }: Extract<Step, { do: "call" }>): void {
    const pair = this.pairs[on]!;
    const start = back ? pair.callBack.bind(pair) : pair.call.bind(pair);
    const wanted = this.#wanted[on * 2 + Number(back)]!;
    const amount = { count: kind === "ordered" ? wanted.push(0) : count, size };
    this.trips.push(new Trip(kind, amount, (...args) => start(kind, ...args, { timeout })));
  }

  #trip(n: number): Trip | undefined {
    return this.trips[n % Math.max(1, this.trips.length)];
  }
}

const ALLOWED = new Set(["ok", "CANCELLED", "DEADLINE", "FORBIDDEN", "RESOURCE_EXHAUSTED"]);

/** How many schedules are tried. A failure prints the seed, and the shortest schedule that fails. */
const RUNS = 60;

describe("any schedule of calls, streams, cancels and stalls", () => {
  it("ends each call once, loses and repeats nothing, breaks no rule, and leaves nothing", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 150, size: "max" }), async (steps) => {
        const world = new World();
        await world.open();
        for (const next of steps) await world.take(next);
        await world.finish();
        await world.verify();
      }),
      { numRuns: RUNS },
    );
  });

  it("that a cut ends: each call ends once, and nothing is left", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 100, size: "max" }), async (steps) => {
        const world = new World();
        await world.open();
        for (const next of steps) await world.take(next);
        for (const pair of world.pairs) pair.cut();
        await world.finish();
        const wrong = world.trips.filter(({ outcomes }) =>
          outcomes.length !== 1 || !(ALLOWED.has(outcomes[0]!) || outcomes[0] === "DISCONNECTED")
        );
        assertEquals(wrong.map(({ name, outcomes }) => ({ name, outcomes })), []);
        for (const pair of world.pairs) await pair.assertQuiet();
      }),
      { numRuns: RUNS },
    );
  });
});
