/**
 * What goes wrong in a scenario: connections, machines, the server and the broker.
 */
import type { Direction } from "../../testing/link.ts";
import type { Random } from "../../testing/random.ts";
import { CHANNELS } from "./deeds.ts";

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
  /** The client is told that its machine was asleep, or that the network is another. */
  | { readonly do: "alarm"; readonly isOnline: boolean }
  /** The program is killed, and started again a while later. */
  | { readonly do: "crash"; readonly ms: number }
  /** The server takes no connections. */
  | { readonly do: "refuse"; readonly ms: number }
  /** Connections get no answer. */
  | { readonly do: "lose"; readonly ms: number }
  /** The server stands still. */
  | { readonly do: "freeze"; readonly ms: number };

/** A connection is lost. */
export function cut(random: Random): Fault {
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

/** The broker fails. */
export function brokerFault(random: Random): BrokerFault {
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

/** Anything. */
export function anyFault(random: Random): Fault | BrokerFault {
  const ms = random.pick([50, 500, 3_000, 15_000]);
  switch (
    random.weighted({
      cut: 6,
      broker: 4,
      stall: 3,
      sleep: 2,
      alarm: 2,
      crash: 1,
      refuse: 1,
      lose: 1,
      freeze: 1,
    })
  ) {
    case "cut":
      return cut(random);
    case "broker":
      return brokerFault(random);
    case "stall":
      return { do: "stall", way: random.pick(["up", "down"] as const), ms };
    case "sleep":
      return { do: "sleep", ms: random.pick([500, 5_000, 40_000]), counted: random.chance(0.5) };
    case "alarm":
      return { do: "alarm", isOnline: random.chance(0.5) };
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
