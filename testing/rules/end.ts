/**
 * Liveness, authorisation, and that nothing escapes.
 *
 * @module
 */
import { show } from "./publications.ts";
import type { Line, RuleCheck, Surroundings } from "./rule.ts";
import { lastWanted } from "./filters.ts";
import { ShutOut, type ShutOutLine } from "./shut_out.ts";
import type { Subscriptions } from "./subscriptions.ts";
import { positionKey } from "./truth.ts";

type LivenessLine = "crash" | "calm" | "finish";

/** After the last fault everything comes to its end, and every subscription to the top. */
export class Liveness implements RuleCheck<LivenessLine> {
  /** As of a `RuleCheck`. */
  readonly reads: readonly LivenessLine[] = ["crash", "calm", "finish"];
  readonly #surroundings: Surroundings;
  readonly #subscriptions: Subscriptions;
  readonly #gone = new Set<string>();
  #isCalm = false;
  #finishedAt = -1;

  constructor(surroundings: Surroundings, subscriptions: Subscriptions) {
    this.#surroundings = surroundings;
    this.#subscriptions = subscriptions;
  }

  /** As of a `RuleCheck`. */
  see(event: Line<LivenessLine>, line: number): void {
    if (event.is === "crash") this.#gone.add(event.client);
    if (event.is === "calm") this.#isCalm = true;
    if (event.is === "finish") this.#finishedAt = line;
  }

  /** As of a `RuleCheck`. */
  end(): void {
    if (!this.#isCalm || this.#finishedAt < 0) return;
    const { truth } = this.#surroundings;
    for (const { sub, client, channel: name, filter, cursor, ended } of this.#subscriptions.all.values()) {
      if (ended || this.#gone.has(client)) continue;
      const channel = truth.channel(name);
      const { top } = channel;
      if (cursor === undefined) this.#found(`${sub} on ${name} never began`);
      else if (channel.isTold && top !== undefined && positionKey(top) !== positionKey(cursor)) {
        if (filter !== undefined && lastWanted(truth, channel, filter) <= cursor.offset) continue;
        this.#found(`${sub} on ${name} is at ${show(cursor)}, and the top at ${show(top)}`);
      }
    }
    for (const { value, channel, producer, outcome } of truth.publications.values()) {
      const [client] = producer.split("~") as [string];
      if (outcome === "none" && !this.#gone.has(client)) {
        this.#found(`${producer} never heard what became of ${value} on ${channel}`);
      }
    }
  }

  #found(what: string): void {
    this.#surroundings.found("liveness", what, this.#finishedAt);
  }
}

type AuthorisationLine = ShutOutLine | "deliver" | "subscribe" | "unsubscribed";

/** Who was shut out gets nothing after a while, and nobody else is sent away. */
export class Authorisation implements RuleCheck<AuthorisationLine> {
  /** As of a `RuleCheck`. */
  readonly reads: readonly AuthorisationLine[] = [...ShutOut.reads, "deliver", "subscribe", "unsubscribed"];
  readonly #surroundings: Surroundings;
  readonly #shutOut = new ShutOut();
  readonly #subscribed = new Map<string, Line<"subscribe">>();

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  /** As of a `RuleCheck`. */
  see(event: Line<AuthorisationLine>, line: number): void {
    switch (event.is) {
      case "unsubscribed":
        return this.#checkEnd(event, line);
      case "subscribe":
        return void this.#subscribed.set(event.sub, event);
      case "deliver":
        return this.#checkSent(event, line);
      default:
        return this.#shutOut.see(event);
    }
  }

  #checkSent({ client, channel, at }: Line<"deliver">, line: number): void {
    const since = this.#shutOut.since(client, channel, at);
    if (since <= this.#surroundings.silence) return;
    this.#found(`${client} on ${channel}: sent ${since.toFixed(0)} ms after it was shut out`, line);
  }

  /** A rule that failed says nothing about who may be there. */
  #checkEnd({ sub, code }: Line<"unsubscribed">, line: number): void {
    const subscribed = this.#subscribed.get(sub);
    if (code !== "NOT_FOUND" || subscribed === undefined) return;
    const { client, channel } = subscribed;
    if (this.#shutOut.was(client, channel)) return;
    this.#found(`${sub}: ${client} on ${channel} was sent away, and never shut out`, line);
  }

  #found(what: string, line: number): void {
    this.#surroundings.found("authorisation", what, line);
  }
}

type NothingEscapesLine = "escaped";

/** An exception that leaves a handler ends the process of a real server. */
export class NothingEscapes implements RuleCheck<NothingEscapesLine> {
  /** As of a `RuleCheck`. */
  readonly reads: readonly NothingEscapesLine[] = ["escaped"];
  readonly #surroundings: Surroundings;

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  /** As of a `RuleCheck`. */
  see(event: Line<NothingEscapesLine>, line: number): void {
    this.#surroundings.found("nothing escapes", event.error, line);
  }
}
