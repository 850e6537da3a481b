/**
 * What each subscription got: contiguity, and no lost acknowledgement.
 *
 * @module
 */
import type { Position } from "../../rpc/broker.ts";
import type { LoggedPolicy } from "../log.ts";
import { show } from "./publications.ts";
import { getOr } from "./get_or.ts";
import type { Line, RuleCheck, Surroundings } from "./rule.ts";
import { positionKey } from "./truth.ts";

/** One subscription. */
export interface Subscription {
  readonly sub: string;
  readonly client: string;
  readonly channel: string;
  /** The tags that it wants; everything where it does not say. */
  readonly filter: readonly string[] | undefined;
  /** What may be left out; nothing where it does not say. */
  readonly policy: LoggedPolicy | undefined;
  /** The wildcard that it belongs to. */
  readonly wild: string | undefined;
  /** Where it is; `undefined` before anybody knows. */
  cursor: Position | undefined;
  /** Whether it has ended. */
  ended: boolean;
  /** When. */
  endedAt: number | undefined;
}

type SubscriptionsLine = "subscribe" | "subscribed" | "message" | "gap" | "reset" | "unsubscribed";

/** Where every subscription is. */
export class Subscriptions implements RuleCheck<SubscriptionsLine> {
  /** As of a `RuleCheck`. */
  readonly reads: readonly SubscriptionsLine[] = [
    "subscribe",
    "subscribed",
    "message",
    "gap",
    "reset",
    "unsubscribed",
  ];
  /** By name. */
  readonly all: Map<string, Subscription> = new Map<string, Subscription>();

  /** As of a `RuleCheck`. Called last: until then the cursor is where it was before this line. */
  see(event: Line<SubscriptionsLine>): void {
    switch (event.is) {
      case "subscribe": {
        const { sub, client, channel, wild, from: cursor, filter, policy } = event;
        const asked = { sub, client, channel, wild, filter, policy };
        this.all.set(sub, { ...asked, cursor, ended: false, endedAt: undefined });
        return;
      }
      case "subscribed": {
        const subscription = this.all.get(event.sub);
        if (subscription !== undefined) subscription.cursor ??= event.position;
        return;
      }
      case "message":
      case "gap":
      case "reset": {
        const subscription = this.all.get(event.sub);
        if (subscription !== undefined) subscription.cursor = event.position;
        return;
      }
      case "unsubscribed": {
        const subscription = this.all.get(event.sub);
        if (subscription === undefined) return;
        subscription.ended = true;
        subscription.endedAt = event.at;
        return;
      }
    }
  }
}

type ContiguityLine = "message" | "gap" | "reset";

/** Every offset once, in order, unless it is told otherwise. */
export class Contiguity implements RuleCheck<ContiguityLine> {
  /** As of a `RuleCheck`. */
  readonly reads: readonly ContiguityLine[] = ["message", "gap", "reset"];
  readonly #surroundings: Surroundings;
  readonly #subscriptions: Subscriptions;

  constructor(surroundings: Surroundings, subscriptions: Subscriptions) {
    this.#surroundings = surroundings;
    this.#subscriptions = subscriptions;
  }

  /** As of a `RuleCheck`. */
  see(event: Line<ContiguityLine>, line: number): void {
    const subscription = this.#subscriptions.all.get(event.sub);
    if (subscription === undefined) return;
    if (subscription.ended) return this.#found(subscription, `${event.is} after its end`, line);
    const { cursor, filter } = subscription;
    if (cursor === undefined || event.is === "reset" || filter !== undefined) return; // `filters.ts`
    const { position } = event;
    const first = event.is === "gap" ? event.from : position.offset;
    const what = `${event.is} ${show(position)}`;
    if (position.epoch !== cursor.epoch) {
      return this.#found(subscription, `${what} of another stream without a reset`, line);
    }
    if (first !== cursor.offset + 1) {
      const how = first > cursor.offset + 1
        ? "lost some"
        : first === cursor.offset
        ? "got it twice"
        : "went back";
      return this.#found(subscription, `${what} after ${show(cursor)}: it ${how}`, line);
    }
    if (event.is === "message") this.#checkPast(subscription, position, line);
  }

