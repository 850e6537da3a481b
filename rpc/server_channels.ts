/**
 * The channels of one connection on the server: who may subscribe, what it is subscribed to, and what becomes of that.
 *
 * @module
 */
import { decodeRange } from "../msgpack/decoder.ts";
import type { AskingParts } from "./asking.ts";
import { writeUnsubscribed } from "./channel_messages.ts";
import { channelContext, inTime, type NamedChannel, noChannel, refusalOf, runHook } from "./channel_rules.ts";
import type { Clock } from "./clock.ts";
import { CloseCode } from "./close.ts";
import type { CallerConnection } from "./context.ts";
import type { ChannelEvents, Subscribe } from "./dispatch_channels.ts";
import { CallError } from "./errors.ts";
import type { Limits } from "./limits.ts";
import type { MaybePromise } from "./maybe_promise.ts";
import { encodeMessage } from "./message_data.ts";
import type { NodeChannels } from "./node_channels.ts";
import { originOf } from "./origin.ts";
import type { Outbox } from "./outbox.ts";
import { isPromise } from "./iterating.ts";
import { ProtocolError } from "./protocol_error.ts";
import { Rate } from "./rate.ts";
import type { Unit } from "./receiver.ts";
import { validate } from "./schema.ts";
import { SocketQueue } from "./socket_queue.ts";
import { type Line, Subscriber } from "./subscriber.ts";
import type { Transport } from "./transport.ts";
import { type EndsWithTurn, turnOf } from "./turn.ts";

/** What the channels of all connections share. */
export interface ChannelParts {
  /** Time. */
  readonly clock: Clock;
  /** Bounds. */
  readonly limits: Limits;
  /** Milliseconds since 1970. */
  readonly date: () => number;
  /** The channels of the node. */
  readonly channels: NodeChannels;
  /** Names the node among those that signal. */
  readonly node: string;
}

/** The connection they belong to. */
export interface ChannelOwner {
  /** What rules and hooks see of it. */
  readonly connection: CallerConnection;
  /** What `authenticate` gave. */
  readonly context: object;
  /** Where messages go. */
  readonly outbox: Outbox;
  /** What carries them. */
  readonly transport: Transport;
  /** Tells the program of an error. Never throws. */
  readonly report: (error: unknown) => void;
  /** The connection is to be closed. */
  readonly fault: (error: ProtocolError) => void;
}

/** One subscription, from SUBSCRIBE on. */
interface Subscription {
  readonly sub: number;
  readonly channel: NamedChannel;
  /** Once it is allowed. */
  subscriber: Subscriber | undefined;
  /** Whether the program was told that somebody has joined. */
  isHooked: boolean;
}

/** Refused in a row before the peer is taken for one that does not listen. */
const MOST_REFUSED = 1_024;

/** The subscriptions of one connection. */
export class ServerChannels implements ChannelEvents, Line, EndsWithTurn {
  /** See {@linkcode Line.id}. */
  readonly id: string;
  readonly #parts: ChannelParts;
  readonly #owner: ChannelOwner;
  readonly #bySub = new Map<number, Subscription>();
  readonly #byName = new Map<string, Subscription>();
  readonly #byAlias = new Map<number, Subscriber>();
  readonly #signals: Rate;
  readonly #room: SocketQueue;
  #later: Subscriber[] = [];
  #scheduled = false;
  #lastSub = 0;
  #refused = 0;
  #ended = false;

