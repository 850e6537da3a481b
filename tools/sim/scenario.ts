/**
 * What a seed stands for: clients, the ways to the server, and at least 500 things that happen, each at its time.
 */
import type { Limits } from "../../rpc/limits.ts";
import type { BrokerDelays } from "../../testing/broker_connection.ts";
import type { Conditions } from "../../testing/lane.ts";
import { Random } from "../../testing/random.ts";
import {
  type Act,
  CHANNELS,
  type Deed,
  deed,
  documentDeed,
  NOOKS,
  POLICIES,
  SCORES,
  scores,
  serverDocumentDeed,
  subscription,
  wildcard,
} from "./deeds.ts";
import { anyFault, type BrokerFault, brokerFault, cut, type Fault } from "./faults.ts";
import { DESKS, type PresenceDeed, presenceDeed } from "./member.ts";
import { type Traits, traitsOf } from "./traits.ts";

/** One thing that happens. */
export type Step = (Deed | PresenceDeed | Act | BrokerFault | Fault) & {
  /** When, in ms after the beginning. */
  readonly at: number;
  /** Which client it happens to. */
  readonly client: number;
};

/** Everything that a seed decides. */
export interface Scenario {
  /** The seed. */
  readonly seed: number;
  /** How many clients there are. */
  readonly clients: number;
  /** What each one's way to the server is like. */
  readonly conditions: readonly Conditions[];
  /** How far away the broker is. */
  readonly delays: BrokerDelays;
  /** What sets it apart. */
  readonly traits: Traits;
  /** Messages that rooms keep. */
  readonly retention: number;
  /** Bounds of the server. */
  readonly limits: Partial<Limits>;
  /** Bounds of each client. */
  readonly clientLimits: readonly Partial<Limits>[];
  /** How long it lasts until the last fault is over, in ms. */
  readonly length: number;
  /** What happens, in order. */
  readonly steps: readonly Step[];
  /** What happens in addition, one list after the other, as long as too little has happened: each at so many ms after the one before has begun. */
  readonly reserve: Iterable<readonly Step[]>;
}

/** Things that are done in a scenario, at least, before the reserve. Each has several consequences. */
const STEPS = 130;
/** Events of a run, at least. */
export const EVENTS = 500;
/** Cuts among them, at least. */
export const CUTS = 3;
/** Faults of the broker, at least. */
export const BROKER_FAULTS = 1;
/** Lists in reserve. */
const RESERVE = 40;

/** Makes the scenario of a seed. */
export function scenarioOf(seed: number): Scenario {
  const random = new Random(seed).fork("scenario");
  const clients = 2 + random.below(3);
  const length = random.pick([20_000, 60_000, 120_000]);
  const traits = traitsOf(random);
  const conditions = Array.from({ length: clients }, () => conditionsOf(random, length, traits));
  const steps: Step[] = [];
  for (let client = 0; client < clients; client++) {
    for (const channel of CHANNELS) {
      if (random.chance(0.7)) {
        steps.push({ ...subscription(random, channel), at: moment(random, 500), client });
      }
    }
  }
  const faults = 6 + random.below(10);
  while (steps.length < STEPS - faults) steps.push(...burst(random, { clients, length, traits }));
  for (let i = 0; i < faults; i++) {
    const fault = i < CUTS ? cut(random) : i === CUTS ? brokerFault(random) : anyFault(random);
    steps.push({ ...fault, at: moment(random, length * 0.9), client: random.below(clients) });
  }
  if (traits.isFlood) steps.push(...flood(random, length));
  const changes = documents(random.fork("documents"), clients, length);
  steps.push(...changes);
  if (changes.length > 0) steps.push(...serverDocuments(new Random(seed).fork("server's documents"), length));
  steps.push(...crowd(new Random(seed).fork("crowd"), clients, length));
  steps.push(...wildcards(random.fork("wildcards"), clients, length));
  steps.push(...scored(random.fork("scores"), clients, length));
  steps.push(...rush(new Random(seed).fork("rush"), clients, length));
  steps.push(...presence(new Random(seed).fork("presence"), clients, length));
  steps.sort((a, b) => a.at - b.at);
  return {
    seed,
    clients,
    conditions,
    delays: { answer: random.pick([0, 0, 3, 40]), push: random.pick([0, 0, 3, 40]) },
    traits,
    retention: random.pick([3, 20, 1_000]),
    limits: limitsOf(random, traits),
    clientLimits: conditions.map(() => random.chance(0.15) ? SMALL_MESSAGES : {}),
    length,
    steps,
    reserve: new Reserve(random, { clients, traits }),
  };
}

/** What is in reserve, made when it is asked for: hardly a seed needs it, and it is a third of what making a scenario took. */
class Reserve implements Iterable<readonly Step[]> {
  readonly #random: Random;
  readonly #of: Pick<Scenario, "clients" | "traits">;
  readonly #made: (readonly Step[])[] = [];

