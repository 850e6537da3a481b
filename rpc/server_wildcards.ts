/**
 * The wildcards of one connection: how many there may be, and what all of them together have told.
 *
 * @module
 */
import { writeMatched, writeUnwildcard } from "./channel_messages.ts";
import { BrokerError } from "./broker.ts";
import type { ChannelOwner, ChannelParts } from "./channel_owner.ts";
import { inTime, type NamedChannel, noChannel } from "./channel_rules.ts";
import type { ClientWork } from "./client_work.ts";
import { CloseCode } from "./close.ts";
import type { NameList } from "./directory.ts";
import type { WildcardAsked } from "./dispatch_channels.ts";
import { CallError } from "./errors.ts";
import { isPromise } from "./iterating.ts";
import type { MaybePromise } from "./maybe_promise.ts";
import { writeMessage } from "./outbox_parts.ts";
import type { ProgramRules } from "./program_rules.ts";
import { ProtocolError } from "./protocol_error.ts";
import { ServerWildcard, type WildcardOwner } from "./server_wildcard.ts";
import type { SocketQueue } from "./socket_queue.ts";
import { asRefusal, tooMuch } from "./subscription_refusals.ts";
import { turnOf } from "./turn.ts";

/** What it shares with the subscriptions of the connection. */
export interface WildcardParts extends ChannelParts {
  /** The rules of channels. */
  readonly rules: ProgramRules;
  /** What runs for the client. */
  readonly work: ClientWork;
  /** What waits for the socket. */
  readonly room: SocketQueue;
}

/** Refused in a row before the peer is taken for one that does not listen. */
const MOST_REFUSED = 1_024;
/** Milliseconds that the broker may take to tell names. */
const PATIENCE = 10_000;

/** The wildcards of one connection. */
export class ServerWildcards implements WildcardOwner {
  /** See {@linkcode WildcardOwner.identity}. */
  identity = 0;
  readonly #parts: WildcardParts;
  readonly #owner: ChannelOwner;
  readonly #wildcards = new Map<number, ServerWildcard>();
  /** Names that were told, and by how many. */
  readonly #told = new Map<string, number>();
  /** Those of them that have appeared since, and that the client has not subscribed to: it may, from their beginning. */
  readonly #new = new Set<string>();
  #last = 0;
  #refused = 0;
  #isOver = false;

  /** There are none. */
  constructor(parts: WildcardParts, owner: ChannelOwner) {
    this.#parts = parts;
    this.#owner = owner;
  }

  /** Names that were told. */
  get size(): number {
    return this.#told.size;
  }

  // What the client asks for.

