/**
 * Agreement, no phantom, append once: what is at a position, and where a publication is.
 *
 * @module
 */
import type { Position } from "../../rpc/broker.ts";
import { getOr } from "./get_or.ts";
import type { Line, RuleCheck, Surroundings } from "./rule.ts";
import { positionKey } from "./truth.ts";

/** A publication at a position, as somebody told it. */
interface Fact {
  readonly channel: string;
  readonly position: Position;
  readonly value: string;
  readonly line: number;
}

/** Which channel each subscription is of. */
class SubscriptionNames {
  readonly #channels = new Map<string, string>();

  /** Somebody subscribes. */
  add({ sub, channel }: Line<"subscribe">): void {
    this.#channels.set(sub, channel);
  }

  /** The channel of a subscription. */
  channelOf(sub: string): string {
    return this.#channels.get(sub) ?? "";
  }
}

type SignalRulesLine = "welcomed" | "signal" | "signalled";

/** Signals may be lost; none is made up, none comes twice, and none to who sent it in the same session. */
export class SignalRules implements RuleCheck<SignalRulesLine> {
  /** As of a `RuleCheck`. */
  readonly reads: readonly SignalRulesLine[] = ["welcomed", "signal", "signalled"];
  readonly #surroundings: Surroundings;
  readonly #sent = new Map<string, { client: string; channel: string; session: number }>();
  /** Sessions that each client has had. */
  readonly #sessions = new Map<string, number>();
  readonly #heard = new Set<string>();

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  /** As of a `RuleCheck`. */
  see(event: Line<SignalRulesLine>, line: number): void {
    if (event.is === "welcomed" && !event.resumed) {
      this.#sessions.set(event.client, this.#sessionOf(event.client) + 1);
    }
    if (event.is === "signal") {
      const { client, channel } = event;
      this.#sent.set(event.value, { client, channel, session: this.#sessionOf(client) });
    }
    if (event.is !== "signalled") return;
    const { client, channel, value } = event;
    const sent = this.#sent.get(value);
    const found = (why: string): void =>
      this.#surroundings.found("phantom", `signal ${value} on ${channel} for ${client} ${why}`, line);
    if (sent?.channel !== channel) return found("was never sent there");
    if (sent.client === client && sent.session === this.#sessionOf(client)) found("is its own");
    const key = `${client} ${value}`;
    if (this.#heard.has(key)) found("came twice");
    this.#heard.add(key);
  }

  #sessionOf(client: string): number {
    return this.#sessions.get(client) ?? 0;
  }
}

type PublicationRulesLine = "subscribe" | "append" | "published" | "message" | "page" | "publish refused";

/** Agreement, no phantom, append once. */
export class PublicationRules implements RuleCheck<PublicationRulesLine> {
  /** As of a `RuleCheck`. */
  readonly reads: readonly PublicationRulesLine[] = [
    "subscribe",
    "append",
    "published",
    "message",
    "page",
    "publish refused",
  ];
  readonly #surroundings: Surroundings;
  readonly #names = new SubscriptionNames();
  /** What is at a position. */
  readonly #values = new Map<string, Fact>();
  /** The fingerprints at an offset, with the last append of each. */
  readonly #branches = new Map<string, Fact[]>();
  /** Where a value is. */
  readonly #places = new Map<string, Fact[]>();

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  /** As of a `RuleCheck`. */
  see(event: Line<PublicationRulesLine>, line: number): void {
    switch (event.is) {
      case "subscribe":
        return this.#names.add(event);
      case "append":
        return this.#fact({ channel: event.channel, position: event.position, value: event.value, line });
      case "published": {
        const value = this.#surroundings.truth.published(event)?.value;
        if (value !== undefined) {
          this.#fact({ channel: event.channel, position: event.position, value, line });
        }
        return;
      }
      case "message": {
        const { position, value, sub } = event;
        return this.#received({ channel: this.#names.channelOf(sub), position, value, line });
      }
      case "page":
        for (const entry of event.entries) this.#received({ ...entry, channel: event.channel, line });
        return;
      case "publish refused": {
        const value = this.#surroundings.truth.published(event)?.value;
        const place = value === undefined ? undefined : this.#places.get(value)?.[0];
        if (place !== undefined) this.#phantom(place, "was refused", line);
        return;
      }
    }
  }

  #received(fact: Fact): void {
    const { truth } = this.#surroundings;
    const publication = truth.publications.get(fact.value);
    if (publication === undefined) this.#phantom(fact, "was never published", fact.line);
    else if (publication.outcome === "publish refused") this.#phantom(fact, "was refused", fact.line);
    const channel = truth.channel(fact.channel);
    if (channel.isTold && !channel.ever.has(positionKey(fact.position))) {
      this.#phantom(fact, "was never appended there", fact.line);
    }
    this.#fact(fact);
  }

  #phantom({ value, channel, position }: Fact, why: string, line: number): void {
    this.#surroundings.found("phantom", `${value} at ${channel} ${show(position)} ${why}`, line);
  }

  #fact(fact: Fact): void {
    const key = `${fact.channel} ${positionKey(fact.position)}`;
    const known = this.#values.get(key);
    if (known === undefined) {
      this.#values.set(key, fact);
      this.#branch(fact);
      this.#place(fact);
    } else if (known.value !== fact.value) {
      const place = `${fact.channel} ${show(fact.position)}`;
      this.#surroundings.found("agreement", `${place} is ${known.value} and ${fact.value}`, fact.line);
    }
  }

  /** Whether what was there has been lost since. Without the broker's word on when it came: whether it was lost at all. */
  #wasLost({ channel, position, line }: Fact, until: number): boolean {
    const known = this.#surroundings.truth.channel(channel);
    return known.isGone(position, known.isTold ? line : -1, until);
  }

  /** Two entries at one offset: only after the first was lost. */
  #branch(fact: Fact): void {
    const { channel, position, line, value } = fact;
    const branches = getOr(this.#branches, `${channel} ${position.epoch}:${position.offset}`, () => []);
    for (const other of branches) {
      if (this.#wasLost(other, line)) continue;
      const place = `${channel} offset ${position.offset}`;
      this.#surroundings.found(
        "agreement",
        `${place} is ${other.value} and ${value}, and nothing was lost`,
        line,
      );
    }
    branches.push(fact);
  }

  /** One value at two positions: only after the first was lost. */
  #place(fact: Fact): void {
    const { channel, position, line, value } = fact;
    const places = getOr(this.#places, value, () => []);
    for (const other of places) {
      if (other.channel === channel && this.#wasLost(other, line)) continue;
      const where = `${other.channel} ${show(other.position)} and ${channel} ${show(position)}`;
      this.#surroundings.found("append once", `${value} is at ${where}`, line);
    }
    places.push(fact);
  }
}

/** A position for people. */
export function show({ epoch, offset, fingerprint }: Position): string {
  return `${epoch.slice(0, 4)}:${offset}:${fingerprint.toString(36)}`;
}
