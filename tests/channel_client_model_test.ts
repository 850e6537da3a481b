// Subscriptions of one client against a server that goes through everything: whatever happens, each is told a story that holds.
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import type { Subscription } from "../client/mod.ts";
import { at, ChannelClient } from "./suites/channel_client.ts";
import { EventCheck, ModelServer } from "./suites/channel_server_model.ts";

const small = fc.integer({ min: 1, max: 4 });
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant("publish" as const), count: small, twice: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("lose" as const), count: small }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("gap" as const), count: small }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("skip" as const), count: small }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("trim" as const), count: fc.nat(4) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("flush" as const), tells: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("failOver" as const), count: small, tells: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("kick" as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("reconnect" as const) }) },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant("answer" as const), most: fc.constantFrom(1, 2, Infinity) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("subscribe" as const),
      from: fc.constantFrom("now", "rewind", "place", "kept", "nonsense"),
      back: fc.nat(4),
      slow: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("close" as const), which: fc.nat(5) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("work" as const), which: fc.nat(5) }) },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

interface Follower {
  readonly subscription: Subscription<unknown>;
  readonly check: EventCheck;
  /** Handlers of it that wait. */
  readonly waiting: (() => void)[];
}

/** What happened in all runs together, so that a run that tests nothing is seen. */
const happened = { message: 0, gap: 0, reset: 0, resets: 0 };

async function run(steps: readonly Step[]): Promise<void> {
  const fake = await ChannelClient.connected();
  const server = new ModelServer(fake);
  const followers: Follower[] = [];
  const failures: unknown[] = [];
  for (const step of steps) {
    await act(step, { fake, server, followers, failures });
    assertEquals(failures, []);
  }
  // Peace: everything is answered, everybody works, and then everybody is at the top.
  for (let round = 0; round < 8; round++) {
    if (round === 4) await server.publish(1); // shows a client what it does not know it lost
    for (const { waiting } of followers) for (const go of waiting.splice(0)) go();
    await fake.server([2, 0]); // PING
    await fake.clock.advance(10_000);
    await server.answer();
  }
  while (followers.some(({ waiting }) => waiting.length > 0)) {
    for (const { waiting } of followers) for (const go of waiting.splice(0)) go();
    await fake.clock.settle();
  }
  assertEquals(failures, []);
  for (const { subscription, check } of followers) {
    if (subscription.state === "closed") continue;
    assertEquals(subscription.state, "live");
    assertEquals(check.position, server.top);
    assertEquals(subscription.position, server.top);
    for (const kind of ["message", "gap", "reset"] as const) happened[kind] += check.counts[kind];
  }
  happened.resets += server.resets.told;
  await fake.close();
  // Kicked for now: that is told.
  assertEquals([
    fake.clock.pending,
    fake.errors.filter((error) => (error as { code?: unknown }).code !== "UNAVAILABLE"),
  ], [0, []]);
}

async function act(step: Step, { fake, server, followers, failures }: {
  readonly fake: ChannelClient;
  readonly server: ModelServer;
  readonly followers: Follower[];
  readonly failures: unknown[];
}): Promise<void> {
  switch (step.do) {
    case "publish":
      return await server.publish(step.count, { twice: step.twice });
    case "lose":
      return await server.publish(step.count, { lost: true });
    case "gap":
      return await server.gap(step.count);
    case "skip":
      for (const { check } of followers) check.skipped.push(server.top.offset + step.count);
      return await server.skip(step.count);
    case "trim":
      return server.trim(step.count);
    case "flush":
      return await server.flush(step.tells);
    case "failOver":
      return await server.failOver(step.count, step.tells);
    case "kick":
      return await server.kick();
    case "reconnect":
      return await server.reconnect();
    case "answer":
      return await server.answer(step.most);
    case "close":
      return followers[step.which]?.subscription.close();
    case "work":
      for (const go of followers[step.which]?.waiting.splice(0) ?? []) go();
      return await fake.clock.settle();
    case "subscribe":
      if (followers.length < 6) followers.push(follow(step, { fake, server, followers, failures }));
  }
}

function follow(
  { from, back, slow }: { readonly from: string; readonly back: number; readonly slow: boolean },
  { fake, server, followers, failures }: Parameters<typeof act>[1],
): Follower {
  const position = from === "place"
    ? server.place(back)
    : from === "kept"
    ? followers[back]?.subscription.position
    : from === "nonsense"
    ? at(back + 1, "never")
    : undefined;
  const check = new EventCheck(server, position);
  const waiting: (() => void)[] = [];
  const subscription = fake.channel().subscribe(
    { position, rewind: from === "rewind" ? back : undefined },
    (event) => {
      try {
        check.event(event);
      } catch (error) {
        failures.push(error);
      }
      return slow ? new Promise<void>((resolve) => waiting.push(resolve)) : undefined;
    },
  );
  return { subscription, check, waiting };
}

const RUNS = 400;

describe("the subscriptions of a client", () => {
  it("are told nothing wrong, nothing twice, nothing with a hole, and reach the top", async () => {
    await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 80, size: "max" }), run), {
      numRuns: RUNS,
    });
    for (const [what, count] of Object.entries(happened)) assert(count > RUNS / 4, `${what}: ${count}`);
  });
});
