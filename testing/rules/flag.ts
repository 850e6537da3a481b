/**
 * Honest flag: `recovered` means that nothing is missing. If something is, the program is told of the reset before anything newer, and it is told only then.
 *
 * @module
 */
import type { Position } from "../../rpc/broker.ts";
import type { LogEvent } from "../log.ts";
import { show } from "./publications.ts";
import { getOr } from "./get_or.ts";
import type { Line, RuleCheck, Surroundings } from "./rule.ts";
import type { Subscription, Subscriptions } from "./subscriptions.ts";
import { positionKey } from "./truth.ts";

/** One client on one channel, as the wire shows it. */
interface Membership {
  /** What it has asked. */
  readonly asked: Map<string, Question>;
  /** The resets that it was told of. */
  readonly resets: Pending[];
  /** Whether another subscription has begun beside those that are there, which may not be in the log yet: of a channel that a wildcard matches. */
  isShared: boolean;
}

/** A client asks for a channel. */
interface Question {
  /** Where it was. */
  readonly from: Position | undefined;
  /** Whether that was part of the stream. */
  readonly wasThere: boolean;
  /** When it asked. */
  readonly at: number;
  /** What comes after the answer the server says by itself. */
  isAnswered: boolean;
}

/** A reset that was told to the client and not yet to the program. */
interface Pending {
  readonly position: Position;
  readonly line: number;
}

type HonestFlagLine = "join" | "joined" | "message" | "reset" | "unsubscribed" | "crash";

/** Honest flag. */
export class HonestFlag implements RuleCheck<HonestFlagLine> {
  /** As of a `RuleCheck`. */
  readonly reads: readonly HonestFlagLine[] = ["join", "joined", "message", "reset", "unsubscribed", "crash"];
  readonly #surroundings: Surroundings;
  readonly #subscriptions: Subscriptions;
  readonly #members = new Map<string, Membership>();
  readonly #pending = new Map<string, Pending>();
  /** The last reset that each subscription has heard of, by the line at which the client was told. */
  readonly #heard = new Map<string, number>();
  readonly #gone = new Set<string>();

  constructor(surroundings: Surroundings, subscriptions: Subscriptions) {
    this.#surroundings = surroundings;
    this.#subscriptions = subscriptions;
  }

