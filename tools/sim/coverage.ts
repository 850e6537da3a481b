/**
 * What runs have met: a simulation in which nothing happens proves nothing.
 */
import type { LogEvent } from "../../testing/log.ts";
import type { Outcome } from "./simulation.ts";
import { tallyOf } from "./tally.ts";

/** How often something happened, of how many times it could have. */
export interface Count {
  /** Times it happened. */
  hits: number;
  /** Times it could have. */
  of: number;
}

/** What is counted, by name. */
export type Counts = Record<string, Count>;

/** The server closed a connection because a newer one carries its session on. */
const TAKEN_OVER = 4409;

/** Counts over many runs. */
export class Coverage {
  /** What has been counted. */
  readonly counts: Counts = {};

  /** Takes in a run. */
  add({ log, turns }: Outcome): void {
    const { events, cuts, brokerFaults } = tallyOf(log);
    this.#count("events", events, 1);
    this.#count("turns", turns, 1);
    this.#count("cuts", cuts, 1);
    this.#count("broker faults", brokerFaults, 1);
    const lost = this.#connections(log);
    this.#channels(log);
    this.#calls(log, lost);
  }

  #count(name: string, hits: number, of: number): void {
    const counted = this.counts[name] ??= { hits: 0, of: 0 };
    counted.hits += hits;
    counted.of += of;
  }

  /** Gives the number of sessions that were lost. */
  #connections(log: readonly LogEvent[]): number {
    const before = new Set<string>();
    const again: boolean[] = [];
    let takeOvers = 0;
    for (const event of log) {
      if (event.is === "closed" && event.code === TAKEN_OVER) takeOvers++;
      if (event.is !== "welcomed") continue;
      if (before.has(event.client)) again.push(event.resumed);
      before.add(event.client);
    }
    const resumed = again.filter(Boolean).length;
    this.#count("sessions resumed, of connections after the first", resumed, again.length);
    this.#count("sessions lost, of connections after the first", again.length - resumed, again.length);
    this.#count("take-overs, of sessions resumed", takeOvers, resumed);
    return again.length - resumed;
  }

  #channels(log: readonly LogEvent[]): void {
    const places = new Map<string, boolean>();
    const [recovered, reset]: [number[], number[]] = [[], []];
    for (const event of log) {
      if (event.is === "join") places.set(`${event.client} ${event.channel}`, event.from !== undefined);
      if (event.is !== "joined" || !places.get(`${event.client} ${event.channel}`)) continue;
      recovered.push(event.status === "recovered" ? 1 : 0);
      reset.push(event.status === "reset" ? 1 : 0);
    }
    this.#count("recovered, of answers to a position", sum(recovered), recovered.length);
    this.#count("resets, of answers to a position", sum(reset), reset.length);
    const [messages, gaps] = [number(log, "message"), number(log, "gap")];
    this.#count("gaps, of what subscriptions were told", gaps, messages + gaps);
    this.#count("publications acknowledged", number(log, "published"), number(log, "publish"));
    this.#count("signals heard, of signals", number(log, "signalled"), number(log, "signal"));
  }

  #calls(log: readonly LogEvent[], lost: number): void {
    const calls = number(log, "call");
    const ends = log.flatMap((event) => event.is === "end" ? [event] : []);
    const claims = log.flatMap((event) => event.is === "claim" ? [event] : []);
    const runs = new Map<string, number>();
    for (const event of log) if (event.is === "run") runs.set(event.work, (runs.get(event.work) ?? 0) + 1);
    const repeatable = log.flatMap((event) => event.is === "call" && event.repeatable ? [event.work] : []);
    this.#count("calls answered", ends.filter(({ answered }) => answered).length, calls);
    this.#count("calls ambiguous", ends.filter(({ ambiguous }) => ambiguous === true).length, calls);
    const hits = claims.filter(({ state }) => state === "done" || state === "running").length;
    this.#count("ledger hits, of calls with a key", hits, claims.length);
    this.#count(
      "idempotent calls run again, of sessions lost",
      repeatable.filter((work) => (runs.get(work) ?? 0) > 1).length,
      lost,
    );
    this.#count("streams whole", number(log, "streamed"), number(log, "sent"));
  }
}

function number(log: readonly LogEvent[], is: LogEvent["is"]): number {
  return log.reduce((sum, event) => sum + (event.is === is ? 1 : 0), 0);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((sum, one) => sum + one, 0);
}
