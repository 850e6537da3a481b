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
    const lines = new Lines(log);
    const { events, cuts, brokerFaults } = tallyOf(log);
    this.#count("events", events, 1);
    this.#count("turns", turns, 1);
    this.#count("cuts", cuts, 1);
    this.#count("broker faults", brokerFaults, 1);
    const lost = this.#connections(lines);
    this.#channels(log, lines);
    this.#calls(lines, lost);
  }

  #count(name: string, hits: number, of: number): void {
    const counted = this.counts[name] ??= { hits: 0, of: 0 };
    counted.hits += hits;
    counted.of += of;
  }

  /** Gives the number of sessions that were lost. */
  #connections(lines: Lines): number {
    const before = new Set<string>();
    const again: boolean[] = [];
    for (const { client, resumed } of lines.of("welcomed")) {
      if (before.has(client)) again.push(resumed);
      before.add(client);
    }
    const takeOvers = lines.of("closed").filter(({ code }) => code === TAKEN_OVER).length;
    const resumed = again.filter(Boolean).length;
    this.#count("sessions resumed, of connections after the first", resumed, again.length);
    this.#count("sessions lost, of connections after the first", again.length - resumed, again.length);
    this.#count("take-overs, of sessions resumed", takeOvers, resumed);
    return again.length - resumed;
  }

  #channels(log: readonly LogEvent[], lines: Lines): void {
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
    const [messages, gaps] = [lines.number("message"), lines.number("gap")];
    this.#count("gaps, of what subscriptions were told", gaps, messages + gaps);
    this.#count("publications acknowledged", lines.number("published"), lines.number("publish"));
    this.#count("wildcards live, of wildcards", lines.number("wildcard live"), lines.number("wildcard"));
    this.#count(
      "changes of messages done, of those asked for",
      lines.number("document done"),
      lines.number("document"),
    );
    this.#count("signals heard, of signals", lines.number("signalled"), lines.number("signal"));
  }

  #calls(lines: Lines, lost: number): void {
    const calls = lines.of("call");
    const ends = lines.of("end");
    const claims = lines.of("claim");
    const runs = new Map<string, number>();
    for (const { work } of lines.of("run")) runs.set(work, (runs.get(work) ?? 0) + 1);
    const repeated = calls.filter(({ repeatable, work }) => repeatable && (runs.get(work) ?? 0) > 1);
    this.#count("calls answered", ends.filter(({ answered }) => answered).length, calls.length);
    this.#count("calls ambiguous", ends.filter(({ ambiguous }) => ambiguous === true).length, calls.length);
    const hits = claims.filter(({ state }) => state === "done" || state === "running").length;
    this.#count("ledger hits, of calls with a key", hits, claims.length);
    this.#count("idempotent calls run again, of sessions lost", repeated.length, lost);
    this.#count("streams whole", lines.number("streamed"), lines.number("sent"));
  }
}

/** The lines of a log by kind: read once, and not once for each number. */
class Lines {
  readonly #byKind = new Map<LogEvent["is"], LogEvent[]>();

  constructor(log: readonly LogEvent[]) {
    for (const event of log) {
      const lines = this.#byKind.get(event.is);
      if (lines === undefined) this.#byKind.set(event.is, [event]);
      else lines.push(event);
    }
  }

  of<Kind extends LogEvent["is"]>(kind: Kind): readonly Extract<LogEvent, { is: Kind }>[] {
    return (this.#byKind.get(kind) ?? []) as unknown as readonly Extract<LogEvent, { is: Kind }>[];
  }

  number(kind: LogEvent["is"]): number {
    return this.#byKind.get(kind)?.length ?? 0;
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((sum, one) => sum + one, 0);
}