  /** WILDCARD. */
  begin({ n, pattern, match }: WildcardAsked): void {
    if (this.#isOver) return;
    if (n !== this.#last + 1) throw new ProtocolError("Wildcards are numbered 1, 2, 3…");
    this.#last = n;
    const { limits, channels } = this.#parts;
    if (this.#wildcards.size >= limits.wildcards) {
      return this.#refuse(n, new CallError("RESOURCE_EXHAUSTED", `More than ${limits.wildcards} wildcards`));
    }
    const found = channels.match(pattern, match);
    if (found === undefined) return this.#refuse(n, noChannel());
    if (!channels.watches.isPossible) {
      const error = new CallError("UNAVAILABLE", "There are no wildcards here", { retryable: false });
      return this.#refuse(n, error);
    }
    if (this.#parts.work.isFull) return this.#refuse(n, tooMuch("Too much is still done for others"));
    this.#refused = 0;
    const wildcard = new ServerWildcard(n, found, this);
    this.#wildcards.set(n, wildcard);
    channels.watches.join(pattern, wildcard, (watching) => this.#counted(watching));
  }

  /** UNWILDCARD. For one that has ended it comes late, and is ignored. */
  finish(n: number): void {
    if (this.#isOver) return;
    if (n > this.#last || n === 0) throw new ProtocolError("Ends a wildcard that never was");
    const wildcard = this.#wildcards.get(n);
    if (wildcard === undefined) return;
    this.#wildcards.delete(n);
    this.#parts.channels.watches.leave(wildcard.pattern, wildcard);
    wildcard.end();
  }

  // What happens to subscriptions.

  /**
   * Whether the client, which subscribes now, was told of the channel when it appeared: from its beginning is not into the past then. True once for each
   * telling.
   */
  isNew(name: string): boolean {
    return this.#new.delete(name);
  }

  /** The client may not be subscribed to this any more. */
  forget(name: string): void {
    if (!this.#told.has(name)) return;
    for (const wildcard of this.#wildcards.values()) wildcard.forget(name);
  }

  /** The identity is another one, or what it may do has changed. */
  reauthorize(only: string | undefined): void {
    this.identity++;
    this.#new.clear();
    for (const wildcard of this.#wildcards.values()) wildcard.mayKnow(only);
  }

  /** The connection is gone. */
  end(): void {
    for (const n of [...this.#wildcards.keys()]) this.finish(n);
    this.#isOver = true;
    this.#new.clear();
  }

  // What each needs.

  find(name: string): NamedChannel | undefined {
    return this.#parts.channels.find(name);
  }

  list(pattern: string): NameList {
    const { watches, work: clock } = this.#parts.channels;
    const list = watches.list(pattern);
    const late = () => Promise.reject(new BrokerError("UNAVAILABLE", "The broker does not answer")) as never;
    return {
      next: () => {
        const names = list.next();
        return isPromise(names) ? this.#counted(inTime(names, { clock, ms: PATIENCE }, late)) : names;
      },
    };
  }

  ask(channel: NamedChannel): MaybePromise<CallError | undefined> {
    const { rules, work } = this.#parts;
    if (work.isFull) return new CallError("RESOURCE_EXHAUSTED", "Too much is still done for others");
    const answer = rules.ask(channel, channel.value.allow.subscribe);
    if (isPromise(answer)) return answer.then((refusal) => refusal && asRefusal(refusal));
    return answer && asRefusal(answer);
  }

  isFull(name: string): boolean {
    return this.#told.size >= this.#parts.limits.channels && !this.#told.has(name);
  }

  added(name: string, isNew: boolean): void {
    this.#told.set(name, (this.#told.get(name) ?? 0) + 1);
    if (isNew) this.#new.add(name);
  }

  removed(name: string): void {
    const by = (this.#told.get(name) ?? 1) - 1;
    if (by > 0) return void this.#told.set(name, by);
    this.#told.delete(name);
    this.#new.delete(name);
    for (const wildcard of this.#wildcards.values()) wildcard.hasRoom();
  }

  tell(n: number, state: number, name: string): void {
    writeMessage(this.#owner.outbox, () => writeMatched(n, state, name));
  }

  room(): Promise<void> | undefined {
    const { room } = this.#parts;
    if (!this.#owner.outbox.room.isOver(room.most, 0)) return undefined;
    return new Promise((resolve) => room.wait({ goOn: resolve }));
  }

  turn(): Promise<void> {
    return new Promise((resolve) => turnOf(this.#parts.clock).add({ endTurn: resolve }));
  }

  later(run: () => void, most: number, least = 0): unknown {
    const { clock, channels } = this.#parts;
    return channels.work.setTimeout(run, least + clock.random() * most);
  }

  notLater(timer: unknown): void {
    this.#parts.channels.work.clearTimeout(timer);
  }

  report(error: unknown): void {
    this.#owner.report(error);
  }

  fail(error: unknown): void {
    if (this.#isOver) return;
    this.#owner.report(error);
    this.#owner.fault(new ProtocolError("internal error", CloseCode.SERVER_FAULT, { cause: error }));
  }

  #counted<T>(asked: MaybePromise<T>): MaybePromise<T> {
    return isPromise(asked) ? this.#parts.work.counted(Promise.resolve(asked)) : asked;
  }

  #refuse(n: number, error: CallError): void {
    if (++this.#refused > MOST_REFUSED) {
      return this.#owner.fault(new ProtocolError("Too many wildcards", CloseCode.LIMIT));
    }
    writeMessage(this.#owner.outbox, () => writeUnwildcard(n, error));
  }
}
