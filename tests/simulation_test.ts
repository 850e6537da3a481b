import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Caller } from "../rpc/caller.ts";
import { CallError } from "../rpc/errors.ts";
import { Filter } from "../rpc/filter.ts";
import { ItemReceiver } from "../rpc/item_receiver.ts";
import { Encoded } from "../rpc/kept_reply.ts";
import { KeyedCalls } from "../rpc/ledger.ts";
import { NodeMembers } from "../rpc/presence_members.ts";
import { PresenceRoom } from "../rpc/presence_room.ts";
import { Newest } from "../rpc/newest.ts";
import { Policy } from "../rpc/policy.ts";
import { Replay } from "../rpc/replay.ts";
import { rebuild } from "../rpc/delta.ts";
import { Sessions } from "../rpc/sessions.ts";
import { FeedDeltas } from "../rpc/feed_deltas.ts";
import { givenBy, type SharedFrame } from "../rpc/shared_frames.ts";
import { MemoryStream } from "../brokers/memory_stream.ts";
import { OwnMember } from "../client/own_member.ts";
import { Presences } from "../client/presences.ts";
import { PresenceState } from "../client/presence_state.ts";
import { Seen } from "../client/seen.ts";
import { LocalSubscription } from "../client/subscription.ts";
import { Payload } from "../client/payload.ts";
import { WireDeltas } from "../client/wire_deltas.ts";
import { WireSubscription } from "../client/wire_subscription.ts";
import { encode } from "../msgpack/encoder.ts";
import type { Rule } from "../testing/anomaly.ts";
import { traceOf } from "../testing/log.ts";
import { type Scenario, scenarioOf } from "../tools/sim/scenario.ts";
import { shrinkOutcome } from "../tools/sim/shrink.ts";
import { isEnough, type Outcome, runScenario } from "../tools/sim/simulation.ts";
import { story } from "../tools/sim/story.ts";
import { tallyOf } from "../tools/sim/tally.ts";

const SEEDS = Array.from({ length: 12 }, (_, i) => i + 1);

/** Puts a bug into the core while `run` runs. */
async function withBug<T extends object, K extends keyof T>(
  where: T,
  method: K,
  bug: (original: T[K]) => T[K],
  run: () => Promise<void>,
): Promise<void> {
  const original = where[method];
  where[method] = bug(original);
  try {
    await run();
  } finally {
    where[method] = original;
  }
}

/** The first seed that shows a bug; that shows it by one rule alone where that is named. */
async function firstFailure(only?: Rule): Promise<Outcome> {
  for (let seed = 1; seed < 40; seed++) {
    const outcome = await runScenario(scenarioOf(seed));
    const { anomalies } = outcome;
    if (anomalies.length > 0 && anomalies.every(({ rule }) => rule === (only ?? rule))) return outcome;
  }
  throw new Error("no seed shows the bug");
}

/** Whether a bug is found by one of these rules, in one of the seeds. */
async function finds(...rules: readonly Rule[]): Promise<void> {
  const found = new Set<Rule>();
  for (let seed = 1; seed < 40 && !rules.some((rule) => found.has(rule)); seed++) {
    for (const { rule } of (await runScenario(scenarioOf(seed))).anomalies) found.add(rule);
  }
  assert(rules.some((rule) => found.has(rule)), [...found].join());
}