  /** From what chance is left once everything else is decided. */
  constructor(random: Random, of: Pick<Scenario, "clients" | "traits">) {
    this.#random = random;
    this.#of = of;
  }

  /** The same each time. */
  *[Symbol.iterator](): Iterator<readonly Step[]> {
    for (let at = 0; at < RESERVE; at++) yield this.#made[at] ??= more(this.#random, this.#of);
  }
}

/** Too little for the largest publications: the client is told of gaps. */
const SMALL_MESSAGES: Partial<Limits> = { message: 1_500 };

/** Bounds that are met soon. */
function limitsOf(random: Random, { isLarge }: Traits): Partial<Limits> {
  const limits: Partial<Limits> = random.chance(0.4)
    ? random.pick([
      // What is large would take longer than the run in such pieces, and is more than such a queue.
      ...isLarge ? [] : [{ replay: 2_000 }, { window: 8_192 }, { queue: 65_536 }],
      { calls: 8, concurrency: 2 },
      { sessions: 1 },
      { heartbeat: 3_000, grace: 2_000 },
    ])
    : {};
  // Many an outage is longer than a session is kept.
  return random.chance(0.4) ? { ...limits, session: random.pick([500, 3_000, 10_000]) } : limits;
}

/** A little of everything, for a seed in which too little has happened. */
function more(random: Random, { clients, traits }: Pick<Scenario, "clients" | "traits">): Step[] {
  const client = random.below(clients);
  return [
    ...burst(random, { clients, length: 500, traits }),
    { do: "server publish", channel: random.pick(CHANNELS), size: 10, at: 600, client },
    { do: "cut", tellClient: 5, tellServer: 5, at: 700, client },
    { do: "lose pushes", ms: 300, at: 700, client },
  ];
}

/** Times are whole, so that a trace is short. */
function moment(random: Random, length: number): number {
  return Math.round(random.next() * length);
}

function conditionsOf(random: Random, length: number, { isLarge }: Traits): Conditions {
  const delay = random.pick([0.1, 1, 10, 50, 150]);
  return {
    delay,
    jitter: delay * random.pick([0.1, 1, 4]),
    rate: random.pick(isLarge ? [2_000, 10_000] : [20, 200, 10_000]),
    idle: random.chance(0.15) ? length / 20 : Infinity,
  };
}

/** What people do comes in bursts. */
function burst(
  random: Random,
  { clients, length, traits }: Pick<Scenario, "clients" | "length" | "traits">,
): Step[] {
  const client = random.below(clients);
  const at = moment(random, length);
  const spread = random.pick([0, 0, 20, 500]);
  const channel = random.pick(CHANNELS);
  return Array.from({ length: 1 + random.below(12) }, () => ({
    ...deed(random, channel, traits),
    at: at + moment(random, spread),
    client,
  }));
}

/** In some seeds clients have messages that change, in bursts. */
function documents(random: Random, clients: number, length: number): Step[] {
  if (!random.chance(0.4)) return [];
  return Array.from({ length: 10 }, () => {
    const [at, client, spread] = [moment(random, length), random.below(clients), random.pick([0, 50, 2_000])];
    return Array.from({ length: 1 + random.below(8) }, (): Step => ({
      ...documentDeed(random),
      at: at + moment(random, spread),
      client,
    }));
  }).flat();
}

/** In most of those seeds server code does its own, in bursts. */
function serverDocuments(random: Random, length: number): Step[] {
  if (!random.chance(0.7)) return [];
  return Array.from({ length: 7 }, () => {
    const [at, spread] = [moment(random, length), random.pick([0, 0, 50, 2_000])];
    return Array.from({ length: 1 + random.below(8) }, (): Step => ({
      ...serverDocumentDeed(random),
      at: at + moment(random, spread),
      client: 0,
    }));
  }).flat();
}

/** Different values that a crowd says: some more than a message may have. */
const CROWD = 70;

/** In some seeds all clients, and server code, say more different values of one kind to the first message than it may have; some are said twice, some taken back. */
function crowd(random: Random, clients: number, length: number): Step[] {
  if (!random.chance(0.03)) return [];
  const at = 4_000 + moment(random, length * 0.6);
  const kind = random.pick(["mood", "emoji"] as const);
  const first = Array.from({ length: clients }, (_, client): Step => (
    { do: "document", what: "publish", which: 0, times: 1, at: at - 3_500 + client * 200, client }
  ));
  const said = Array.from({ length: CROWD + 20 }, (_, n): Step => {
    const value = `v${n < CROWD ? n : random.below(CROWD)}`;
    const reaction = { kind, value, undo: n >= CROWD && random.chance(0.5) };
    const some = { what: "react", which: 0, ofAnybody: true, times: 1, reaction } as const;
    const client = random.below(clients + 1);
    const step = { at: at + moment(random, n < CROWD ? 1_500 : 8_000), client: client % clients };
    return client === clients
      ? { do: "server document", ...some, ...step }
      : { do: "document", ...some, ...step };
  });
  return [...first, ...said];
}

