/**
 * What one connection watches: the members of channels, each told by differences while the client keeps up, and whole when it did not.
 *
 * @module
 */
import type { NamedChannel } from "./channel_rules.ts";
import { noChannel } from "./channel_rules.ts";
import { ClientWork } from "./client_work.ts";
import { CloseCode } from "./close.ts";
import type { Watch } from "./dispatch_presence.ts";
import { CallError } from "./errors.ts";
import { isPromise } from "./iterating.ts";
import { writeMessage } from "./outbox_parts.ts";
import { refusalPayload, writeWatched } from "./presence_messages.ts";
import type { PresencePlace } from "./presence_store.ts";
import type { PresenceTopic } from "./presence_topic.ts";
import type { PresenceWatcher } from "./presence_watcher.ts";
import { ProgramRules } from "./program_rules.ts";
import { ProtocolError } from "./protocol_error.ts";
import type { ChannelOwner, ChannelParts } from "./channel_owner.ts";
import { SocketQueue } from "./socket_queue.ts";
import { asRefusal } from "./subscription_refusals.ts";

/** Refused in a row before the peer is taken for one that does not listen. */
const MOST_REFUSED = 1_024;

/** What is watched by one connection. */
export class ServerWatches {
  readonly #parts: ChannelParts;
  readonly #owner: ChannelOwner;
  readonly #byNumber = new Map<number, ServerWatch>();
  readonly #names = new Set<string>();
  readonly #work: ClientWork;
  readonly #rules: ProgramRules;
  readonly #room: SocketQueue;
  #last = 0;
  #refused = 0;
  #ended = false;