describe("a simulation", () => {
  it("gives the same trace for the same seed, byte for byte", async () => {
    for (const seed of SEEDS.slice(0, 4)) {
      const [first, second] = [await runScenario(scenarioOf(seed)), await runScenario(scenarioOf(seed))];
      assertEquals(traceOf(first.log) === traceOf(second.log), true, `seed ${seed}`);
      assertEquals(first.turns, second.turns);
    }
    const [one, two] = [await runScenario(scenarioOf(1)), await runScenario(scenarioOf(2))];
    assertNotEquals(traceOf(one.log), traceOf(two.log));
  });

  it("is at least 500 events with 3 cuts and a fault of the broker, and nothing is wrong in it", async () => {
    for (const seed of SEEDS) {
      const outcome = await runScenario(scenarioOf(seed));
      assertEquals(outcome.anomalies, [], `seed ${seed}`);
      const { events, cuts, brokerFaults } = tallyOf(outcome.log);
      assert(
        events >= 500 && cuts >= 3 && brokerFaults >= 1,
        `seed ${seed}: ${events}, ${cuts}, ${brokerFaults}`,
      );
    }
  });

  it("that has too little in it is filled up, as long as there is a reserve", async () => {
    const scenario = { ...scenarioOf(1), steps: [] };
    assert(isEnough((await runScenario(scenario)).log));
    const empty = await runScenario({ ...scenario, reserve: [] });
    assertEquals(isEnough(empty.log), false);
    assertEquals(tallyOf(empty.log).cuts, 0);
  });
});

describe("a bug in the core", () => {
  it("that calls a cut call unambiguous is found, shrunk and told", async () => {
    await withBug(Caller.prototype, "end", (end) =>
      function (this: Caller, error) {
        end.call(this, new CallError(error.code, error.message, { ambiguous: false }));
      }, async () => {
      const outcome = await firstFailure("honest failure"); // messages that change, and presence, show it as well
      const shrunk = await shrinkOutcome(outcome, { trials: 200 });
      assert(shrunk.scenario.steps.length <= 15, `${shrunk.scenario.steps.length} steps are left`);
      assert(shrunk.anomalies.some(({ rule }) => rule === "honest failure"));
      const told = story(shrunk);
      assert(told.startsWith(`seed ${outcome.scenario.seed}: `));
      assert(told.includes("honest failure: "));
    });
  });

  it("that loses an item of a stream is found", async () => {
    let items = 0;
    await withBug(ItemReceiver.prototype, "next", (next) =>
      async function (this: ItemReceiver) {
        if (++items % 50 === 0) await next.call(this);
        return await next.call(this);
      }, async () => {
      const outcome = await firstFailure();
      assert(outcome.anomalies.some(({ rule }) => rule === "stream items"));
    });
  });
});

