/**
 * One channel of a client on the wire: all its subscriptions share one, over as many connections as it takes. It knows up to where
 * publications have come, holds every step to +1, and subscribes again from there when that fails.
 *
 * Several subscriptions may be at different places. Each place is put to the server, the highest first, since only the server can tell
 * whether it belongs to the channel; the last and lowest is where the stream comes from, and who is further on is given
 * nothing until it has caught up. Who does not read is put aside for so long.
 *
 * @module
 */
import type { Position } from "../rpc/broker.ts";
import type { ChangeHead, Gap, Subscribed } from "../rpc/dispatch_channels.ts";
import type { CallError } from "../rpc/errors.ts";
import { SubscribeStatus } from "../rpc/kinds.ts";
import type { Unit } from "../rpc/receiver.ts";
import type { Traffic } from "./channel_types.ts";
import { Elsewhere } from "./elsewhere.ts";
import { Laggards, MOST_HELD } from "./laggards.ts";
import { Payload } from "./payload.ts";
import {
  doubtInside,
  EVERYBODY,
  giveNext,
  holdMore,
  isAnyAhead,
  isAnywhere,
  isSame,
  lowestDone,
  nextTarget,
  offsetOf,
  reasonOf,
  type Target,
} from "./places.ts";
import { GAP_BYTES, Seen } from "./seen.ts";
import type { LocalSubscription } from "./subscription.ts";
import type { SubscriptionOwner } from "./subscription_owner.ts";
import { WireDeltas } from "./wire_deltas.ts";
import { WireFilter } from "./wire_filter.ts";
import { IDLE, type Wire, type WireConnection, type WireParts, type WireState } from "./wire_parts.ts";
import { WireRetry } from "./wire_retry.ts";

/** A server that sends more than this without waiting for SEEN breaks the rules. */
const MOST_UNSEEN = { count: 4 * MOST_HELD.count, bytes: 4 * MOST_HELD.bytes };

/** One channel of a client on the wire. */
export class WireSubscription implements SubscriptionOwner<LocalSubscription>, Wire {
  readonly name: string;
  readonly decode: WireParts["decode"];
  readonly report: WireParts["report"];
  /** Publications that came twice, and were dropped. */
  duplicates = 0;
  readonly #parts: WireParts;
  /** All but those that were put aside; never empty while there are any. */
  readonly #locals = new Set<LocalSubscription>();
  readonly #laggards: Laggards;
  readonly #elsewhere: Elsewhere;
  readonly #seen: Seen;
  readonly #filter = new WireFilter();
  readonly #deltas: WireDeltas;
  readonly #retry: WireRetry;
  #connection: WireConnection | undefined;
  #state: WireState = IDLE;
  /** Up to where publications have come on this subscription. Epoch, offset and fingerprint are one value, and change together. */
  #at: Position | undefined;