/** Most clients are at a desk and see who else is, from the beginning; some come and go. */
function presence(random: Random, clients: number, length: number): Step[] {
  const steps: Step[] = [];
  for (let client = 0; client < clients; client++) {
    for (const channel of DESKS) {
      const at = moment(random, 2_000);
      if (random.chance(0.5)) steps.push({ do: "enter", channel, at, client });
      if (random.chance(0.5)) {
        steps.push({ do: "watch", channel, iterates: false, countOnly: false, at, client });
      }
    }
  }
  const times = random.below(20);
  for (let i = 0; i < times; i++) {
    const [at, client] = [moment(random, length), random.below(clients)];
    for (let n = 1 + random.below(3); n > 0; n--) steps.push({ ...presenceDeed(random), at, client });
  }
  return steps;
}

/** In some seeds clients have wildcards, two of one now and then, and channels appear. */
function wildcards(random: Random, clients: number, length: number): Step[] {
  if (!random.chance(0.4)) return [];
  const begun = Array.from({ length: 1 + random.below(3) }, (): Step => ({
    ...wildcard(random),
    at: moment(random, length * 0.6),
    client: random.below(clients),
  }));
  const published = Array.from({ length: 5 + random.below(20) }, (): Step => {
    const by = random.pick(["publish", "server publish"] as const);
    const [channel, at, client] = [random.pick(NOOKS), moment(random, length), random.below(clients)];
    return { do: by, channel, size: 10, at, client };
  });
  const shutOut = Array.from({ length: random.below(3) }, (): Step => ({
    ...{ do: "revoke", channel: random.pick(NOOKS), ms: random.pick([500, 3_000, 20_000]) },
    ...{ at: moment(random, length), client: random.below(clients) },
  }));
  const ended = Array.from({ length: random.below(2) }, (): Step => ({
    ...{ do: "end wildcard", at: moment(random, length), client: random.below(clients) },
  }));
  return [...begun, ...published, ...shutOut, ...ended];
}

/** In some seeds all clients take a part of one channel as differences, and are slow now and then. */
function scored(random: Random, clients: number, length: number): Step[] {
  if (!random.chance(0.3)) return [];
  const wanted = scores(random);
  const slow = random.pick([0, 0, 20, 300]);
  const joined = Array.from({ length: clients }, (_, client): Step => ({
    ...wanted,
    ...{ slow, at: moment(random, length * (client === 0 ? 0.05 : 0.5)), client },
  }));
  const published = Array.from({ length: 6 }, () => {
    const [at, client, spread] = [
      moment(random, length),
      random.below(clients),
      random.pick([0, 100, 3_000]),
    ];
    return Array.from({ length: 2 + random.below(10) }, (): Step => ({
      ...{ do: random.pick(["publish", "server publish"] as const), channel: SCORES },
      ...{ size: random.pick([100, 100, 2_000]), at: at + moment(random, spread), client },
    }));
  });
  return [...joined, ...published.flat()];
}

/** More than a subscriber may leave unseen, in portions that it takes live, to one whose handler is slow. */
function flood(random: Random, length: number): Step[] {
  const channel = random.pick(["hall/1", "hall/2"]);
  const at = 1_000 + moment(random, length * 0.8);
  const portions = Array.from({ length: 23 }, (_, i): Step => ({
    ...{ do: "server publish", channel, size: 0, times: 50 },
    ...{ at: at + i * 40, client: 0 },
  }));
  return [{ do: "subscribe", channel, slow: 100, iterates: false, at: at - 900, client: 0 }, ...portions];
}

/** In some seeds more than who has a policy is sent ahead, and more than is kept for it, to a slow one: by itself, and by a wildcard. */
function rush(random: Random, clients: number, length: number): Step[] {
  if (!random.chance(0.08)) return [];
  const channel = random.pick(NOOKS);
  const at = 4_000 + moment(random, length * 0.7);
  const slow = { slow: 300, iterates: false, at: at - 3_500, client: random.below(clients) };
  const policy = random.pick(POLICIES);
  const begun: Step = random.chance(0.5)
    ? { do: "subscribe", channel, policy, ...slow }
    : { do: "wildcard", match: "nook/*", policy, ...slow };
  // The channel is there before: what is past comes whole.
  const first: Step = { do: "server publish", channel, size: 0, at: at - 3_400, client: 0 };
  const portions = Array.from({ length: 9 }, (_, i): Step => ({
    ...{ do: "server publish", channel, size: 0, times: 20 },
    ...{ at: at + i * 40, client: 0 },
  }));
  return [begun, first, ...portions];
}
