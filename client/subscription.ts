/**
 * One subscription as the program holds it: what has come and was not taken yet, and up to where the program is done.
 *
 * @module
 */
import type { Position } from "../rpc/broker.ts";
import { CallError } from "../rpc/errors.ts";
import { isPromise } from "../rpc/iterating.ts";
import { isPosition } from "../rpc/positions.ts";
import type { ChannelEvent, EventHandler, ResetEvent, Subscription, Traffic } from "./channel_types.ts";
import { PastLives } from "./past_lives.ts";
import type { Payload } from "./payload.ts";
import type { SubscriptionOwner } from "./subscription_owner.ts";
import type { Start } from "./wanted.ts";
import { eventOf, NO_EVENTS, type Waiting } from "./waiting_event.ts";
import { Watchers } from "./watchers.ts";
import type { Selection } from "./selection.ts";

/** One subscription of the program. */
export class LocalSubscription implements Subscription<unknown> {
  /** Where it wants to begin, as long as it is nowhere. */
  readonly start: Start;
  /** What it wants, of what comes. */
  readonly wants: Selection;
  /** The last place whose event it was given: what comes next goes on there. */
  received: Position | undefined;
  /** Whether the server has said, on this connection, that its place belongs to the channel. */
  verified = false;
  /** Whether messages may come as differences. */
  wantsDelta = false;
  /** Bytes that wait for the program. */
  heldBytes = 0;
  /** Called when it is closed, or has nothing left to give: perhaps twice. */
  onClose: (() => void) | undefined;
  readonly #owner: SubscriptionOwner<LocalSubscription>;
  readonly #handler: EventHandler<unknown> | undefined;
  readonly #onError: ((error: unknown) => void) | undefined;
  readonly #waiting: Waiting[] = [];
  readonly #readers: ((result: IteratorResult<ChannelEvent<unknown>, undefined>) => void)[] = [];
  readonly #failing: ((error: unknown) => void)[] = [];
  readonly #watchers = new Watchers();
  #position: Position | undefined;
  #given: Position | undefined;
  readonly #past = new PastLives();
  /** Resets that the program is not done with, and those of them that it was given. */
  #resets = 0;
  #resetsGiven = 0;
  #running = false;
  #confirmed = false;
  #lags = false;
  /** While those who wait are told that it is refused for now. */
  #refusal: CallError | undefined;
  /** Whether the program was told, and it has not been live since. */
  #isRefused = false;
  #error: unknown;
  #over = false;
  #closed = false;

  /** Begins as `start` says. Without a handler it waits to be read. */
  constructor(
    owner: SubscriptionOwner<LocalSubscription>,
    { start, wants, handler, onError }: {
      start: Start;
      wants: Selection;
      handler: EventHandler<unknown> | undefined;
      onError: ((error: unknown) => void) | undefined;
    },
  ) {
    this.#owner = owner;
    this.#handler = handler;
    this.#onError = onError;
    this.start = start;
    this.wants = wants;
    this.received = this.#position = start.position;
  }

  // What the program sees.

  get position(): Position | undefined {
    return this.#position;
  }

  get state(): "subscribing" | "live" | "closed" {
    if (this.#over || this.#closed) return "closed";
    return this.#confirmed && this.#owner.live ? "live" : "subscribing";
  }

  get traffic(): Traffic {
    return this.#owner.traffic;
  }

  ready(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#watchers.add(() => {
        if (this.#confirmed) resolve();
        else if (this.#refusal !== undefined) reject(this.#refusal);
        else if (this.#closed || this.#over) reject(this.#error ?? new CallError("CLOSED"));
        else return false;
        return true;
      });
    });
  }

  async reaches(position: Position): Promise<boolean> {
    if (!isPosition(position ?? {})) throw new TypeError("Cannot wait: the position is none");
    return await this.#reaches(position, () => false);
  }