  /** Nothing yet. */
  constructor(parts: ChannelParts, owner: ChannelOwner) {
    const { clock, limits, channels: { work } } = parts;
    this.#parts = parts;
    this.#owner = owner;
    this.#work = new ClientWork(work, () => owner.owner, limits.watches);
    this.#rules = new ProgramRules({ clock: work, work: this.#work, limits, report: owner.report }, owner);
    this.#room = new SocketQueue({
      clock,
      transport: owner.transport,
      limits,
      stalled: () => owner.fault(new ProtocolError("nothing was read", CloseCode.TOO_SLOW)),
    });
  }

  /** WATCH. */
  watch({ watch, channel: name, isCounting, place }: Watch): void {
    if (this.#ended) return;
    if (watch !== this.#last + 1) throw new ProtocolError("Watches are numbered 1, 2, 3…");
    this.#last = watch;
    const { limits, channels } = this.#parts;
    const isTooMuch = this.#byNumber.size >= limits.watches || this.#work.isFull;
    if (isTooMuch) return this.#refuse(watch, new CallError("RESOURCE_EXHAUSTED"));
    if (this.#names.has(name)) {
      return this.#refuse(watch, new CallError("BAD_INPUT", "The channel is watched already"));
    }
    const channel = channels.find(name);
    const presence = channel?.value.presence;
    if (channel === undefined || presence === undefined) return this.#refuse(watch, noChannel());
    const one = new ServerWatch(this, {
      watch,
      channel,
      isCounting: isCounting || presence.schema === undefined,
      place,
    });
    this.#byNumber.set(watch, one);
    this.#names.add(name);
    this.#ask(one);
  }

  /** UNWATCH. For one that has ended it comes late, and is ignored. */
  unwatch(watch: number): void {
    if (this.#ended) return;
    if (watch > this.#last || watch === 0) throw new ProtocolError("Ends a watch that never was");
    const one = this.#byNumber.get(watch);
    if (one !== undefined) this.#remove(one);
  }

  /** Asks again whether what is watched may be. */
  reauthorize(only?: string): void {
    for (const one of [...this.#byNumber.values()]) {
      if (only === undefined || one.channel.name === only) this.#ask(one);
    }
  }

  /** What waited in front of the socket has left. */
  drained(): void {
    this.#room.drained();
  }

  /** The connection is gone. */
  end(): void {
    this.#ended = true;
    this.#room.end();
    for (const one of [...this.#byNumber.values()]) this.#remove(one);
    this.#work.end();
  }

  // What one watch needs.

  /** Whether so much waits in front of the socket that nothing is added. */
  get isFull(): boolean {
    return this.#owner.outbox.room.isOver(this.#room.most, 0);
  }

  /** Bytes of a frame that the client takes. */
  get mostBytes(): number {
    return this.#owner.outbox.peer.message;
  }

  /** Calls its `goOn` when there is room. */
  awaitRoom(one: ServerWatch): void {
    this.#room.wait(one);
  }

  /** WATCHED. */
  tell(one: ServerWatch, alias: number, payload: Uint8Array): void {
    writeMessage(this.#owner.outbox, () => writeWatched(one.number, alias, payload));
  }

  /** Hands on a frame that all share. */
  share(frame: Uint8Array): void {
    this.#owner.outbox.sendShared(frame);
  }

  /** It ends, for a reason. */
  drop(one: ServerWatch, error: CallError): void {
    this.#remove(one);
    this.#tellEnd(one.number, error);
  }

  /** Something of ours failed. */
  fail(error: unknown): void {
    this.#owner.report(error);
    this.#owner.fault(new ProtocolError("internal error", CloseCode.SERVER_FAULT, { cause: error }));
  }

  /** Asks whether it may be, one question at a time: what was wanted meanwhile is asked after it, once. */
  #ask(one: ServerWatch): void {
    if (one.asked !== "no") {
      one.asked = "again";
      return;
    }
    one.asked = "yes";
    const answer = this.#rules.ask(one.channel, one.channel.value.allow.members);
    if (!isPromise(answer)) return this.#answered(one, answer);
    void answer.then((refusal) => this.#answered(one, refusal)).catch((error) => this.fail(error));
  }

  #answered(one: ServerWatch, no: CallError | undefined): void {
    const isAgain = one.asked === "again";
    one.asked = "no";
    if (this.#byNumber.get(one.number) !== one) return;
    if (no !== undefined) {
      const refusal = asRefusal(no);
      this.#remove(one);
      if (refusal.retryable || one.topic !== undefined) return this.#tellEnd(one.number, refusal);
      return this.#refuse(one.number, refusal);
    }
    this.#refused = 0;
    if (one.topic === undefined) {
      one.topic = this.#parts.channels.presence!.topic(one.channel);
      one.topic.add(one);
    }
    if (isAgain) this.#ask(one);
  }

  #remove(one: ServerWatch): void {
    this.#byNumber.delete(one.number);
    this.#names.delete(one.channel.name);
    this.#room.forget(one);
    const { topic } = one;
    if (topic === undefined) return;
    topic.remove(one);
    this.#parts.channels.presence!.left(topic);
  }

  /** It is refused, which counts: a client has to listen. */
  #refuse(watch: number, error: CallError): void {
    if (++this.#refused > MOST_REFUSED) {
      return this.#owner.fault(new ProtocolError("Too many watches", CloseCode.LIMIT));
    }
    this.#tellEnd(watch, error);
  }

  #tellEnd(watch: number, error: CallError): void {
    const write = (of: CallError) => {
      const payload = refusalPayload(of);
      writeMessage(this.#owner.outbox, () => writeWatched(watch, 0, payload));
    };
    try {
      write(error);
    } catch { // too large for the client
      write(new CallError(error.code, "", { retryable: error.retryable }));
    }
  }
}

/** One watch. */
class ServerWatch implements PresenceWatcher {
  /** The client's number for it. */
  readonly number: number;
  /** What is watched. */
  readonly channel: NamedChannel;
  readonly isCounting: boolean;
  /** Whether a rule is asked, and whether it is to be asked again. */
  asked: "no" | "yes" | "again" = "no";
  /** Once it is allowed. */
  topic: PresenceTopic | undefined;
  readonly #watches: ServerWatches;
  #place: PresencePlace | undefined;
  /** Whether the client lacks something, and is told the whole when there is room. */
  #isBehind = false;

  constructor(
    watches: ServerWatches,
    { watch, channel, isCounting, place }: {
      readonly watch: number;
      readonly channel: NamedChannel;
      readonly isCounting: boolean;
      readonly place: PresencePlace | undefined;
    },
  ) {
    this.#watches = watches;
    this.number = watch;
    this.channel = channel;
    this.isCounting = isCounting;
    this.#place = place;
  }

  ready(): void {
    if (this.#watches.isFull) return this.#wait();
    const topic = this.topic!;
    const place = this.#place;
    this.#place = undefined;
    const since = place && !this.isCounting ? topic.since(place) : undefined;
    this.#tell(since ?? topic.snapshot(this.isCounting));
  }

  deliver(frames: readonly Uint8Array[]): boolean {
    if (this.#isBehind) return false;
    if (this.#watches.isFull || frames.some(({ length }) => length > this.#watches.mostBytes)) {
      this.#wait();
      return false;
    }
    for (const frame of frames) this.#watches.share(frame);
    return true;
  }

  /** There is room, unless those before this one have taken it: the client is told the whole. */
  goOn(): void {
    if (!this.#isBehind) return;
    if (this.#watches.isFull) return this.#wait();
    this.#isBehind = false;
    this.#tell(this.topic!.snapshot(this.isCounting));
  }

  #wait(): void {
    this.#isBehind = true;
    this.#watches.awaitRoom(this);
  }

  #tell(payloads: readonly Uint8Array[]): void {
    const { alias, countAlias } = this.topic!;
    try {
      for (const payload of payloads) this.#watches.tell(this, this.isCounting ? countAlias : alias, payload);
    } catch (error) {
      if (!(error instanceof CallError)) return this.#watches.fail(error);
      const why = "The client takes no message of that size";
      this.#watches.drop(this, new CallError("TOO_LARGE", why, { ambiguous: false }));
    }
  }
}