describe("a bug in sessions or channels", () => {
  it("that does not tell that a member has left is found", async () => {
    await withBug(PresenceRoom.prototype, "remove", () =>
      function (this: PresenceRoom, { id }) {
        this.members.delete(id);
        return Promise.resolve();
      }, () => finds("presence"));
  });

  it("that keeps members whose connections are gone is found", async () => {
    await withBug(NodeMembers.prototype, "closed", () => () => {}, () => finds("presence"));
  });

  it("that does not enter again on another connection is found", async () => {
    await withBug(OwnMember.prototype, "connected", (connected) => {
      const known = new WeakSet<OwnMember>();
      return function (this: OwnMember) {
        if (known.has(this)) return;
        known.add(this);
        connected.call(this);
      };
    }, () => finds("presence"));
  });

  it("that tells the first of what is told fast, and not the last, is found", async () => {
    await withBug(Presences.prototype, "update", (update) => {
      const at = new WeakMap<Presences, number>();
      let turn = 0;
      return function (this: Presences, name, data) {
        if (at.get(this) === turn) return Promise.resolve("");
        at.set(this, turn);
        queueMicrotask(() => turn++);
        return update.call(this, name, data);
      };
    }, () => finds("presence"));
  });

  it("that leaves somebody out between two pages of members is found", async () => {
    await withBug(Presences.prototype, "get", (get) =>
      async function (this: Presences, channel, query) {
        const page = await get.call(this, channel, query);
        return page.next === undefined ? page : await get.call(this, channel, { ...query, after: page.next });
      }, () => finds("presence"));
  });

  it("that believes an older whole is found", async () => {
    let count = 0;
    await withBug(PresenceState.prototype, "apply", (apply) => {
      const before = new WeakMap<PresenceState, Parameters<typeof apply>[0]>();
      return function (this: PresenceState, told) {
        const old = before.get(this);
        if (told["members"] !== undefined) before.set(this, told);
        const applied = apply.call(this, told);
        if (old === undefined || ++count % 5 > 0) return applied;
        return apply.call(this, { ...old, version: Number(told["version"]) + 1 });
      };
    }, () => finds("presence"));
  });

  it("that sends nothing again in the next connection is found: the other side notices what is missing", async () => {
    await withBug(Replay.prototype, "sendAgain", () => () => {}, () => finds("nothing escapes"));
  });

  it("that runs a call with a key whenever it comes is found", async () => {
    const run: KeyedCalls["run"] = async (_call, invoke) => new Encoded(encode(await invoke()));
    await withBug(KeyedCalls.prototype, "run", () => run, () => finds("runs once"));
  });

  it("that keeps a reset from the program is found", async () => {
    await withBug(LocalSubscription.prototype, "reset", () =>
      function (this: LocalSubscription, position) {
        this.received = position;
        this.confirm();
      }, () => finds("contiguity"));
  });

  it("that gives a publication to the program twice is found", async () => {
    let count = 0;
    await withBug(
      LocalSubscription.prototype,
      "message",
      (message) =>
        function (this: LocalSubscription, position, data) {
          message.call(this, position, data);
          if (++count % 100 === 0) message.call(this, position, data);
        },
      () => finds("contiguity"),
    );
  });

  it("that does not find every second session is found", async () => {
    let asked = 0;
    await withBug(Sessions.prototype, "find", (find) =>
      function (this: Sessions<never>, id) {
        return ++asked % 2 === 0 ? undefined : find.call(this, id);
      }, () => finds("kept session"));
  });

  it("that forgets the id before as soon as WELCOME is sent is found", async () => {
    await withBug(Sessions.prototype, "name", (name) =>
      function (this: Sessions<never>, session) {
        return name.call(this, session);
      }, () => finds("kept session"));
  });

  it("that says there is no more history is found", async () => {
    await withBug(MemoryStream.prototype, "read", (read) =>
      function (this: MemoryStream, query, date) {
        return { ...read.call(this, query, date), more: false };
      }, () => finds("history page"));
  });

  it("that lets pass what was not asked for, now and then, is found", async () => {
    let count = 0;
    await withBug(Filter.prototype, "matches", (matches) =>
      function (this: Filter, ...message) {
        return ++count % 20 === 0 || matches.apply(this, message);
      }, () => finds("filter"));
  });

  it("that passes over what was asked for, now and then, is found", async () => {
    let count = 0;
    await withBug(Filter.prototype, "matches", (matches) =>
      function (this: Filter, ...message) {
        return ++count % 20 !== 0 && matches.apply(this, message);
      }, () => finds("filter"));
  });

  it("that keeps the newest of everything in place of that of each key is found", async () => {
    await withBug(Policy.prototype, "keyOf", () => () => "", () => finds("policy"));
  });

  it("that takes a gap for what was skipped is found", async () => {
    await withBug(Newest.prototype, "after", (after) =>
      function (this: Newest, offset) {
        return after.call(this, offset).map(({ entry }) => ({ entry, isGap: false }));
      }, () => finds("contiguity"));
  });

  it("that sends no SEEN is found", async () => {
    await withBug(Seen.prototype, "advanced", () => () => {}, () => finds("flow control"));
  });

  it("that lets a position move before the handler has returned is found", async () => {
    const where = LocalSubscription.prototype;
    const original = Object.getOwnPropertyDescriptor(where, "position")!;
    const get = function (this: LocalSubscription) {
      return this.received;
    };
    Object.defineProperty(where, "position", { ...original, get });
    try {
      await finds("own position");
    } finally {
      Object.defineProperty(where, "position", original);
    }
  });
});

