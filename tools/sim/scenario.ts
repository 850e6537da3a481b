/**
 * What a seed stands for: clients, the ways to the server, and at least 500 things that happen, each at its time.
 */
import type { Limits } from "../../rpc/limits.ts";
import type { BrokerDelays } from "../../testing/broker_connection.ts";
import type { CallPlan, CallShape } from "./caller.ts";
import type { Conditions } from "../../testing/lane.ts";
import type { Direction } from "../../testing/link.ts";
import type { SubscriptionPlan } from "./subscriber.ts";
import { Random } from "../../testing/random.ts";

/** Something that a client does. */
export type Deed =
  | { readonly do: "call" } & CallPlan
  | { readonly do: "publish"; readonly channel: string; readonly size: number }
  | { readonly do: "subscribe"; readonly channel: string } & SubscriptionPlan
  | { readonly do: "leave"; readonly channel: string }
  /** Begins to listen to signals, or stops. */
  | { readonly do: "listen"; readonly channel: string }
  | { readonly do: "signal"; readonly channel: string }
  | {
    readonly do: "history";
    readonly channel: string;
    readonly upwards: boolean;
    readonly limit: number;
    /** The offset above or below which it reads; without it at the end. */
    readonly from?: number | undefined;
  };

/** Something that the server does. */
export type Act =
  | { readonly do: "server publish"; readonly channel: string; readonly size: number }
  /** Shuts the client out of a channel, for so long. */
  | { readonly do: "revoke"; readonly channel: string; readonly ms: number };

/** Something that goes wrong at the broker. */
export type BrokerFault =
  | { readonly do: "trim"; readonly channel: string; readonly kept: number }
  /** The stream is lost; listeners are told after `ms`. */
  | { readonly do: "lose stream"; readonly channel: string; readonly ms: number }
  | { readonly do: "restart broker"; readonly ms: number }
  /** A copy takes over that lacks the last entries; listeners are told after `ms`. */
  | { readonly do: "fail over"; readonly channel: string; readonly missing: number; readonly ms: number }
  | { readonly do: "lose pushes"; readonly ms: number }
  | { readonly do: "broker refuses"; readonly ms: number };

/** Something that goes wrong. `Infinity` as a time after which somebody is told stands for never. */
export type Fault =
  /** Both directions end at once. */
  | { readonly do: "cut"; readonly tellClient: number; readonly tellServer: number }
  /** It breaks in the middle of a frame, after so many bytes. */
  | { readonly do: "break"; readonly way: Direction; readonly bytes: number }
  /** The connection is cut, and the next one as soon as its HELLO has arrived: WELCOME is lost. */
  | { readonly do: "lose welcome"; readonly tellClient: number }
  /** One direction goes silent, or both. */
  | { readonly do: "silence"; readonly way: Direction | "both" }
  /** Everything is held back for a while. */
  | { readonly do: "stall"; readonly way: Direction; readonly ms: number }
  /** The lid is closed. */
  | { readonly do: "sleep"; readonly ms: number; readonly counted: boolean }
  /** The program is killed, and started again a while later. */
  | { readonly do: "crash"; readonly ms: number }
  /** The server takes no connections. */
  | { readonly do: "refuse"; readonly ms: number }
  /** Connections get no answer. */
  | { readonly do: "lose"; readonly ms: number }
  /** The server stands still. */
  | { readonly do: "freeze"; readonly ms: number };

