/**
 * The channels of one connection on the server: who may subscribe, what it is subscribed to, and what becomes of that.
 *
 * @module
 */
import type { AskingParts } from "./asking.ts";
import type { ChannelOwner, ChannelParts } from "./channel_owner.ts";
import { type NamedChannel, noChannel } from "./channel_rules.ts";
import { ClientWork } from "./client_work.ts";
import { CloseCode } from "./close.ts";
import type { ChannelEvents, Subscribe } from "./dispatch_channels.ts";
import { CallError } from "./errors.ts";
import { originOf } from "./origin.ts";
import type { Outbox } from "./outbox.ts";
import { selectionOf } from "./channel_filters.ts";
import { isPromise } from "./iterating.ts";
import { type Answer, ProgramRules } from "./program_rules.ts";
import { ProtocolError } from "./protocol_error.ts";
import type { Unit } from "./receiver.ts";
import { ServerSignals } from "./server_signals.ts";
import { ServerWildcards } from "./server_wildcards.ts";
import { SocketQueue } from "./socket_queue.ts";
import { Subscriber } from "./subscriber.ts";
import type { Line } from "./subscriber_parts.ts";
import { asRefusal, SubscriptionRefusals, tooMuch } from "./subscription_refusals.ts";
import { type EndsWithTurn, turnOf } from "./turn.ts";
import type { Wanted } from "./wanted.ts";

/** One subscription, from SUBSCRIBE on. */
interface Subscription {
  readonly sub: number;
  readonly channel: NamedChannel;
  /** Once it is allowed. */
  subscriber: Subscriber | undefined;
  /** Whether the program was told that somebody has joined. */
  isHooked: boolean;
  /** Set while it is told so: it hears of the end afterwards. */
  hooked: Promise<void> | undefined;
  /** Whether a rule is asked, and whether it is to be asked again. */
  asked: "no" | "yes" | "again";
}

/**
 * Positions with a wrong fingerprint before the peer is taken for one that guesses, at the least: a fail-over brings one for each channel, so there may be
 * as many as two of them bring.
 */
const LEAST_GUESSES = 512;

/** The subscriptions of one connection. */
export class ServerChannels implements ChannelEvents, Line, EndsWithTurn {
  /** See {@linkcode Line.id}. */
  readonly id: string;
  /** Its wildcards. */
  readonly wildcards: ServerWildcards;
  readonly #parts: ChannelParts;
  readonly #owner: ChannelOwner;
  readonly #bySub = new Map<number, Subscription>();
  readonly #byName = new Map<string, Subscription>();
  readonly #byAlias = new Map<number, Subscriber>();
  readonly #refusals: SubscriptionRefusals;
  readonly #work: ClientWork;
  readonly #rules: ProgramRules;
  readonly #signals: ServerSignals;
  readonly #room: SocketQueue;
  #later: Subscriber[] = [];
  #scheduled = false;
  #lastSub = 0;
  #guesses = 0;
  #ended = false;