  /** Starts with none. */
  constructor(parts: ChannelParts, owner: ChannelOwner) {
    const { clock, limits } = parts;
    this.#parts = parts;
    this.#owner = owner;
    // The client, not its session: a signal that arrives late must not come back to who sent it in a session that was lost since.
    this.id = originOf(owner.connection)?.producer ?? `${parts.node} ${owner.connection.id}`;
    this.#signals = new Rate(limits.signalRate, clock.now());
    this.#room = new SocketQueue({
      clock,
      transport: owner.transport,
      limits,
      stalled: () => owner.fault(new ProtocolError("nothing was read", CloseCode.TOO_SLOW)),
    });
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
    return this.outbox.isSocketOver(this.mostInSocket) ||
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
    const { sub, channel: name } = wanted;
    if (sub !== this.#lastSub + 1) throw new ProtocolError("Subscriptions are numbered 1, 2, 3…");
    this.#lastSub = sub;
    const { limits, channels } = this.#parts;
    if (this.#bySub.size >= limits.channels) {
      return this.#refuse(sub, new CallError("RESOURCE_EXHAUSTED", `More than ${limits.channels} channels`));
    }
    if (this.#byName.has(name)) {
      return this.#refuse(sub, new CallError("BAD_INPUT", "The channel is subscribed to already"));
    }
    const channel = channels.find(name);
    if (channel === undefined) return this.#refuse(sub, noChannel());
    const subscription = { sub, channel, subscriber: undefined, isHooked: false };
    this.#bySub.set(sub, subscription);
    this.#byName.set(name, subscription);
    this.#whenAnswered(this.#maySubscribe(channel, wanted), subscription, (refusal) => {
      if (refusal === undefined) this.#join(subscription, wanted);
      else this.#deny(subscription, refusal);
    });
  }

  /** UNSUBSCRIBE. For one that has ended it comes late, and is ignored. */
  unsubscribe(sub: number): void {
    if (sub > this.#lastSub || sub === 0) throw new ProtocolError("Ends a subscription that never was");
    const subscription = this.#bySub.get(sub);
    if (subscription !== undefined) this.#remove(subscription);
  }

  /** SEEN. An alias that is none any more may cross with what replaced it. */
  seen(alias: number, offset: number): void {
    this.#byAlias.get(alias)?.seen(offset);
  }

  /** SIGNAL. What comes faster than the limit allows is lost, as a signal may be. */
  signal(named: string | number, { bytes, start, end }: Unit): void {
    if (!this.#signals.takeOne(turnOf(this.#parts.clock).now())) return;
    const channel = typeof named === "string"
      ? this.#byName.get(named)?.channel ?? this.#parts.channels.find(named)
      : this.#channelOf(named);
    if (channel?.value.signal === undefined) return;
    const value = start === end ? undefined : decodeRange(bytes, start, end, this.#parts.limits);
    const send = (refusal: CallError | undefined) => {
      if (refusal === undefined) this.#signal(channel, value);
    };
    const refusal = this.#ask(channel.value.allow.signal, channel);
    if (isPromise(refusal)) void refusal.then(send);
    else send(refusal);
  }

  /**
   * Asks again whether what is subscribed to may be: the identity is another one, or what it may do has changed. Nothing more is delivered where that cannot
   * be said now: the client asks again, and the history has what it missed.
   */
  reauthorize(only?: string): void {
    for (const subscription of [...this.#bySub.values()]) {
      const { channel, sub } = subscription;
      if (only !== undefined && channel.name !== only) continue;
      this.#whenAnswered(this.#maySubscribe(channel), subscription, (refusal) => {
        if (refusal === undefined) return;
        this.#remove(subscription);
        this.#tell(sub, refusal);
      });
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

  /** See {@linkcode Line.fail}. */
  fail(error: unknown): void {
    this.#owner.report(error);
    this.#owner.fault(new ProtocolError("internal error", CloseCode.SERVER_FAULT, { cause: error }));
  }

  /** The connection is gone, and its subscriptions with it. */
  end(): void {
    this.#ended = true;
    this.#room.end();
    this.#later = [];
    for (const subscription of [...this.#bySub.values()]) this.#remove(subscription);
  }

  /** Gives `undefined` where it may. A rule that never answers is not waited for. */
  #maySubscribe(channel: NamedChannel, wanted?: Subscribe): MaybePromise<CallError | undefined> {
    const { subscribe, history } = channel.value.allow;
    const { rewind, rewindMs } = wanted?.rewind ?? {};
    const wantsHistory = (rewind !== undefined || rewindMs !== undefined) && history !== subscribe;
    const refusal = this.#ask(subscribe, channel);
    if (isPromise(refusal)) {
      const last = wantsHistory ? refusal.then((no) => no ?? this.#ask(history, channel)) : refusal;
      return this.#inTime(last, channel);
    }
    if (refusal !== undefined || !wantsHistory) return refusal;
    const last = this.#ask(history, channel);
    return isPromise(last) ? this.#inTime(last, channel) : last;
  }

  #ask(
    rule: NamedChannel["value"]["allow"]["subscribe"],
    channel: NamedChannel,
  ): MaybePromise<CallError | undefined> {
    return refusalOf(rule, { channel, asker: this.#owner, report: this.#owner.report });
  }

  /** With `limits.callTimeout`, as any call. */
  #inTime(refusal: Promise<CallError | undefined>, { name }: NamedChannel): typeof refusal {
    const { clock, limits: { callTimeout } } = this.#parts;
    return inTime(refusal, { clock, ms: callTimeout }, () => {
      this.#owner.report(new Error(`A rule of the channel "${name}" has not answered in ${callTimeout} ms`));
      return new CallError("INTERNAL");
    });
  }

  /** Goes on with the answer if the subscription is still the same one; what nobody wants any more is dropped. */
  #whenAnswered(
    refusal: MaybePromise<CallError | undefined>,
    subscription: Subscription,
    act: (refusal: CallError | undefined) => void,
  ): void {
    const answered = (no: CallError | undefined) => {
      if (this.#bySub.get(subscription.sub) === subscription) act(no && asRefusal(no));
    };
    if (isPromise(refusal)) void refusal.then(answered).catch((error) => this.fail(error));
    else answered(refusal);
  }

  /** Sends a signal on. What does not pass its schema is lost: a signal has no answer. */
  #signal(channel: NamedChannel, value: unknown): void {
    if (this.#ended) return;
    const { channels } = this.#parts;
    const send = (valid: unknown) => channels.signal(channel, encodeMessage(valid), this.id);
    try {
      const valid = validate(channel.value.signal!, value);
      if (isPromise(valid)) valid.then(send).then(undefined, () => {});
      else send(valid);
    } catch {
      // BAD_INPUT, for nobody.
    }
  }

  #join(subscription: Subscription, wanted: Subscribe): void {
    const { hub } = this.#parts.channels;
    this.#refused = 0;
    const topic = hub.topic(subscription.channel.name);
    subscription.subscriber = new Subscriber(topic, this, wanted);
    hub.join(topic, subscription.subscriber);
  }

  /** SUBSCRIBED was sent for the first time. */
  #joined(sub: number): void {
    const subscription = this.#bySub.get(sub);
    const hook = subscription?.channel.value.onSubscribe;
    if (subscription === undefined) return;
    subscription.isHooked = true;
    if (hook !== undefined) this.#hook(hook, subscription.channel);
  }

  #remove(subscription: Subscription): void {
    const { sub, channel, subscriber, isHooked } = subscription;
    this.#bySub.delete(sub);
    this.#byName.delete(channel.name);
    if (subscriber !== undefined) {
      this.#byAlias.delete(subscriber.alias);
      this.#room.forget(subscriber);
      subscriber.end();
      this.#parts.channels.hub.left(subscriber.topic);
    }
    const hook = channel.value.onUnsubscribe;
    if (isHooked && hook !== undefined) this.#hook(hook, channel);
  }

  #hook(hook: (context: object) => unknown, channel: NamedChannel): void {
    runHook(() => hook(channelContext(channel, this.#owner)), this.#owner.report);
  }

  /** What the program cannot say now counts for nothing: the client is told to ask again. */
  #deny(subscription: Subscription, error: CallError): void {
    this.#remove(subscription);
    if (error.retryable) this.#tell(subscription.sub, error);
    else this.#refuse(subscription.sub, error);
  }

  #refuse(sub: number, error: CallError): void {
    if (++this.#refused > MOST_REFUSED) {
      return this.#owner.fault(new ProtocolError("Too many subscriptions", CloseCode.LIMIT));
    }
    this.#tell(sub, error);
  }

  #tell(sub: number, error: CallError): void {
    const { outbox } = this.#owner;
    outbox.open();
    writeUnsubscribed(sub, error);
    outbox.seal();
  }

  #channelOf(alias: number): NamedChannel | undefined {
    const subscriber = this.#byAlias.get(alias);
    return subscriber && this.#bySub.get(subscriber.sub)?.channel;
  }
}

/** What a client is told of a subscription: a rule that failed may know better in a moment. */
function asRefusal({ code, message, retryable }: CallError): CallError {
  if (code !== "INTERNAL") return new CallError(code, message, { retryable, ambiguous: false });
  return new CallError("UNAVAILABLE", "Whether the client may subscribe cannot be said now");
}