  /** The entry before must be the one that it has: the same offsets may belong to another past. */
  #checkPast(subscription: Subscription, position: Position, line: number): void {
    const entry = this.#surroundings.truth.channel(subscription.channel).ever.get(positionKey(position));
    const { fingerprint } = subscription.cursor!;
    if (entry === undefined || entry.previous === fingerprint) return;
    const what = `message ${show(position)} follows ${entry.previous.toString(36)}`;
    this.#found(
      subscription,
      `${what}, not ${show(subscription.cursor!)}: another past without a reset`,
      line,
    );
  }

  #found({ sub, channel }: Subscription, what: string, line: number): void {
    this.#surroundings.found("contiguity", `${sub} on ${channel}: ${what}`, line);
  }
}

/** What one subscription got between two resets. */
interface Run {
  readonly subscription: Subscription;
  readonly epoch: string;
  readonly start: number;
  /** The value at each offset; `undefined` where a gap was told. */
  readonly got: Map<number, string | undefined>;
  end: number;
}

/** An acknowledgement. */
interface Acknowledged {
  readonly channel: string;
  readonly position: Position;
  readonly value: string;
  readonly line: number;
}

type LostAcknowledgementsLine = "published" | "message" | "gap" | "reset";

/** What was acknowledged is received by all who come past it. */
export class LostAcknowledgements implements RuleCheck<LostAcknowledgementsLine> {
  /** As of a `RuleCheck`. */
  readonly reads: readonly LostAcknowledgementsLine[] = ["published", "message", "gap", "reset"];
  readonly #surroundings: Surroundings;
  readonly #subscriptions: Subscriptions;
  readonly #open = new Map<string, Run>();
  readonly #runs: Run[] = [];
  readonly #acknowledged = new Map<string, Acknowledged[]>();

  constructor(surroundings: Surroundings, subscriptions: Subscriptions) {
    this.#surroundings = surroundings;
    this.#subscriptions = subscriptions;
  }

  /** As of a `RuleCheck`. */
  see(event: Line<LostAcknowledgementsLine>, line: number): void {
    switch (event.is) {
      case "published": {
        const { channel, position } = event;
        const value = this.#surroundings.truth.published(event)?.value;
        if (value === undefined) return;
        getOr(this.#acknowledged, `${channel} ${position.epoch}`, () => []).push({
          channel,
          position,
          value,
          line,
        });
        return;
      }
      case "message": {
        const run = this.#run(event.sub, event.position, event.position.offset - 1);
        run?.got.set(event.position.offset, event.value);
        return;
      }
      case "gap": {
        const run = this.#run(event.sub, event.position, event.from - 1);
        for (let offset = event.from; offset <= event.to; offset++) run?.got.set(offset, undefined);
        return;
      }
      case "reset":
        return void this.#open.delete(event.sub);
    }
  }

  /** As of a `RuleCheck`. */
  end(): void {
    for (const run of this.#runs) {
      const { channel } = run.subscription;
      for (const acknowledged of this.#acknowledged.get(`${channel} ${run.epoch}`) ?? []) {
        this.#check(run, acknowledged);
      }
    }
    for (const acknowledged of [...this.#acknowledged.values()].flat()) this.#appended(acknowledged);
  }

  #run(sub: string, { epoch, offset }: Position, before: number): Run | undefined {
    const subscription = this.#subscriptions.all.get(sub);
    if (subscription === undefined) return undefined;
    let run = this.#open.get(sub);
    if (run === undefined) {
      run = {
        subscription,
        epoch,
        start: subscription.cursor?.offset ?? before,
        got: new Map(),
        end: offset,
      };
      this.#open.set(sub, run);
      this.#runs.push(run);
    }
    run.end = Math.max(run.end, offset);
    return run;
  }

  #check(run: Run, { channel, position, value, line }: Acknowledged): void {
    const { offset } = position;
    if (offset <= run.start || offset > run.end) return;
    const got = run.got.get(offset);
    if (got === value || (got === undefined && run.got.has(offset))) return;
    if (this.#surroundings.truth.channel(channel).isGone(position, -1, Infinity)) return;
    const { sub, filter } = run.subscription;
    if (!this.#surroundings.truth.passes(value, filter)) return;
    const what = `${value} was acknowledged at ${channel} ${show(position)}`;
    this.#surroundings.found(
      "lost acknowledgement",
      `${what}, and ${sub} got ${got ?? "nothing"} there`,
      line,
    );
  }

  /** The broker has it, or had it. */
  #appended({ channel: name, position, value, line }: Acknowledged): void {
    const channel = this.#surroundings.truth.channel(name);
    if (!channel.isTold || channel.ever.get(positionKey(position))?.value === value) return;
    this.#surroundings.found("lost acknowledgement", `${value} is not at ${name} ${show(position)}`, line);
  }
}
