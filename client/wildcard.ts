/**
 * All channels of a pattern, some parameters of which are given: the server tells which there are, and each is subscribed to as any other channel is, with its own
 * position, shared with whoever else in this client is subscribed to it. So a connection that is lost, a channel that was begun anew or one that is refused is what it
 * is for one channel.
 *
 * @module
 */
import type { Position } from "../rpc/broker.ts";
import { ChannelMatch } from "../rpc/channel_match.ts";
import { ChannelPattern } from "../rpc/channel_pattern.ts";
import { CallError } from "../rpc/errors.ts";
import { isPromise } from "../rpc/iterating.ts";
import { MatchState } from "../rpc/match_state.ts";
import type { ChannelEvent, Subscription, Traffic } from "./channel_types.ts";
import { LocalSubscription } from "./subscription.ts";
import type { Wanted } from "./wanted.ts";
import { Watchers } from "./watchers.ts";
import { totalOf } from "./wire_deltas.ts";
import type { WildcardConnection, WildcardParts, WildcardWire } from "./wildcard_parts.ts";
import type { MatchedChannel, WildcardEvent } from "./wildcard_types.ts";

/** A channel that was matched. */
interface Member {
  readonly channel: MatchedChannel;
  local: LocalSubscription | undefined;
  /** The connection on which it was told last. */
  told: number;
  /** Whether it ends as soon as the program has read what came of it. */
  isGone: boolean;
}

type Event = WildcardEvent<unknown>;
type Result = IteratorResult<Event, undefined>;

/** An event that waits to be read. */
interface Unread {
  readonly event: Event;
  /** The program is done with it. */
  readonly done: () => void;
}

/** Channels that one wildcard takes, whatever the server says. */
const MOST_MATCHED = 65_536;
/** Waits after a refusal, in milliseconds, double from the first to the last, of which a random part is waited. */
const FIRST_WAIT = 500;
const LAST_WAIT = 20_000;
/** A rewind that has all there is. */
const ALL_THERE_IS = Number.MAX_SAFE_INTEGER;
const MORE = "There are more channels than one connection may have";
const DONE: Result = { done: true, value: undefined };

/** A channel that appeared since: where its beginning is not kept any more, or may not be looked at, that is told. */
class FromBeginning extends LocalSubscription {
  override begin(position: Position): void {
    if (position.offset === 0) super.begin(position);
    else this.reset(position, "history");
  }
}

/** Resolves when a channel has begun, or will not. Where the server cannot say so now it is asked again; where it has no room, the program was told. */
async function begins(local: LocalSubscription | undefined): Promise<void> {
  try {
    await local?.ready();
  } catch (error) {
    const { retryable, code } = error as CallError;
    if (retryable && code !== "RESOURCE_EXHAUSTED") return begins(local);
  }
}

/** One wildcard of the program. */
export class Wildcard implements WildcardWire, Subscription<unknown> {
  readonly pattern: string;
  readonly match: string;
  /** It is in many places. */
  readonly position = undefined;
  readonly #match: ChannelMatch;
  readonly #wanted: Wanted;
  readonly #parts: WildcardParts;
  readonly #members = new Map<string, Member>();
  readonly #watchers = new Watchers();
  readonly #unread: Unread[] = [];
  readonly #readers: { resolve(result: Result): void; reject(error: unknown): void }[] = [];
  #given: Unread | undefined;
  /** What a handler is busy with. */
  #busy: Promise<unknown> | undefined;
  #connection: WildcardConnection | undefined;
  #n = 0;
  /** Counts connections. */
  #times = 0;
  /** Whether the server has told of all there are, on this connection, and ever. */
  #isTold = false;
  #wasTold = false;
  #isReady = false;
  #isRefused = false;
  #failures = 0;
  #retry: unknown;
  #error: CallError | undefined;
  #isErrorTold = false;
  #isOver = false;
  readonly #abort = (): void => this.close();

