/**
 * One call as its caller holds it: a promise of a value and an iterator of items in one, since a client that has types
 * alone learns from the answer which of the two it is.
 *
 * @module
 */
import type { Position } from "./broker.ts";
import type { CallOptions, CallResult } from "./calls.ts";
import { CallError } from "./errors.ts";
import type { ItemReceiver } from "./item_receiver.ts";
import { isKey, LONGEST_NAME } from "./long_names.ts";
import { isPromise, iteratorOf, stopItems } from "./iterating.ts";

/** What a call says to the other side. */
export interface CallRequest {
  /** The name of the procedure. */
  readonly method: string;
  /** The input, `undefined` for none. Bytes in it are borrowed until the call has left. */
  input: unknown;
  /** The caller's items. */
  readonly items: AsyncIterator<unknown> | Iterator<unknown> | undefined;
  /** Checks an item before it is sent. */
  readonly itemCheck?: ((item: unknown) => unknown) | undefined;
  /** What the caller says beside. */
  readonly options: CallOptions;
}

/** How the value or the items of a call are checked where they arrive. */
export interface AnswerCheck {
  /** Whether the answer must be a stream, where that is known. */
  readonly streams: boolean;
  /** Checks a value, or each item. */
  readonly check: ((value: unknown) => unknown) | undefined;
}

type State =
  | { readonly is: "pending" }
  | { readonly is: "value"; readonly value: unknown }
  | { readonly is: "stream"; readonly receiver: ItemReceiver }
  | { readonly is: "failed"; readonly error: unknown };

/**
 * Reads the arguments of `app.call.name(...)`: `(input, options)`, `(input, items, options)` or `(items, options)`.
 *
 * @throws {TypeError} If what should be options is something else.
 */
export function readArguments(method: string, given: readonly unknown[]): CallRequest {
  const itemsFirst = isItems(given[0]);
  const input = itemsFirst ? undefined : given[0];
  const rest = itemsFirst ? given : given.slice(1);
  const hasItems = isItems(rest[0]) || rest[0] instanceof ReadableStream;
  const options = hasItems ? rest[1] : rest[0];
  if (options !== undefined && (typeof options !== "object" || options === null)) {
    throw new TypeError(`Cannot call ${method}: its options must be an object with signal or timeout`);
  }
  const { timeout, key } = (options ?? {}) as CallOptions;
  if (key !== undefined && !isKey(key)) {
    throw new TypeError(`Cannot call ${method}: its key must be a string of 1 to ${LONGEST_NAME} bytes`);
  }
  if (timeout !== undefined && !(timeout >= 0)) {
    throw new TypeError(`Cannot call ${method}: timeout ${timeout} is no time`);
  }
  return {
    method,
    input,
    items: hasItems ? iteratorOf(rest[0]) : undefined,
    options: (options ?? {}) as CallOptions,
  };
}

/** In the first place a `ReadableStream` is an input of bytes. */
function isItems(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && !(value instanceof ReadableStream) &&
    Symbol.asyncIterator in value;
}

/** A call on its way. Whoever sends it settles it once; the program sees it as a `ValueCall` or a `StreamCall`. */
export class OutgoingCall implements Promise<unknown>, AsyncIterableIterator<unknown, undefined> {
  /** For `Object.prototype.toString`. */
  readonly [Symbol.toStringTag] = "Call";
  /** What is called. */
  readonly request: CallRequest;
  /** Set by whoever has the call while it is pending: tells the other side, or forgets the call. */
  onCancel: ((error: CallError) => void) | undefined;
  /** Where its handler has published, by the name of the channel, if the other side has told. Empty: in more channels than it tells. */
  caused: Map<string, Position> | undefined;
  /** Set when a stream has taken over the caller's items, and their end with them. */
  itemsTaken = false;
  /** Set when it was sent in a session that is lost: whatever becomes of it in another, nobody can say any more that it has not run. */
  mayHaveRun = false;
  #answered = false;
  readonly #answer: AnswerCheck | undefined;
  #state: State = { is: "pending" };
  #promise: Promise<unknown> | undefined;
  #accepted: Promise<ItemReceiver> | undefined;
  #settled: (() => void)[] = [];
  #unlisten: (() => void) | undefined;