/** One thing that happens. */
export type Step = (Deed | Act | BrokerFault | Fault) & {
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

/** The channels there are. */
export const CHANNELS = ["room/1", "hall/1", "hall/2"] as const;

/** Makes the scenario of a seed. */
export function scenarioOf(seed: number): Scenario {
  const random = new Random(seed).fork("scenario");
  const clients = 2 + random.below(3);
  const length = random.pick([20_000, 60_000, 120_000]);
  const conditions = Array.from({ length: clients }, () => conditionsOf(random, length));
  const steps: Step[] = [];
  for (let client = 0; client < clients; client++) {
    for (const channel of CHANNELS) {
      if (random.chance(0.7)) {
        steps.push({ ...subscription(random, channel), at: moment(random, 500), client });
      }
    }
  }
  const faults = 6 + random.below(10);
  while (steps.length < STEPS - faults) steps.push(...burst(random, { clients, length }));
  for (let i = 0; i < faults; i++) {
    const fault = i < CUTS ? cut(random) : i === CUTS ? brokerFault(random) : anyFault(random);
    steps.push({ ...fault, at: moment(random, length * 0.9), client: random.below(clients) });
  }
  steps.sort((a, b) => a.at - b.at);
  return {
    seed,
    clients,
    conditions,
    delays: { answer: random.pick([0, 0, 3, 40]), push: random.pick([0, 0, 3, 40]) },
    retention: random.pick([3, 20, 1_000]),
    limits: limitsOf(random),
    clientLimits: conditions.map(() => random.chance(0.15) ? SMALL_MESSAGES : {}),
    length,
    steps,
    reserve: new Reserve(random, clients),
  };
}

/** What is in reserve, made when it is asked for: hardly a seed needs it, and it is a third of what making a scenario took. */
class Reserve implements Iterable<readonly Step[]> {
  readonly #random: Random;
  readonly #clients: number;
  readonly #made: (readonly Step[])[] = [];

  /** From what chance is left once everything else is decided. */
  constructor(random: Random, clients: number) {
    this.#random = random;
    this.#clients = clients;
  }

  /** The same each time. */
  *[Symbol.iterator](): Iterator<readonly Step[]> {
    for (let at = 0; at < RESERVE; at++) yield this.#made[at] ??= more(this.#random, this.#clients);
  }
}

/** Too little for the largest publications: the client is told of gaps. */
const SMALL_MESSAGES: Partial<Limits> = { message: 1_500 };

/** Bounds that are met soon. */
function limitsOf(random: Random): Partial<Limits> {
  const limits: Partial<Limits> = random.chance(0.4)
    ? random.pick([
      { replay: 2_000 },
      { window: 8_192 },
      { calls: 8, concurrency: 2 },
      { queue: 65_536 },
      { sessions: 1 },
      { heartbeat: 3_000, grace: 2_000 },
    ])
    : {};
  // Many an outage is longer than a session is kept.
  return random.chance(0.4) ? { ...limits, session: random.pick([500, 3_000, 10_000]) } : limits;
}

/** A little of everything, for a seed in which too little has happened. */
function more(random: Random, clients: number): Step[] {
  const client = random.below(clients);
  return [
    ...burst(random, { clients, length: 500 }),
    { do: "server publish", channel: random.pick(CHANNELS), size: 10, at: 600, client },
    { do: "cut", tellClient: 5, tellServer: 5, at: 700, client },
    { do: "lose pushes", ms: 300, at: 700, client },
  ];
}

/** Times are whole, so that a trace is short. */
function moment(random: Random, length: number): number {
  return Math.round(random.next() * length);
}

function conditionsOf(random: Random, length: number): Conditions {
  const delay = random.pick([0.1, 1, 10, 50, 150]);
  return {
    delay,
    jitter: delay * random.pick([0.1, 1, 4]),
    rate: random.pick([20, 200, 10_000]),
    idle: random.chance(0.15) ? length / 20 : Infinity,
  };
}

/** What people do comes in bursts. */
function burst(random: Random, { clients, length }: { clients: number; length: number }): Step[] {
  const client = random.below(clients);
  const at = moment(random, length);
  const spread = random.pick([0, 0, 20, 500]);
  const channel = random.pick(CHANNELS);
  return Array.from({ length: 1 + random.below(12) }, () => ({
    ...deed(random, channel),
    at: at + moment(random, spread),
    client,
  }));
}

function deed(random: Random, channel: string): Deed | Act {
  const size = random.pick([0, 10, 100, 2_000]);
  const what = random.weighted({
    call: 25,
    publish: 50,
    subscribe: 4,
    leave: 3,
    listen: 2,
    signal: 4,
    history: 5,
    "server publish": 10,
    revoke: 0.7,
  });
  switch (what) {
    case "call":
      return call(random);
    case "publish":
    case "server publish":
      return { do: what, channel, size };
    case "subscribe":
      return subscription(random, channel);
    case "leave":
    case "listen":
    case "signal":
      return { do: what, channel };
    case "history":
      return {
        do: "history",
        channel,
        upwards: random.chance(0.5),
        limit: 1 + random.below(30),
        ...(random.chance(0.5) ? { from: 1 + random.below(30) } : {}),
      };
    case "revoke":
      return { do: "revoke", channel, ms: random.pick([500, 3_000, 20_000]) };
  }
}

function subscription(random: Random, channel: string): Deed {
  return {
    do: "subscribe",
    channel,
    slow: random.pick([0, 0, 0, 5, 100, 2_000]),
    iterates: random.chance(0.3),
    ...(random.chance(0.2) ? { rewind: random.below(20) } : {}),
  };
}

function call(random: Random): Deed {
  const shape: CallShape = random.weighted({
    quick: 9,
    slow: 8,
    again: 3,
    down: 2,
    up: 2,
    talk: 1,
    pour: 1,
    swallow: 1,
    ask: 2,
  });
  const isStream = !["quick", "slow", "again", "ask"].includes(shape);
  // What is cut short may run again under its key: those are not.
  const key = ["quick", "slow"].includes(shape) && random.chance(0.4)
    ? random.pick(["alone", "alone", "twice"] as const)
    : undefined;
  return {
    do: "call",
    shape,
    ms: random.pick(shape === "again" ? [300, 3_000] : [0, 1, 20, 300, 3_000]),
    count: isStream ? random.below(20) : 0,
    size: isStream ? random.pick([1, 10, 300, 5_000]) : 0,
    gap: random.pick([0, 0, 5, 100]),
    fails: random.chance(0.1),
    ...(key === undefined ? {} : { key }),
    ...(key === undefined && random.chance(0.15) ? { timeout: random.pick([1, 50, 1_000, 20_000]) } : {}),
    ...(key === undefined && random.chance(0.1) ? { cancelAfter: random.pick([0, 5, 100, 2_000]) } : {}),
  };
}

function cut(random: Random): Fault {
  const after = (): number => random.pick([0, 0, 5, 200, Infinity]);
  const way = random.pick(["up", "down"] as const);
  switch (random.weighted({ cut: 3, break: 3, silence: 2, "lose welcome": 1 })) {
    case "cut":
      return { do: "cut", tellClient: after(), tellServer: after() };
    case "break":
      return { do: "break", way, bytes: random.pick([0, 10, 100, 1_000, 20_000]) };
    case "silence":
      return { do: "silence", way: random.chance(0.4) ? "both" : way };
    case "lose welcome":
      return { do: "lose welcome", tellClient: after() };
  }
}

function brokerFault(random: Random): BrokerFault {
  const channel = random.pick(CHANNELS);
  const ms = random.pick([0, 10, 300, 2_000]);
  const what = random.weighted({
    trim: 2,
    "fail over": 3,
    "lose stream": 1,
    "restart broker": 0.5,
    "lose pushes": 2,
    "broker refuses": 1,
  });
  switch (what) {
    case "trim":
      return { do: what, channel, kept: random.below(5) };
    case "fail over":
      return { do: what, channel, missing: random.below(12), ms };
    case "lose stream":
      return { do: what, channel, ms };
    case "restart broker":
    case "lose pushes":
    case "broker refuses":
      return { do: what, ms };
  }
}

function anyFault(random: Random): Fault | BrokerFault {
  const ms = random.pick([50, 500, 3_000, 15_000]);
  switch (
    random.weighted({ cut: 6, broker: 4, stall: 3, sleep: 2, crash: 1, refuse: 1, lose: 1, freeze: 1 })
  ) {
    case "cut":
      return cut(random);
    case "broker":
      return brokerFault(random);
    case "stall":
      return { do: "stall", way: random.pick(["up", "down"] as const), ms };
    case "sleep":
      return { do: "sleep", ms: random.pick([500, 5_000, 40_000]), counted: random.chance(0.5) };
    case "crash":
      return { do: "crash", ms };
    case "refuse":
      return { do: "refuse", ms };
    case "lose":
      return { do: "lose", ms };
    case "freeze":
      return { do: "freeze", ms };
  }
}