  #reaches(position: Position, isEnough: () => boolean): Promise<boolean> {
    const { epoch, offset } = position;
    let met = false; // whether it was in that life of the stream
    return new Promise((resolve) => {
      const waits = this.#watchers.add(() => {
        const done = this.doneIn(epoch);
        const isThere = done !== undefined;
        const isComing = this.received?.epoch === epoch;
        met ||= isThere || isComing || this.#past.has(epoch);
        if (isThere && done >= offset) resolve(true);
        else if (this.#closed || isEnough() || (met && !isThere && !isComing)) resolve(false);
        // What has come before the end is still given to a handler; whether somebody will ever read the rest is not known.
        else if (this.#over && !(this.#handler && isComing && this.received!.offset >= offset)) {
          resolve(false);
        } else return false;
        return true;
      });
      if (waits && this.received?.epoch !== epoch) this.#owner.awaits(position);
    });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#waiting.length = 0;
    this.heldBytes = 0;
    this.#failing.length = 0;
    this.onClose?.();
    for (const read of this.#readers.splice(0)) read(DONE);
    this.#watchers.tell();
    this.#owner.left(this);
  }

  next(): Promise<IteratorResult<ChannelEvent<unknown>, undefined>> {
    if (this.#handler !== undefined) {
      return Promise.reject(new TypeError("Cannot read a subscription that has a handler"));
    }
    if (this.#given !== undefined) this.#done(this.#given);
    this.#given = undefined;
    if (this.#closed) return Promise.resolve(DONE);
    return new Promise((resolve, reject) => {
      this.#readers.push(resolve);
      this.#failing.push(reject);
      this.#feed();
    });
  }

  return(): Promise<IteratorResult<ChannelEvent<unknown>, undefined>> {
    this.close();
    return Promise.resolve(DONE);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  // What the channel does with it.

  /** Whether it is there for signals alone. */
  get takesNothing(): boolean {
    return this.#handler === NO_EVENTS;
  }

  /** How many events wait for the program. */
  get held(): number {
    return this.#waiting.length;
  }

  /** Up to where the program is done in that life of the stream; `undefined` while it is nowhere, or in another past, which may have the same epoch. */
  doneIn(epoch: string): number | undefined {
    return this.#resets === 0 && this.#position?.epoch === epoch ? this.#position.offset : undefined;
  }

  /** It is put aside, or not any more. */
  lag(lags: boolean): void {
    this.#lags = lags;
    this.#watchers.tell();
  }

  /** Resolves when it has come to a place, will not, or lags: nobody waits for who does not read. */
  async comesOrLags(position: Position): Promise<void> {
    await this.#reaches(position, () => this.#lags);
  }

  /** The server has answered: it begins here. */
  begin(position: Position): void {
    this.received = this.#position = position;
    this.confirm();
  }

  /** The server has answered: it goes on where it was. */
  confirm(): void {
    this.verified = true;
    this.#isRefused = false;
    if (this.#confirmed) return;
    this.#confirmed = true;
    this.#watchers.tell();
  }

  /** The next publication, or change. */
  message(position: Position, data: Payload): void {
    this.received = position;
    if (this.takesNothing) return this.#done(position);
    this.heldBytes += data.length;
    this.#add({ type: "message", data, position });
    if (this.#waiting.length > 0) data.keep();
  }

  /** Publications that do not come. */
  gap(position: Position, { from, reason }: { from: number; reason: string }): void {
    this.received = position;
    this.#add({ type: "gap", from, to: position.offset, reason, position });
  }

  /** Publications that are not meant for it. */
  skip(position: Position): void {
    this.received = position;
    this.#add({ type: "skip", position });
  }

  /** What comes does not join what came. */
  reset(position: Position, reason: ResetEvent["reason"]): void {
    const { epoch } = this.received ?? position;
    if (epoch !== position.epoch) this.#past.add(epoch);
    this.received = position;
    this.#resets++;
    this.#add({ type: "reset", position, reason });
    this.confirm();
  }

  /** A life of the stream is over, whether it was in it or not. */
  ended(epoch: string): void {
    this.#past.add(epoch);
    this.#watchers.tell();
  }

  /** It is refused for now, and asked for again: whoever waits is told each time, the program once. */
  refused(error: CallError): void {
    this.#refusal = error;
    this.#watchers.tell();
    this.#refusal = undefined;
    if (this.#isRefused) return;
    this.#isRefused = true;
    this.#report(this.#onError ?? this.#owner.report, error);
  }

  /** It is over. What waits is still given. */
  fail(error: unknown): void {
    if (this.#over || this.#closed) return;
    this.#over = true;
    this.#error = error;
    this.#watchers.tell();
    this.#feed();
  }

  #add(waiting: Waiting): void {
    this.#waiting.push(waiting);
    this.#feed();
  }

  /** Gives what waits to who takes it. */
  #feed(): void {
    while (!this.#running && !this.#closed) {
      const first = this.#waiting[0];
      if (first === undefined) {
        if (this.#over) this.#end();
        return;
      }
      if (first.type === "skip") {
        this.#take();
        // A reader has the event before: it is done with that when it asks for the next.
        if (this.#given === undefined) this.#done(first.position);
        else this.#given = first.position;
      } else if (this.#handler !== undefined) {
        this.#handle(this.#handler, first);
      } else if (this.#readers.length > 0) {
        this.#give(first);
      } else {
        return;
      }
    }
  }

  #handle(handler: EventHandler<unknown>, waiting: Exclude<Waiting, { type: "skip" }>): void {
    this.#take();
    const event = this.#event(waiting);
    if (event === undefined) return;
    const { position } = event;
    try {
      const result = handler(event);
      if (!isPromise(result)) return this.#done(position);
      this.#running = true;
      const settled = () => {
        this.#running = false;
        this.#done(position);
        this.#feed();
      };
      result.then(settled, (error) => {
        this.#owner.report(error);
        settled();
      });
    } catch (error) {
      this.#owner.report(error);
      this.#done(position);
    }
  }

  #give(waiting: Exclude<Waiting, { type: "skip" }>): void {
    this.#take();
    const event = this.#event(waiting);
    if (event === undefined) return;
    this.#given = event.position;
    this.#failing.shift();
    this.#readers.shift()!({ done: false, value: event });
  }

  #take(): void {
    const waiting = this.#waiting.shift();
    if (waiting?.type === "message") this.heldBytes -= waiting.data.length;
    else if (waiting?.type === "reset") this.#resetsGiven++;
  }

  /** `undefined` when the message is none: then all is over. */
  #event(waiting: Exclude<Waiting, { type: "skip" }>): ChannelEvent<unknown> | undefined {
    if (waiting.type !== "message") return waiting;
    try {
      return eventOf(this.#owner.decode(waiting.data), waiting);
    } catch (cause) {
      this.#waiting.length = 0;
      this.heldBytes = 0;
      this.fail(new CallError("BAD_MESSAGE", "A publication cannot be decoded", { cause }));
      return undefined;
    }
  }

  /** The program is done up to here. */
  #done(position: Position): void {
    this.#position = position;
    this.#resets -= this.#resetsGiven;
    this.#resetsGiven = 0;
    this.#watchers.tell();
    this.#owner.advanced();
  }

  #end(): void {
    if (this.#handler === undefined) {
      // What was refused is told once, to who reads first; whoever reads on finds the end.
      this.onClose?.(); // nobody may ever read it, and its signal may live for long
      this.#readers.shift();
      const reject = this.#failing.shift();
      if (reject === undefined) return;
      reject(this.#error);
      return this.close();
    }
    const error = this.#error;
    this.close();
    if (this.#onError !== undefined) this.#report(this.#onError, error);
    else if (!isClosed(error)) this.#owner.report(error);
  }

  #report(tell: (error: unknown) => void, error: unknown): void {
    try {
      tell(error);
    } catch (failure) {
      this.#owner.report(failure);
    }
  }
}

const DONE: IteratorResult<never, undefined> = { done: true, value: undefined };

/** The program closed the client: it knows. */
function isClosed(error: unknown): boolean {
  return error instanceof CallError && error.code === "CLOSED";
}