  /** Waits for its answer. An aborted signal settles it at once. */
  constructor(request: CallRequest, answer?: AnswerCheck) {
    this.request = request;
    this.#answer = answer;
    const { signal } = request.options;
    if (signal === undefined) return;
    const abort = () => this.cancel(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    this.#unlisten = () => signal.removeEventListener("abort", abort);
    if (signal.aborted) abort();
  }

  /** Whether the call has its value, its error, or the end of its stream is somebody else's business. */
  get settled(): boolean {
    return this.#state.is !== "pending";
  }

  /** RESULT: the value. */
  resolve(value: unknown): void {
    this.#answered = true;
    const { check, streams } = this.#answer ?? {};
    if (streams === true) {
      return this.reject(new CallError("WRONG_SHAPE", "The answer is a value, not a stream"));
    }
    try {
      const checked = check === undefined ? value : check(value);
      if (!isPromise(checked)) return this.#settle({ is: "value", value: checked });
      checked.then((valid) => this.#settle({ is: "value", value: valid }), (error) => this.reject(error));
    } catch (error) {
      this.reject(error);
    }
  }

  /** STREAM: the items come by `receiver`. */
  accept(receiver: ItemReceiver): void {
    if (this.#answer?.streams === false) {
      receiver.stop();
      return this.reject(new CallError("WRONG_SHAPE", "The answer is a stream, not a value"));
    }
    receiver.validate = this.#answer?.check;
    this.#settle({ is: "stream", receiver });
  }

  /** ERROR, or what happened here. */
  reject(error: unknown): void {
    this.#settle({ is: "failed", error: this.mayHaveRun ? asAmbiguous(error) : error });
    if (!this.itemsTaken) stopItems(this.request.items);
  }

  /** The stream of the answer is not wanted any more: its reader gets `error`, its sender is told to stop. */
  breakOff(error: CallError): void {
    if (this.#state.is === "stream") this.#state.receiver.breakOff(error);
  }

  /** The stream of the answer is over, or there is none: the signal is listened to no more. */
  over(): void {
    this.#unlisten?.();
    this.#unlisten = undefined;
  }

  /** Tells the other side to stop. The call ends with `CANCELLED`, unless its answer is already here. */
  cancel(reason?: unknown): void {
    const error = cancelled(reason);
    if (this.#state.is === "pending") {
      const { onCancel } = this;
      this.onCancel = undefined;
      onCancel?.(error);
      this.reject(error);
    } else {
      this.breakOff(error);
    }
    this.over();
  }

  // A promise: made when somebody asks, so that a call nobody awaits rejects nobody's promise.

  /** As of a promise. Of a stream: resolves with an iterator of its items once the other side has accepted the call. */
  then<A = unknown, B = never>(
    fulfilled?: ((value: unknown) => A | PromiseLike<A>) | null,
    rejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return (this.#promise ??= this.#asPromise()).then(fulfilled, rejected);
  }

  /** As of a promise. */
  catch<B = never>(rejected?: ((reason: unknown) => B | PromiseLike<B>) | null): Promise<unknown> {
    return this.then(undefined, rejected);
  }

  /** As of a promise. */
  finally(run?: (() => void) | null): Promise<unknown> {
    return this.then().finally(run);
  }

  /** The value or the error, as data. Never rejects: an input that cannot be encoded, a `TypeError` elsewhere, is `BAD_INPUT`. */
  result(): Promise<CallResult<unknown, CallError>> {
    return this.then(
      (value) => ({ ok: true, value }),
      (error) => ({
        ok: false,
        error: error instanceof CallError ? error : this.#answered ? unchecked(error) : notSent(error),
      }),
    );
  }

  // An iterator.

  /** The next item. */
  async next(): Promise<IteratorResult<unknown, undefined>> {
    return (await this.#receiver()).next();
  }

  /** Cancels the call. */
  return(): Promise<IteratorResult<unknown, undefined>> {
    if (this.#state.is === "stream") this.#state.receiver.stop();
    else this.cancel();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #settle(state: State): void {
    if (this.#state.is !== "pending") {
      if (state.is === "stream") state.receiver.stop();
      return;
    }
    this.#state = state;
    if (state.is !== "stream") this.over();
    for (const run of this.#settled.splice(0)) run();
  }

  #whenSettled(): Promise<State> {
    if (this.#state.is !== "pending") return Promise.resolve(this.#state);
    return new Promise((resolve) => this.#settled.push(() => resolve(this.#state)));
  }

  async #asPromise(): Promise<unknown> {
    const state = await this.#whenSettled();
    if (state.is === "failed") throw state.error;
    return state.is === "value" ? state.value : new Items(this);
  }

  #receiver(): Promise<ItemReceiver> {
    return this.#accepted ??= this.#acceptedStream();
  }

  async #acceptedStream(): Promise<ItemReceiver> {
    const state = await this.#whenSettled();
    if (state.is === "stream") return state.receiver;
    if (state.is === "failed") throw state.error;
    throw new CallError("WRONG_SHAPE", "The procedure answers with a value, not a stream");
  }
}

/** What awaiting a stream gives: the same items, but no promise any more, so that `await` comes to an end. */
class Items implements AsyncIterableIterator<unknown, undefined> {
  readonly #call: OutgoingCall;

  constructor(call: OutgoingCall) {
    this.#call = call;
  }

  next(): Promise<IteratorResult<unknown, undefined>> {
    return this.#call.next();
  }

  return(): Promise<IteratorResult<unknown, undefined>> {
    return this.#call.return();
  }

  cancel(reason?: unknown): void {
    this.#call.cancel(reason);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

function cancelled(reason: unknown): CallError {
  return new CallError("CANCELLED", undefined, { cause: reason });
}

/** What the handler declares it has said itself; anything else leaves open what came of the call that was sent before. */
function asAmbiguous(error: unknown): unknown {
  if (!(error instanceof CallError) || error.declared) return error;
  return new CallError(error.code, error.message, { ...error, ambiguous: true });
}

/** A schema that threw instead of giving issues. */
function unchecked(error: unknown): CallError {
  return new CallError("INTERNAL", undefined, { cause: error });
}

/** As data there is one kind of error; the plain `await` throws what the encoder did, a mistake of the program. */
function notSent(error: unknown): CallError {
  const why = error instanceof Error ? error.message : String(error);
  return new CallError("BAD_INPUT", `The input cannot be sent: ${why}`, { cause: error });
}