describe("messages as differences", () => {
  it("of which one is rebuilt from another message than the one before: the bug is found", async () => {
    const whole = new WeakMap<WireDeltas, Payload>();
    await withBug(WireDeltas.prototype, "came", (came) =>
      function (this: WireDeltas, payload) {
        whole.set(this, payload);
        came.call(this, payload);
      }, () =>
      withBug(WireDeltas.prototype, "rebuilt", () =>
        function (this: WireDeltas, unit) {
          const { bytes, start, end } = whole.get(this)!; // the last that came whole
          const message = rebuild(bytes.subarray(start, end), unit, Infinity);
          return new Payload({ bytes: message, start: 0, end: message.length });
        }, () => finds("phantom", "agreement")));
  });

  it("of which one behind what was skipped is made into the one before: the bug is found", async () => {
    let isSkipped = false;
    const last = new WeakMap<WireDeltas, Payload>();
    await withBug(WireSubscription.prototype, "skip", (skip) =>
      function (this: WireSubscription, ...args) {
        isSkipped = true; // what follows comes in the same frame
        skip.apply(this, args);
      }, () =>
      withBug(WireDeltas.prototype, "rebuilt", (rebuilt) =>
        function (this: WireDeltas, unit) {
          const payload = rebuilt.call(this, unit);
          const before = last.get(this); // of those that came as a difference
          if (payload !== undefined) last.set(this, payload);
          const isWrong = isSkipped && before !== undefined && payload !== undefined;
          isSkipped = false;
          if (!isWrong || before.length !== payload.length) return payload;
          return new Payload({ bytes: before.bytes, start: before.start, end: before.end });
        }, () => finds("phantom", "agreement", "contiguity", "filter")));
  });

  it("whose base a client has not: no wrong value is shown, and all goes on", async () => {
    let [refused, taken, ofParts] = [0, 0, 0];
    /** The last of the frame before of each feed, and the present one. */
    const sent = new WeakMap<FeedDeltas, { before: number; frame: SharedFrame }>();
    await withBug(
      FeedDeltas.prototype,
      "of",
      (of) =>
        function (this: FeedDeltas, frame) {
          let known = sent.get(this);
          if (known?.frame !== frame) {
            const before = known === undefined ? -1 : givenBy(known.frame).at(-1)!.offset;
            sent.set(this, known = { before, frame });
          }
          const isPart = frame.part !== undefined;
          const bytes = of.call(this, frame, isPart ? known.before : frame.entries[0]!.offset - 1); // as if it had it
          if (isPart && bytes !== frame.bytes) ofParts++;
          return bytes;
        },
      () =>
        withBug(WireDeltas.prototype, "rebuilt", (rebuilt) =>
          function (this: WireDeltas, unit) {
            const payload = rebuilt.call(this, unit);
            if (payload === undefined) refused++;
            else taken++;
            return payload;
          }, async () => {
          for (const seed of SEEDS) {
            assertEquals((await runScenario(scenarioOf(seed))).anomalies, [], `seed ${seed}`);
          }
        }),
    );
    assert(refused > 0 && taken > 0, `${refused} refused, ${taken} taken`);
    assert(ofParts > 20, `${ofParts} of what passes a filter, or a policy has left`);
  });
});

describe("shrinkOutcome()", () => {
  it("keeps what is needed and nothing else", async () => {
    const scenario = scenarioOf(3);
    const needed = [scenario.steps[17]!, scenario.steps[100]!];
    let runs = 0;
    const run = (tried: Scenario): Promise<Outcome> => {
      runs++;
      const fails = needed.every((step) => tried.steps.includes(step));
      return Promise.resolve({
        scenario: tried,
        log: [],
        turns: 0,
        anomalies: fails ? [{ rule: "contiguity", what: "", line: 0 }] : [],
      });
    };
    const { scenario: shrunk } = await shrinkOutcome(await run(scenario), { run, trials: 1_000 });
    assertEquals(shrunk.steps, needed);
    assert(runs < 600, `${runs} runs`);
  });

  it("gives back what has nothing wrong", async () => {
    const outcome = await runScenario(scenarioOf(1));
    assertEquals(await shrinkOutcome(outcome), outcome);
  });
});