  /** Does nothing yet. */
  constructor(name: string, parts: WireParts) {
    this.name = name;
    this.#parts = parts;
    this.decode = parts.decode;
    this.report = parts.report;
    this.#deltas = new WireDeltas(parts.mostBytes);
    this.#retry = new WireRetry(parts.clock);
    this.#laggards = new Laggards(parts.clock, this.#locals, {
      at: () => this.#state.is === "live" ? this.#at : undefined,
      putAside: () => this.advanced(),
    });
    this.#elsewhere = new Elsewhere(parts.clock, {
      epoch: () => this.#state.is === "live" ? this.#at?.epoch : undefined,
      ask: () => this.#askAgain(),
    });
    this.#seen = new Seen(parts.clock, (offset) => {
      if (this.#state.is === "live") this.#connection?.acknowledge(this.#state.alias, offset);
    });
  }

  /** Whether publications come. */
  get live(): boolean {
    return this.#state.is === "live";
  }

  /** What has come. */
  get traffic(): Traffic {
    return this.#deltas.traffic;
  }

  /** The alias of the channel on this connection, while it is live. */
  get alias(): number | undefined {
    return this.#state.is === "live" ? this.#state.alias : undefined;
  }

  // The program's side.

  /** One more subscription. */
  join(local: LocalSubscription): void {
    this.#locals.add(local);
    if (this.#state.is === "live" && !this.#deltas.lacks(local)) {
      const at = this.#at!;
      if (isAnywhere(local)) local.begin(at);
      else if (isSame(local.received, at)) local.confirm();
      else return this.#plan();
      this.#checkFilter();
    } else if (this.#state.is === "idle" || this.#state.is === "full" || this.#state.is === "live") {
      this.#plan();
    }
  }

  /** A subscription was closed. */
  left(local: LocalSubscription): void {
    if (this.#remove(local) && this.#locals.size > 0) this.advanced(); // perhaps it was the slowest
    this.#checkFilter();
  }

  /** The program is done with something. */
  advanced(): void {
    if (this.#laggards.size > 0) { for (const local of this.#laggards.take()) this.join(local); }
    if (this.#state.is === "full") return this.#plan();
    if (this.#state.is !== "live") return;
    this.#seen.advanced(lowestDone(this.#locals, this.#at!));
    this.#laggards.look();
  }

  /** Somebody waits for a place in another life of the stream. */
  awaits(position: Position): void {
    this.#elsewhere.add(position);
  }

  /** Resolves when all that are read are done with everything up to a place, or will not be. */
  async seenBy(position: Position): Promise<void> {
    await Promise.all([...this.#locals].map((local) => local.comesOrLags(position)));
  }

  // The connection's side.

  /** There is a connection. */
  connected(connection: WireConnection): void {
    this.#connection = connection;
    this.#state = IDLE;
    this.#deltas.connected();
    this.#plan();
  }

  /** It is gone, and what was subscribed on it. Positions stay. */
  disconnected(): void {
    this.#connection = undefined;
    this.#retry.stop();
    this.#lose();
    this.#doubt();
  }

  /** There will be no connection any more. */
  end(error: CallError): void {
    this.disconnected();
    for (const local of [...this.#laggards, ...this.#locals]) this.#fail(local, error);
  }

  subscribed({ alias, status, position }: Subscribed): void {
    const state = this.#state;
    if (state.is === "live") return this.#replaced(state.sub, alias, position);
    if (state.is !== "subscribing") return;
    const { sub, target } = state;
    this.#elsewhere.answered(target);
    this.#at = position;
    for (const local of target.locals) {
      if (!this.#locals.has(local)) continue;
      if (target.position === undefined) local.begin(position);
      else if (status === SubscribeStatus.RECOVERED && isSame(position, target.position)) local.confirm();
      else local.reset(position, reasonOf(target.position, position));
    }
    if (this.#state !== state) return; // a handler that was told of a reset closed the last one, or the client
    // What is true of one place may be true of all: the stream is another one.
    if (target.position !== undefined && !isSame(position, target.position)) this.#doubt();
    for (const local of this.#locals) {
      // The server may have lost the stream while nothing was subscribed, of which it tells nobody.
      if (local.received?.epoch !== position.epoch) local.verified = false;
      if (isSame(local.received, position)) local.confirm();
    }
    const next = this.#elsewhere.next() ?? nextTarget(this.#locals, position);
    if (next !== undefined) return this.#subscribe(next);
    this.#goLive(sub, alias);
    for (const local of [...this.#locals]) if (local.received === undefined) local.begin(position);
    this.#checkFilter();
  }

  unsubscribed(error: CallError): void {
    const state = this.#state;
    const concerned = state.is === "subscribing" && state.target.rewind !== undefined
      ? state.target.locals // who may not look back may still be told what comes
      : [...this.#laggards, ...this.#locals];
    this.#lose();
    this.#doubt();
    if (error.retryable) {
      this.#wait();
      return [...this.#locals].forEach((local) => local.refused(error));
    }
    for (const local of concerned) this.#fail(local, error);
    this.#plan();
  }

  publication(offset: number, fingerprint: number, unit: Unit, change?: ChangeHead): void {
    const at = this.#at!;
    if (offset !== at.offset + 1) return this.#unexpected(offset, fingerprint);
    const payload = new Payload(unit, change);
    this.#deltas.came(payload);
    this.#take({ offset, fingerprint }, payload);
  }

  delta(offset: number, fingerprint: number, unit: Unit): void {
    const at = this.#at!;
    if (offset !== at.offset + 1) return this.#unexpected(offset, fingerprint);
    const payload = this.#deltas.rebuilt(unit);
    if (payload === undefined) this.#startOver(); // the first that comes then is whole
    else this.#take({ offset, fingerprint }, payload);
  }

  #take({ offset, fingerprint }: Omit<Position, "epoch">, payload: Payload): void {
    const position = this.#moveTo(offset, fingerprint, payload.length);
    giveNext(this.#locals, { position, from: offset }, (local) => {
      if (this.#filter.passes(local, payload)) local.message(position, payload);
      else local.skip(position);
    });
    this.#checkHeld();
  }

  gap({ from, to, fingerprint, reason }: Gap): void {
    const { offset } = this.#at!;
    if (from > offset + 1 || to <= offset) return this.#unexpected(to <= offset ? to : from, fingerprint);
    const inside = doubtInside(this.#locals, offset, to);
    const position = this.#moveTo(to, fingerprint, GAP_BYTES);
    giveNext(this.#locals, { position, from: 0 }, (local) => {
      local.gap(position, { from: Math.max(from, offsetOf(local) + 1), reason });
    });
    if (inside) this.#plan();
  }

  skip(to: number, fingerprint: number): void {
    const { offset } = this.#at!;
    if (to <= offset) return this.#unexpected(to, fingerprint);
    const inside = doubtInside(this.#locals, offset, to);
    const position = this.#moveTo(to, fingerprint, 0);
    giveNext(this.#locals, { position, from: 0 }, (local) => local.skip(position));
    if (inside) this.#plan();
  }

  #moveTo(offset: number, fingerprint: number, bytes: number): Position {
    this.#retry.failures = 0;
    this.#seen.came(offset, bytes);
    return this.#at = { epoch: this.#at!.epoch, offset, fingerprint };
  }

  /** The server says for the same subscription that its stream is another one. */
  #replaced(sub: number, alias: number, position: Position): void {
    const before = this.#at!;
    this.#unbind();
    this.#at = position;
    this.#goLive(sub, alias);
    for (const local of this.#locals) {
      if (local.verified && !isSame(local.received, position)) {
        local.reset(position, reasonOf(local.received ?? before, position));
      }
    }
  }

  #goLive(sub: number, alias: number): void {
    this.#connection!.bind(alias, this);
    this.#state = { is: "live", sub, alias, since: this.#parts.clock.now() };
    this.#seen.begin(this.#at!.offset, this.#filter.isLossy);
    this.#retry.watch(this.#at!, {
      at: () => this.#state.is === "live" ? this.#at : undefined,
      isAnyAhead: (at) => isAnyAhead(this.#locals, at),
      ask: () => this.#askAgain(),
    });
    for (const epoch of this.#elsewhere.live(this.#at!.epoch)) {
      for (const local of [...this.#laggards, ...this.#locals]) local.ended(epoch);
    }
  }

  /** Who has come may want more than is asked for, or who has left may have been who wanted so much. */
  #checkFilter(): void {
    if (this.#state.is === "live" && this.#filter.isOther(this.#locals)) this.#plan();
  }

  #askAgain(): void {
    this.#doubt();
    this.#plan();
  }

  /** What came is not what follows: an old one is dropped, anything else means that something is missing. */
  #unexpected(offset: number, fingerprint: number): void {
    const at = this.#at!;
    if (offset < at.offset || (offset === at.offset && fingerprint === at.fingerprint)) {
      this.duplicates++;
      return;
    }
    this.#startOver();
  }

  /** Subscribes again from where it is. */
  #startOver(): void {
    this.#drop();
    this.#doubt();
    // A server that does so again before anything has come would keep both sides busy.
    if (this.#retry.failures > 0) return this.#wait();
    this.#retry.failures++;
    this.#plan();
  }

  /** Does what is to be done next: subscribes, waits until the program has taken enough, or nothing. */
  #plan(): void {
    this.#retry.stop();
    if (this.#connection === undefined || this.#locals.size === 0) return;
    this.#drop();
    this.#laggards.put();
    if (holdMore(this.#locals, MOST_HELD)) {
      this.#doubt();
      this.#state = { is: "full" };
      return;
    }
    const target = this.#elsewhere.next() ?? nextTarget(this.#locals, undefined) ?? EVERYBODY;
    this.#subscribe(target);
  }

  #subscribe(target: Target): void {
    if (this.#state.is === "subscribing") this.#connection!.giveUp(this.#state.sub);
    const options = this.#filter.options(this.#locals, this.#deltas.options(target, this.#locals));
    const sub = this.#connection!.ask(this, { position: target.position, options });
    this.#state = { is: "subscribing", sub, target };
  }

  #wait(): void {
    this.#state = { is: "waiting" };
    this.#retry.wait(() => this.#plan());
  }

  #checkHeld(): void {
    this.#laggards.look();
    if (!holdMore(this.#locals, MOST_UNSEEN)) return;
    this.#drop();
    this.#doubt();
    this.#state = { is: "full" };
  }

  /** Subscriptions are over, the channel's others go on. */
  #fail(local: LocalSubscription, error: CallError): void {
    if (this.#remove(local)) local.fail(error);
  }

  /** One less. Who was put aside for others is not any more when there are none. */
  #remove(local: LocalSubscription): boolean {
    if (this.#laggards.delete(local)) return true;
    if (!this.#locals.delete(local)) return false;
    if (this.#locals.size > 0) return true;
    this.#drop();
    this.#retry.stop();
    const laggards = this.#laggards.take(true);
    for (const laggard of laggards) this.#locals.add(laggard);
    if (laggards.length > 0) this.#plan();
    else this.#parts.idle();
    return true;
  }

  /** Ends what is subscribed on this connection, if anything is. */
  #drop(): void {
    const state = this.#state;
    this.#lose();
    if (state.is === "live" || state.is === "subscribing") this.#connection?.giveUp(state.sub);
  }

  /** What is subscribed on this connection is over. Where everybody is stays known. */
  #lose(): void {
    this.#unbind();
    this.#seen.stop();
    this.#laggards.stop();
    this.#elsewhere.stop();
    this.#at = undefined;
    this.#state = IDLE;
  }

  /** Whether places still belong to the channel is to be asked again. */
  #doubt(): void {
    for (const local of this.#locals) local.verified = false;
  }

  #unbind(): void {
    this.#deltas.stop();
    if (this.#state.is !== "live") return;
    this.#connection?.unbind(this.#state.alias, this);
    this.#retry.wasLive(this.#state.since);
  }
}
