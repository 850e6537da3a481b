/**
 * Flow control: SEEN says what the program is done with, in time; the server waits for it. And where a program sees its subscription.
 *
 * @module
 */
import { show } from "./publications.ts";
import { lastWanted } from "./filters.ts";
import { getOr } from "./get_or.ts";
import type { Line, RuleCheck, Surroundings } from "./rule.ts";
import type { Subscription, Subscriptions } from "./subscriptions.ts";

/** Publications that a server may have sent and not seen acknowledged. */
const MESSAGES = 1_000;
/** Bytes of them, without the last. */
const BYTES = 1024 * 1024;

/** Milliseconds that SEEN may be on its way, at most: a server that stands still, or a way that does, keeps it for longer than any delay. */
const LATE = 60_000;

/** One client on one channel. */
interface Member {
  /** What the server was told, on the present connection. */
  seen: number;
  /** The last publication that was given to the program since. */
  given: { readonly epoch: string; readonly offset: number } | undefined;
  /** When that was. */
  givenAt: number;
}

type FlowControlLine =
  | "joined"
  | "message"
  | "listens"
  | "matched"
  | "seen"
  | "ahead"
  | "crash"
  | "calm"
  | "finish";

/** SEEN tells what the program is done with, in time, and the server waits for it. */
export class FlowControl implements RuleCheck<FlowControlLine> {
  /** As of a `RuleCheck`. */
  readonly reads: readonly FlowControlLine[] = [
    "joined",
    "message",
    "listens",
    "matched",
    "seen",
    "ahead",
    "crash",
    "calm",
    "finish",
  ];
  readonly #surroundings: Surroundings;
  readonly #subscriptions: Subscriptions;
  readonly #members = new Map<string, Member>();
  readonly #gone = new Set<string>();
  /** Clients and channels of which signals are listened to, or that a wildcard matches; or once were. */
  readonly #listening = new Set<string>();
  #isCalm = false;

  constructor(surroundings: Surroundings, subscriptions: Subscriptions) {
    this.#surroundings = surroundings;
    this.#subscriptions = subscriptions;
  }