  /** As of a `RuleCheck`. */
  see(event: Line<HonestFlagLine>, line: number): void {
    switch (event.is) {
      case "join":
        return void this.#member(event).asked.set(event.ask ?? "", {
          from: event.from,
          wasThere: this.#mayHave(event, event.from),
          at: event.at,
          isAnswered: false,
        });
      case "joined":
        return this.#joined(event, line);
      case "message":
        return this.#message(event, line);
      case "reset":
        return this.#reset(event, line);
      case "unsubscribed":
        return void this.#pending.delete(event.sub);
      case "crash":
        return void this.#gone.add(event.client);
    }
  }

  /** As of a `RuleCheck`. */
  end(): void {
    for (const [sub, { position, line }] of this.#pending) {
      const subscription = this.#subscriptions.all.get(sub)!;
      if (this.#gone.has(subscription.client) || subscription.ended) continue;
      this.#found(subscription, `the reset to ${show(position)} was never told`, line);
    }
  }

  #member({ client, channel }: { readonly client: string; readonly channel: string }): Membership {
    return getOr(
      this.#members,
      `${client} ${channel}`,
      () => ({ asked: new Map(), resets: [], isShared: false }),
    );
  }

  /** Whether a position may be part of the stream. Nobody knows the name of a stream before its first entry. */
  #mayHave(
    { channel: name, at }: { readonly channel: string; readonly at: number },
    position: Position | undefined,
  ): boolean {
    const channel = this.#surroundings.truth.channel(name);
    if (position === undefined || !channel.isTold) return true;
    // What the node has not been told of it cannot know: it tells the client later.
    if (channel.losses.some(({ told }) => told >= at)) return true;
    return channel.epoch === undefined ? position.offset === 0 : channel.has(position);
  }

  #joined(event: Extract<LogEvent, { is: "joined" }>, line: number): void {
    const { client, channel, status, position } = event;
    const member = this.#member(event);
    const question = member.asked.get(event.ask ?? "");
    const asked = question?.isAnswered ? undefined : question;
    const where = `${client} on ${channel}`;
    const found = (what: string): void => this.#surroundings.found("honest flag", `${where}: ${what}`, line);
    if (status === "fresh" && asked?.from !== undefined) {
      found(`fresh, although it was at ${show(asked.from)}`);
    }
    if (status === "fresh" && [...member.asked.values()].some(({ isAnswered }) => isAnswered)) {
      member.isShared = true;
    }
    if (status === "recovered") {
      if (asked?.from === undefined) found("recovered, although it was nowhere");
      else if (positionKey(asked.from) !== positionKey(position)) {
        found(`recovered at ${show(position)}, although it was at ${show(asked.from)}`);
      } else if (!asked.wasThere) found(`recovered at ${show(position)}, which is no part of the stream`);
    }
    if (status === "reset") {
      if (this.#isNeedless(event, question)) found(`reset to ${show(position)}, although nothing was lost`);
      member.resets.push({ position, line });
      const truth = this.#surroundings.truth.channel(channel);
      for (const { sub, cursor } of this.#membersOf(client, channel)) {
        // Who has got nothing yet has nothing to be told, and who is at a place that is left may go on from there.
        const goesOn = cursor === undefined || positionKey(cursor) === positionKey(position) ||
          (truth.isTold && truth.has(cursor));
        if (goesOn) this.#pending.delete(sub);
        else if (!this.#isOnItsWay(sub) && !this.#concernsOthers(asked?.from, { sub, cursor })) {
          this.#pending.set(sub, { position, line });
        }
      }
    }
    if (question !== undefined) question.isAnswered = true;
  }

  /**
   * Whether a reset that waits to be told leads to a place that this one leaves as it is: what has come behind that may reach as far as this one, and
   * `contiguity` finds what is missing otherwise.
   */
  #isOnItsWay(sub: string): boolean {
    const pending = this.#pending.get(sub);
    if (pending === undefined) return false;
    const truth = this.#surroundings.truth.channel(this.#subscriptions.all.get(sub)!.channel);
    return truth.isTold && truth.has(pending.position);
  }

  /** Whether who asked from there was another subscription, while this one is on its way to a place that it may go on from. */
  #concernsOthers(
    from: Position | undefined,
    { sub, cursor }: Pick<Subscription, "sub" | "cursor">,
  ): boolean {
    const pending = this.#pending.get(sub);
    if (pending === undefined || from === undefined || cursor === undefined) return false;
    const truth = this.#surroundings.truth.channel(this.#subscriptions.all.get(sub)!.channel);
    const places = [positionKey(cursor), positionKey(pending.position)];
    return truth.isTold && truth.has(pending.position) && !places.includes(positionKey(from));
  }

  /** A reset that the broker's truth does not explain. */
  #isNeedless(
    { client, channel: name, at }: Extract<LogEvent, { is: "joined" }>,
    asked: Question | undefined,
  ): boolean {
    const channel = this.#surroundings.truth.channel(name);
    if (!channel.isTold) return false;
    // The server may have decided before a loss that came between the question and its answer, by a path that is gone: a longer one may have left the position
    // behind what is kept.
    if (channel.losses.some(({ told }) => told >= (asked?.at ?? -Infinity))) return false;
    if (asked !== undefined && !asked.isAnswered) {
      return asked.from !== undefined && channel.epoch !== undefined && channel.has(asked.from) &&
        channel.keepsAfter(asked.from, at);
    }
    const members = this.#membersOf(client, name);
    // Who is still in a past that was lost says nothing of where its client is.
    return members.length > 0 &&
      members.every(({ cursor }) =>
        cursor !== undefined && channel.has(cursor) && channel.keepsAfter(cursor, at)
      );
  }

  /** Something newer than a reset that the program has not been told of. */
  #message({ sub, position }: Extract<LogEvent, { is: "message" }>, line: number): void {
    const pending = this.#pending.get(sub);
    if (pending === undefined || position.epoch !== pending.position.epoch) return;
    if (position.offset <= pending.position.offset) return;
    const subscription = this.#subscriptions.all.get(sub)!;
    // What waited to be handled before the reset came belongs to what was lost: its offset may be as high.
    const channel = this.#surroundings.truth.channel(subscription.channel);
    if (channel.isTold && !channel.has(position)) return;
    this.#found(
      subscription,
      `message ${show(position)} before the reset to ${show(pending.position)}`,
      line,
    );
  }

  #reset({ sub, position }: Extract<LogEvent, { is: "reset" }>, line: number): void {
    const subscription = this.#subscriptions.all.get(sub);
    if (subscription === undefined) return;
    // Two may come before the program has heard of the first: it hears of them in their order.
    const heard = this.#heard.get(sub) ?? -1;
    const channel = this.#surroundings.truth.channel(subscription.channel);
    const unheard = this.#member(subscription).resets.filter(({ line }) => line > heard);
    const match = unheard.find((one) =>
      positionKey(one.position) === positionKey(position) ||
      // What came behind the reset before it was told: the program begins after that.
      (channel.isTold && channel.has(position) && position.offset > one.position.offset)
    );
    // Its place is gone, and another subscription of the client, which is behind it, has come to where that was: it sees so by itself.
    const { cursor, filter } = subscription;
    // Of a filter nobody sees what it has passed over: it may be further on, where something was lost.
    const mayBeFurther = filter !== undefined && channel.losses.some(({ is }) => is === "rollback");
    const isGone = cursor !== undefined && channel.isTold && (mayBeFurther || !channel.has(cursor)) &&
      (this.#member(subscription).isShared ||
        this.#membersOf(subscription.client, subscription.channel).length > 1);
    // It has seen by itself where it is told to begin as well, behind what it is told before.
    const told = isGone && match !== unheard[0] ? undefined : match;
    // A channel of a wildcard that has appeared since begins so by itself, where its beginning is not kept any more.
    const begins = cursor === undefined && subscription.wild !== undefined;
    if (told === undefined && !isGone && !begins && this.#members.size > 0) {
      this.#found(subscription, `a reset to ${show(position)} that nobody told`, line);
    }
    // What a client was told before one of a wildcard began is told to that one behind its beginning.
    if (told !== undefined || !(isGone || begins)) this.#heard.set(sub, told?.line ?? line);
    const pending = this.#pending.get(sub);
    if (pending === undefined) return;
    // Told twice to begin at the same place, or further on, a client may tell the program once.
    const isIt = pending.line <= (told?.line ?? line) ||
      positionKey(pending.position) === positionKey(position) ||
      (channel.isTold && channel.has(position) && channel.has(pending.position) &&
        position.offset > pending.position.offset);
    if (isIt) this.#pending.delete(sub);
  }

  #membersOf(client: string, channel: string): Subscription[] {
    return [...this.#subscriptions.all.values()].filter((one) =>
      one.client === client && one.channel === channel && !one.ended
    );
  }

  #found({ sub, channel }: Subscription, what: string, line: number): void {
    this.#surroundings.found("honest flag", `${sub} on ${channel}: ${what}`, line);
  }
}