  /** Starts with none. */
  constructor(parts: ChannelParts, owner: ChannelOwner) {
    const { clock, limits, channels: { work } } = parts;
    this.#parts = parts;
    this.#owner = owner;
    // The client, not its session: a signal that arrives late must not come back to who sent it in a session that was lost since.
    this.id = originOf(owner.connection)?.producer ?? `${parts.node} ${owner.connection.id}`;
    this.#refusals = new SubscriptionRefusals(owner);
    this.#work = new ClientWork(work, () => owner.owner, limits.channels);
    this.#rules = new ProgramRules({ clock: work, work: this.#work, limits, report: owner.report }, owner);
    this.#signals = new ServerSignals(parts, { id: this.id, rules: this.#rules, work: this.#work });
    this.#room = new SocketQueue({
      clock,
      transport: owner.transport,
      limits,
      stalled: () => owner.fault(new ProtocolError("nothing was read", CloseCode.TOO_SLOW)),
    });
    const shared = { rules: this.#rules, work: this.#work, room: this.#room };
    this.wildcards = new ServerWildcards({ ...parts, ...shared }, owner);
  }

  /** Subscriptions that have not ended. */
  get size(): number {
    return this.#bySub.size;
  }

  /** See {@linkcode Line.outbox}. */
  get outbox(): Outbox {
    return this.#owner.outbox;
  }

  /** See {@linkcode Line.mostInSocket}. */
  get mostInSocket(): number {
    return this.#room.most;
  }

  /**
   * Whether the client reads too slowly, if it reads at all: what was sent fills the socket, or is not acknowledged. The kernel may have taken all that a
   * subscription may be ahead (1 MiB), and then the socket tells nothing.
   */
  get isSlow(): boolean {
    return this.outbox.room.isOver(this.mostInSocket, 0) ||
      [...this.#bySub.values()].some(({ subscriber }) => subscriber?.isSlow);
  }

  /** See {@linkcode Line.asking}. */
  get asking(): AskingParts {
    return { clock: this.#parts.clock, report: this.#owner.report };
  }

  /** See {@linkcode Line.date}. */
  get date(): () => number {
    return this.#parts.date;
  }

  /** SUBSCRIBE. */
  subscribe(wanted: Subscribe): void {
    if (this.#ended) return; // in the same frame
    const { sub, channel: name } = wanted;
    if (sub !== this.#lastSub + 1) throw new ProtocolError("Subscriptions are numbered 1, 2, 3…");
    this.#lastSub = sub;
    const { limits, channels } = this.#parts;
    if (this.#bySub.size >= limits.channels) {
      return this.#refusals.refuse(sub, tooMuch(`More than ${limits.channels} channels`));
    }
    if (this.#byName.has(name)) {
      return this.#refusals.refuse(sub, new CallError("BAD_INPUT", "The channel is subscribed to already"));
    }
    if (this.#work.isFull) { // of those that have left: what they began goes on
      return this.#refusals.refuse(sub, tooMuch("Too much is still done for others"));
    }
    const channel = channels.find(name);
    if (channel === undefined) return this.#refusals.refuse(sub, noChannel());
    const selection = selectionOf(channel, wanted.options, limits);
    if (selection instanceof CallError) return this.#refusals.refuse(sub, selection);
    const subscription: Subscription = {
      sub,
      channel,
      subscriber: undefined,
      isHooked: false,
      hooked: undefined,
      asked: "no",
    };
    this.#bySub.set(sub, subscription);
    this.#byName.set(name, subscription);
    const { subscribe, history } = channel.value.allow;
    const { rewind, rewindMs } = wanted.rewind;
    const rewinds = (rewind !== undefined || rewindMs !== undefined) && history !== subscribe;
    const wantsHistory = rewinds && !this.wildcards.isNew(name);
    const rules = wantsHistory ? [subscribe, history] : [subscribe];
    this.#authorize(subscription, () => this.#rules.ask(channel, ...rules), (refusal) => {
      if (refusal === undefined) this.#allowed(subscription, { ...wanted, ...selection });
      else this.#deny(subscription, refusal);
      if (refusal?.retryable === false && !wantsHistory) this.wildcards.forget(name);
    });
  }

  /** UNSUBSCRIBE. For one that has ended it comes late, and is ignored. */
  unsubscribe(sub: number): void {
    if (this.#ended) return;
    if (sub > this.#lastSub || sub === 0) throw new ProtocolError("Ends a subscription that never was");
    const subscription = this.#bySub.get(sub);
    if (subscription !== undefined) this.#remove(subscription);
  }

  /** SEEN. An alias that is none any more may cross with what replaced it. */
  seen(alias: number, offset: number): void {
    this.#byAlias.get(alias)?.seen(offset);
  }

  /** SIGNAL. See {@linkcode ServerSignals}. */
  signal(named: string | number, unit: Unit): void {
    const { channels } = this.#parts;
    this.#signals.take(
      unit,
      () =>
        typeof named === "string"
          ? this.#byName.get(named)?.channel ?? channels.find(named)
          : this.#channelOf(named),
    );
  }

  /**
   * Asks again whether what is subscribed to may be: the identity is another one, or what it may do has changed. Nothing more is delivered where that cannot
   * be said now: the client asks again, and the history has what it missed.
   */
  reauthorize(only?: string): void {
    this.wildcards.reauthorize(only);
    for (const subscription of [...this.#bySub.values()]) {
      if (only === undefined || subscription.channel.name === only) this.#askAgain(subscription);
    }
  }

  /** What waited in front of the socket has left. */
  drained(): void {
    this.#room.drained();
  }

  /** See {@linkcode Line.renamed}. */
  renamed(subscriber: Subscriber, before: number): void {
    this.#byAlias.delete(before);
    this.#byAlias.set(subscriber.alias, subscriber);
    if (before === 0) this.#joined(subscriber.sub);
  }

  /** See {@linkcode Line.awaitRoom}. */
  awaitRoom(subscriber: Subscriber): void {
    this.#room.wait(subscriber);
  }

  /** See {@linkcode Line.goOnLater}. */
  goOnLater(subscriber: Subscriber): void {
    this.#later.push(subscriber);
    if (this.#scheduled) return;
    this.#scheduled = true;
    turnOf(this.#parts.clock).add(this);
  }

  /** Those who catch up get their next page. */
  endTurn(): void {
    this.#scheduled = false;
    const later = this.#later;
    this.#later = [];
    for (const subscriber of later) subscriber.goOn();
  }

  /** See {@linkcode Line.guessed}. */
  guessed(): void {
    if (++this.#guesses <= Math.max(LEAST_GUESSES, 2 * this.#parts.limits.channels)) return;
    this.#owner.fault(new ProtocolError("Too many positions that never were", CloseCode.LIMIT));
  }

  /** See {@linkcode Line.stale}. */
  stale({ sub }: Subscriber): void {
    const subscription = this.#bySub.get(sub);
    if (subscription === undefined) return;
    this.#remove(subscription);
    this.#refusals.tell(
      sub,
      new CallError("UNAVAILABLE", "What is published cannot be known now", { ambiguous: false }),
    );
  }

  /** See {@linkcode Line.works}. */
  works<T>(work: Promise<T>): Promise<T> {
    return this.#work.counted(work);
  }

  /** See {@linkcode Line.fail}. */
  fail(error: unknown): void {
    this.#owner.report(error);
    this.#owner.fault(new ProtocolError("internal error", CloseCode.SERVER_FAULT, { cause: error }));
  }

  /** The connection is gone, and its subscriptions with it. */
  end(): void {
    this.#ended = true;
    this.#signals.end();
    this.wildcards.end();
    this.#room.end();
    this.#later = [];
    for (const subscription of [...this.#bySub.values()]) this.#remove(subscription);
    this.#work.end();
  }

  #askAgain(subscription: Subscription): void {
    const { channel, sub } = subscription;
    const ask = () => this.#rules.ask(channel, channel.value.allow.subscribe);
    this.#authorize(subscription, ask, (refusal) => {
      if (refusal === undefined) return;
      this.#remove(subscription);
      if (!refusal.retryable) this.wildcards.forget(channel.name);
      this.#refusals.tell(sub, refusal);
    });
  }

  /**
   * Asks a rule, and goes on with the answer if the subscription is still the same one; what nobody wants any more is dropped. One rule of a subscription runs at a
   * time: what was wanted meanwhile is asked after it, once.
   */
  #authorize(
    subscription: Subscription,
    ask: () => Answer,
    act: (refusal: CallError | undefined) => void,
  ): void {
    if (subscription.asked !== "no") {
      subscription.asked = "again";
      return;
    }
    subscription.asked = "yes";
    const isWanted = () => this.#bySub.get(subscription.sub) === subscription;
    const answered = (no: CallError | undefined) => {
      if (!isWanted()) return; // a rule may have closed the connection
      const isToAsk = subscription.asked === "again";
      subscription.asked = "no";
      try {
        act(no && asRefusal(no));
      } catch (error) {
        return this.fail(error); // of this connection: whoever asks all of them goes on with the next
      }
      if (isToAsk && isWanted()) this.#askAgain(subscription);
    };
    const answer = ask();
    if (isPromise(answer)) void answer.then(answered).catch((error) => this.fail(error));
    else answered(answer);
  }

  /** It may subscribe. A position before all publications is a look at the whole history, and everybody can write one. */
  #allowed(subscription: Subscription, wanted: Wanted): void {
    const { channel } = subscription;
    const { subscribe, history } = channel.value.allow;
    if (wanted.position?.offset !== 0 || history === subscribe) return this.#join(subscription, wanted);
    this.#authorize(subscription, () => this.#rules.ask(channel, history), (refusal) => {
      if (refusal?.retryable) return this.#deny(subscription, refusal); // not known now: no reason for a reset
      this.#join(subscription, { ...wanted, mayLookBack: refusal === undefined });
    });
  }

  #join(subscription: Subscription, wanted: Wanted): void {
    const { hub } = this.#parts.channels;
    this.#refusals.accepted();
    const topic = hub.topic(subscription.channel.name);
    subscription.subscriber = new Subscriber(topic, this, wanted);
    if (!topic.isReady) void this.#work.counted(topic.whenKnown());
    hub.join(topic, subscription.subscriber);
  }

  /** SUBSCRIBED was sent for the first time. */
  #joined(sub: number): void {
    const subscription = this.#bySub.get(sub);
    const hook = subscription?.channel.value.onSubscribe;
    if (subscription === undefined) return;
    subscription.isHooked = true;
    subscription.hooked = this.#rules.hook(subscription.channel, hook);
  }

  #remove(subscription: Subscription): void {
    const { sub, channel, subscriber, isHooked, hooked } = subscription;
    this.#bySub.delete(sub);
    this.#byName.delete(channel.name);
    if (subscriber !== undefined) {
      this.#byAlias.delete(subscriber.alias);
      this.#room.forget(subscriber);
      subscriber.end();
      this.#parts.channels.hub.left(subscriber.topic);
    }
    if (isHooked) void this.#rules.hook(channel, channel.value.onUnsubscribe, hooked);
  }

  /** What the program cannot say now counts for nothing: the client is told to ask again. */
  #deny(subscription: Subscription, error: CallError): void {
    this.#remove(subscription);
    if (error.retryable) this.#refusals.tell(subscription.sub, error);
    else this.#refusals.refuse(subscription.sub, error);
  }

  #channelOf(alias: number): NamedChannel | undefined {
    const subscriber = this.#byAlias.get(alias);
    return subscriber && this.#bySub.get(subscriber.sub)?.channel;
  }
}