  /** As of a `RuleCheck`. */
  see(event: Line<FlowControlLine>, line: number): void {
    switch (event.is) {
      case "joined":
        return void this.#members.set(`${event.client} ${event.channel}`, {
          seen: event.position.offset,
          given: undefined,
          givenAt: event.at,
        });
      case "message": {
        const subscription = this.#subscriptions.all.get(event.sub);
        if (subscription === undefined) return;
        const member = this.#member(subscription);
        [member.given, member.givenAt] = [event.position, event.at];
        return;
      }
      case "listens":
      case "matched":
        return void this.#listening.add(`${event.client} ${event.channel}`);
      case "seen":
        return this.#seen(event, line);
      case "ahead": {
        const { client, channel, messages, bytes } = event;
        if (messages <= MESSAGES && bytes <= BYTES) return;
        return this.#found(
          event,
          `${messages} publications, ${bytes} bytes, sent to ${client} on ${channel} and not seen`,
          line,
        );
      }
      case "crash":
        return void this.#gone.add(event.client);
      case "calm":
        this.#isCalm = true;
        return;
      case "finish":
        return this.#finish(event, line);
    }
  }

  #member({ client, channel }: { readonly client: string; readonly channel: string }): Member {
    return getOr(this.#members, `${client} ${channel}`, () => ({ seen: 0, given: undefined, givenAt: 0 }));
  }

  #seen(event: Line<"seen">, line: number): void {
    const member = this.#member(event);
    member.seen = Math.max(member.seen, event.offset);
    const channel = this.#surroundings.truth.channel(event.channel);
    const members = this.#membersOf(event);
    // Who listens has a subscription that nobody sees, and that is done with all that comes; one of a wildcard is not in the log either.
    const furthest = this.#listening.has(`${event.client} ${event.channel}`)
      ? Infinity
      : Math.max(...this.#membersLately(event).map((one) => this.#isDoneWith(one, event.offset)));
    for (const one of members) {
      const { sub, cursor } = one;
      // Who is behind another may have been put aside (`client/laggards.ts`), and is not spoken for then; the other may have ended since.
      if (cursor !== undefined && cursor.offset < furthest) continue;
      // Whoever is in another past is not counted: a reset waits for it.
      if (cursor === undefined || (channel.isTold && !channel.has(cursor))) continue;
      if (event.offset <= cursor.offset || event.offset > channel.path.length) continue;
      if (event.offset <= this.#isDoneWith(one, event.offset)) continue;
      // What its filter has passed over may be of a past that was lost while this was on its way.
      const isLost = ({ is, top }: { readonly is: string; readonly top: number }) =>
        is === "rollback" && top < event.offset;
      if (one.filter !== undefined && channel.losses.some(isLost)) continue;
      this.#found(event, `${event.offset} seen, and ${sub} is at ${show(cursor)}`, line);
    }
  }

  /** How far a subscription may be, up to an offset: what its filter keeps from it is in no log. */
  #isDoneWith({ channel: name, cursor, filter }: Subscription, offset: number): number {
    if (cursor === undefined || filter === undefined) return cursor?.offset ?? 0;
    const { truth } = this.#surroundings;
    return lastWanted(truth, truth.channel(name), filter, offset) <= cursor.offset ? offset : cursor.offset;
  }

  /** When nothing has been given for a while, everything is acknowledged. */
  #finish({ at }: Line<"finish">, line: number): void {
    if (!this.#isCalm) return;
    for (const [key, { seen, given, givenAt }] of this.#members) {
      const [client, channel] = key.split(" ") as [string, string];
      if (given === undefined || givenAt > at - LATE || this.#gone.has(client)) continue;
      const subscriptions = this.#membersOf({ client, channel });
      const least = Math.min(...subscriptions.map(({ cursor }) => cursor?.offset ?? 0));
      if (subscriptions.length === 0 || least <= seen) continue;
      this.#found({ client, channel }, `it is done with ${least}, and the server was told of ${seen}`, line);
    }
  }

  #membersOf({ client, channel }: { readonly client: string; readonly channel: string }): Subscription[] {
    return [...this.#subscriptions.all.values()].filter((one) =>
      one.client === client && one.channel === channel && !one.ended
    );
  }

  /** Those too that were there when what arrives now may have been sent. */
  #membersLately({ client, channel, at }: Line<"seen">): Subscription[] {
    return [...this.#subscriptions.all.values()].filter((one) =>
      one.client === client && one.channel === channel &&
      !(one.endedAt !== undefined && one.endedAt < at - LATE)
    );
  }

  #found(
    { client, channel }: { readonly client: string; readonly channel: string },
    what: string,
    line: number,
  ): void {
    this.#surroundings.found("flow control", `${client} on ${channel}: ${what}`, line);
  }
}

type OwnPositionLine = "looked";

/** A subscription's position is not ahead of what its handler is done with. */
export class OwnPosition implements RuleCheck<OwnPositionLine> {
  /** As of a `RuleCheck`. */
  readonly reads: readonly OwnPositionLine[] = ["looked"];
  readonly #surroundings: Surroundings;
  readonly #subscriptions: Subscriptions;

  constructor(surroundings: Surroundings, subscriptions: Subscriptions) {
    this.#surroundings = surroundings;
    this.#subscriptions = subscriptions;
  }

  /** As of a `RuleCheck`. The cursor is what the handler has been given last, and is at. */
  see({ sub, position }: Line<OwnPositionLine>, line: number): void {
    const cursor = this.#subscriptions.all.get(sub)?.cursor;
    if (cursor === undefined || position === undefined || position.epoch !== cursor.epoch) return;
    if (position.offset < cursor.offset) return;
    const what = `${sub} is at ${show(position)} while its handler is at ${show(cursor)}`;
    this.#surroundings.found("own position", what, line);
  }
}
