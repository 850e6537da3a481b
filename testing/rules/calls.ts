/**
 * Calls: each ends once; an answer comes from the one run; what failed without `ambiguous` did not run; nothing runs twice.
 *
 * @module
 */
import type { LogEvent } from "../log.ts";
import { getOr } from "./get_or.ts";
import type { Line, RuleCheck, Surroundings } from "./rule.ts";

type Called = Extract<LogEvent, { is: "call" }>;
type Ended = Extract<LogEvent, { is: "end" }>;

/** What is known of a call. */
interface CallRecord {
  readonly event: Called;
  readonly line: number;
  end: Ended | undefined;
}

/** The runs of what a call asks for. */
interface Work {
  /** By execution. */
  readonly runs: { readonly execution: number; readonly line: number }[];
  /** How many calls ask for it. */
  calls: number;
  key: boolean;
  /** Where the ledger was asked first: what it forgets from then on may run again. */
  claimed: number;
  repeatable: boolean;
  /** Whether somebody may have given it up, or did: then it may be broken off. */
  mayGiveUp: boolean;
  /** Where its handler was broken off. */
  brokenOff: number | undefined;
}

/** How calls end that were given up. */
const GIVEN_UP = new Set<string | undefined>(["DEADLINE", "CANCELLED"]);

type CallRulesLine = "call" | "run" | "broken off" | "end" | "claim" | "ledger lost" | "crash" | "finish";

/** The rules of calls. */
export class CallRules implements RuleCheck<CallRulesLine> {
  /** As of a `RuleCheck`. */
  readonly reads: readonly CallRulesLine[] = [
    "call",
    "run",
    "broken off",
    "end",
    "claim",
    "ledger lost",
    "crash",
    "finish",
  ];
  readonly #surroundings: Surroundings;
  readonly #calls = new Map<string, CallRecord>();
  readonly #works = new Map<string, Work>();
  readonly #gone = new Set<string>();
  /** Lines at which kept replies were lost. */
  readonly #losses: number[] = [];
  #finished = -1;

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  /** As of a `RuleCheck`. */
  see(event: Line<CallRulesLine>, line: number): void {
    switch (event.is) {
      case "call": {
        this.#calls.set(event.call, { event, line, end: undefined });
        const work = this.#work(event.work);
        work.calls++;
        work.key ||= event.key !== undefined;
        work.repeatable ||= event.repeatable === true;
        work.mayGiveUp ||= event.mayGiveUp === true;
        return;
      }
      case "run":
        return this.#run(event.work, event.execution, line);
      case "broken off":
        this.#work(event.work).brokenOff = line;
        return;
      case "end":
        return this.#end(event, line);
      case "claim": {
        const work = this.#work(event.key.slice(event.key.lastIndexOf(" ") + 1));
        work.claimed = Math.min(work.claimed, line);
        return;
      }
      case "ledger lost":
        return void this.#losses.push(line);
      case "crash":
        return void this.#gone.add(event.client);
      case "finish":
        this.#finished = line;
    }
  }

  /** As of a `RuleCheck`. */
  end(): void {
    for (const record of this.#calls.values()) {
      const { event, end } = record;
      if (end !== undefined) this.#checkRuns(record, end);
      else if (this.#finished >= 0 && !this.#gone.has(event.client)) {
        this.#surroundings.found("ends once", `${event.call} (${event.method}) never ended`, record.line);
      }
    }
    for (const [name, { key, mayGiveUp, brokenOff }] of this.#works) {
      if (!key || mayGiveUp || brokenOff === undefined) continue;
      this.#surroundings.found("key runs on", `${name} was broken off, and nobody gave it up`, brokenOff);
    }
  }

  #work(name: string): Work {
    return getOr(this.#works, name, () => ({
      runs: [],
      calls: 0,
      key: false,
      claimed: Infinity,
      repeatable: false,
      mayGiveUp: false,
      brokenOff: undefined,
    }));
  }

  #run(name: string, execution: number, line: number): void {
    const work = this.#work(name);
    const first = work.runs[0];
    work.runs.push({ execution, line });
    if (first === undefined || work.repeatable) return;
    const since = Math.min(work.claimed, first.line);
    if (work.key && this.#losses.some((lost) => lost > since)) return;
    this.#surroundings.found("runs once", `${name} ran ${work.runs.length} times`, line);
  }

  #end(event: Ended, line: number): void {
    const record = this.#calls.get(event.call);
    if (record === undefined) {
      this.#surroundings.found("ends once", `${event.call} ended and never began`, line);
    } else if (record.end !== undefined) {
      this.#surroundings.found("ends once", `${event.call} ended twice`, line);
    } else record.end = event;
    if (record !== undefined && GIVEN_UP.has(event.code)) this.#work(record.event.work).mayGiveUp = true;
  }

  #checkRuns({ event, line }: CallRecord, end: Ended): void {
    const { runs, calls } = this.#work(event.work);
    const what = `${event.call} (${event.method})`;
    if (end.answered) {
      const isOfARun = end.execution === undefined ||
        runs.some(({ execution }) => execution === end.execution);
      if (runs.length === 0) {
        this.#surroundings.found("value ran once", `${what} was answered and did not run`, line);
      } else if (!isOfARun) {
        this.#surroundings.found(
          "value ran once",
          `${what} was answered by run ${end.execution}, not its own`,
          line,
        );
      }
    } else if (end.ambiguous === false && calls === 1 && runs.length > 0) {
      this.#surroundings.found(
        "honest failure",
        `${what} failed with ${end.code}, not ambiguous, and ran`,
        line,
      );
    }
  }
}

type StreamItemsLine = "item" | "sent" | "streamed";

/** Items of streams arrive in order, each once, none missing. */
export class StreamItems implements RuleCheck<StreamItemsLine> {
  /** As of a `RuleCheck`. */
  readonly reads: readonly StreamItemsLine[] = ["item", "sent", "streamed"];
  readonly #surroundings: Surroundings;
  readonly #arrived = new Map<string, number>();
  readonly #sent = new Map<string, number>();

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  /** As of a `RuleCheck`. */
  see(event: Line<StreamItemsLine>, line: number): void {
    const key = `${event.call} ${event.way}`;
    const arrived = this.#arrived.get(key) ?? 0;
    if (event.is === "item") {
      if (event.n !== arrived) this.#found(`${key}: item ${event.n} after ${arrived} items`, line);
      this.#arrived.set(key, event.n + 1);
    } else if (event.is === "sent") this.#sent.set(key, event.count);
    else if (this.#sent.get(key) !== arrived) {
      this.#found(
        `${key}: ended after ${arrived} items of ${this.#sent.get(key) ?? "a stream that goes on"}`,
        line,
      );
    }
  }

  #found(what: string, line: number): void {
    this.#surroundings.found("stream items", what, line);
  }
}