  /**
   * Waits for a connection.
   *
   * @throws {TypeError} If the match is none of the pattern.
   */
  constructor(pattern: string, match: string, wanted: Wanted, parts: WildcardParts) {
    const found = ChannelMatch.read(new ChannelPattern(pattern), match);
    if (found === undefined) throw new TypeError(`Cannot subscribe: "${match}" is none of "${pattern}"`);
    this.#match = found;
    this.pattern = pattern;
    this.match = match;
    this.#wanted = wanted;
    this.#parts = parts;
    wanted.signal?.addEventListener("abort", this.#abort, { once: true });
  }

  // What the program sees.

  get traffic(): Traffic {
    return totalOf([...this.#members.values()].map(({ local }) => local));
  }

  get state(): "subscribing" | "live" | "closed" {
    if (this.#isOver) return "closed";
    return this.#isTold ? "live" : "subscribing";
  }

  get channels(): readonly MatchedChannel[] {
    return [...this.#members.values()].map(({ channel }) => channel);
  }

  ready(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#watchers.add(() => {
        if (this.#isReady) resolve();
        else if (this.#isOver) reject(this.#error ?? new CallError("CLOSED"));
        else return false;
        return true;
      });
    });
  }

  /** See `Subscription.reaches`: it has no place. */
  reaches(): Promise<boolean> {
    return Promise.resolve(false);
  }

  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#parts.clock.clearTimeout(this.#retry);
    this.#wanted.signal?.removeEventListener("abort", this.#abort);
    this.#connection?.giveUpAll(this.#n);
    this.#connection = undefined;
    this.#parts.closed();
    for (const { local } of [...this.#members.values()]) local?.close();
    this.#members.clear();
    this.#unread.length = 0;
    for (const reader of this.#readers.splice(0)) {
      const error = this.#takeError();
      if (error === undefined) reader.resolve(DONE);
      else reader.reject(error);
    }
    this.#watchers.tell();
  }

  next(): Promise<Result> {
    if (this.#wanted.handler !== undefined) {
      return Promise.reject(new TypeError("Cannot read a subscription that has a handler"));
    }
    this.#given?.done();
    this.#given = undefined;
    if (this.#isOver) {
      const error = this.#takeError();
      return error === undefined ? Promise.resolve(DONE) : Promise.reject(error);
    }
    return new Promise((resolve, reject) => {
      this.#readers.push({ resolve, reject });
      this.#feed();
    });
  }

  return(): Promise<Result> {
    this.close();
    return Promise.resolve(DONE);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Who reads first is told why it has ended. */
  #takeError(): CallError | undefined {
    const error = this.#isErrorTold ? undefined : this.#error;
    this.#isErrorTold = true;
    return error;
  }

  // The connection's side.

  /** There is a connection. What is one channel needs no wildcard. */
  connected(connection: WildcardConnection): void {
    this.#connection = connection;
    this.#times++;
    if (!this.#match.isOne) return this.#ask();
    this.#there(this.match);
    this.#complete();
  }

  /** It is gone. What was matched goes on by itself when there is another. */
  disconnected(): void {
    this.#connection = undefined;
    this.#isTold = false;
    this.#parts.clock.clearTimeout(this.#retry);
  }

  /** There will be none any more, or the server refuses it for good. */
  fail(error: CallError, isOverAlready = false): void {
    if (this.#isOver) return;
    const { handler, onError } = this.#wanted;
    this.#error = error;
    this.close();
    if (handler === undefined || isOverAlready) return;
    if (onError !== undefined) this.#report(onError, error);
    else if (error.code !== "CLOSED") this.#parts.report(error);
  }

  refused(error: CallError): void {
    this.#isTold = false;
    if (!error.retryable) return this.fail(error);
    this.#tellOnce(error);
    const { clock } = this.#parts;
    const most = Math.min(LAST_WAIT, FIRST_WAIT * 2 ** Math.min(this.#failures++, 16));
    this.#retry = clock.setTimeout(() => this.#connection && this.#ask(), clock.random() * most);
  }

  matched(state: number, name: string): void {
    switch (state) {
      case MatchState.THERE:
        return this.#there(name);
      case MatchState.GONE:
        return this.#gone(name);
      case MatchState.FULL:
        this.#tellOnce();
        break;
      case MatchState.ALL:
        this.#isRefused = false;
        for (const [name, { told }] of [...this.#members]) if (told !== this.#times) this.#gone(name);
        break;
      case MatchState.SOME:
        break;
      default:
        return; // of a later server
    }
    this.#complete();
  }

  #ask(): void {
    this.#n = this.#connection!.askAll(this);
  }

  /** There is this channel: subscribed to as the program said, or, where it has appeared since, from its beginning. */
  #there(name: string): void {
    const known = this.#members.get(name);
    if (known !== undefined) {
      known.told = this.#times;
      known.isGone = false;
      return;
    }
    const params = this.#match.params(name);
    if (params === undefined || this.#isOver) return;
    if (this.#members.size >= MOST_MATCHED) return this.#tellOnce();
    const member: Member = { channel: { name, params }, local: undefined, told: this.#times, isGone: false };
    this.#members.set(name, member);
    const { start } = this.#wanted;
    if (this.#wasTold) {
      this.#subscribe(member, { ...start, rewind: ALL_THERE_IS, rewindMs: undefined }, FromBeginning);
    } else this.#subscribe(member, { ...start, position: undefined }, LocalSubscription);
  }

  #subscribe(member: Member, start: Wanted["start"], Local: typeof LocalSubscription): void {
    const { channel } = member;
    const onError = (error: unknown) => this.#failed(member, start, error as CallError);
    const handler = (event: ChannelEvent<unknown>) => this.#take({ ...event, channel });
    const wanted = { ...this.#wanted, start, handler, onError, signal: undefined };
    member.local = this.#parts.subscribe(channel.name, wanted, Local);
  }

  #gone(name: string): void {
    const member = this.#members.get(name);
    if (member === undefined || member.isGone) return;
    member.isGone = true;
    this.#endRead(member);
  }

  /** What came of it is still given, and it ends then, unless it is there again. */
  #endRead(member: Member): void {
    const { channel: { name }, local } = member;
    if (!member.isGone || this.#members.get(name) !== member) return;
    const received = local?.received;
    const done = received && local!.doneIn(received.epoch);
    if (received === undefined || (done !== undefined && done >= received.offset)) return this.#drop(name);
    void local!.reaches(received).then(() => this.#endRead(member));
  }

  #drop(name: string): void {
    const member = this.#members.get(name);
    this.#members.delete(name);
    member?.local?.close();
  }

  /** One channel was refused. Where that is so for good it is left out, and who may not look back may still be told what comes. */
  #failed(member: Member, start: Wanted["start"], error: CallError): void {
    if (error.retryable && error.code !== "BAD_MESSAGE") return this.#tellOnce(error);
    const { name } = member.channel;
    if (this.#isOver || this.#members.get(name) !== member) return;
    if (error.code !== "BAD_INPUT" && start.rewind === ALL_THERE_IS && member.local?.position === undefined) {
      const { rewind: _, ...now } = start;
      return this.#subscribe(member, now, FromBeginning);
    }
    this.#drop(name);
    if (error.code === "BAD_INPUT") return this.fail(error); // every channel of the pattern would say so
    if (error.code === "BAD_MESSAGE") this.#report(this.#wanted.onError ?? this.#parts.report, error);
  }

  /** All that are there have been told. It is ready when each of them is live, or was refused. */
  #complete(): void {
    this.#isTold = true;
    this.#failures = 0;
    if (this.#wasTold) return;
    this.#wasTold = true;
    const begun = [...this.#members.values()].map(({ local }) => begins(local));
    Promise.all(begun).then(() => {
      this.#isReady = !this.#isOver;
      this.#watchers.tell();
    });
  }

  // Events, one after the other.

  /** An event of one channel, whose next one comes when this is done. */
  #take(event: Event): unknown {
    if (this.#isOver) return;
    if (this.#wanted.handler === undefined) {
      return new Promise<void>((done) => {
        this.#unread.push({ event, done });
        this.#feed();
      });
    }
    if (this.#busy === undefined) return this.#handle(event);
    return this.#follow(this.#busy.then(() => this.#isOver ? undefined : this.#wanted.handler!(event)));
  }

  #handle(event: Event): unknown {
    const result = this.#wanted.handler!(event);
    return isPromise(result) ? this.#follow(Promise.resolve(result)) : undefined;
  }

  /** The next event waits for this, whatever becomes of it. */
  #follow(running: Promise<unknown>): Promise<unknown> {
    const ended = running.then(() => {}, () => {});
    const busy: Promise<unknown> = this.#busy = ended.then(() => {
      if (this.#busy === busy) this.#busy = undefined;
    });
    return running;
  }

  #feed(): void {
    while (this.#readers.length > 0 && this.#unread.length > 0) {
      const unread = this.#given = this.#unread.shift()!;
      this.#readers.shift()!.resolve({ done: false, value: unread.event });
    }
  }

  /** Once until it is told of all again. */
  #tellOnce(error = new CallError("RESOURCE_EXHAUSTED", MORE)): void {
    if (this.#isRefused || this.#isOver) return;
    this.#isRefused = true;
    this.#report(this.#wanted.onError ?? this.#parts.report, error);
  }

  #report(tell: (error: unknown) => void, error: unknown): void {
    try {
      tell(error);
    } catch (failure) {
      this.#parts.report(failure);
    }
  }
}
