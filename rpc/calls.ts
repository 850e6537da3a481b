import type { CallError, DeclaredError, SystemError } from "./errors.ts";
import type { ErrorSchemas, Procedure } from "./procedure.ts";
import type { InputOf, OutputOf, Schema } from "./schema.ts";

/** What a caller may say about one call. */
export interface CallOptions {
  /** Cancels the call when it aborts. */
  readonly signal?: AbortSignal | undefined;
  /** How long the call may take, in milliseconds; `Infinity` for no deadline. */
  readonly timeout?: number | undefined;
  /**
   * Under which the call runs once: sent again with the same key, by whoever signed in as the same, it gets the reply of the first, which is
   * kept for 10 minutes. The client then sends it again by itself when its session is lost. The same key with another procedure or input is
   * refused, `KEY_REUSED`. For calls from value to value, no streams of bytes in them; 1 to 255 bytes. Who gives it up, by `signal` or `timeout`, does not stop its handler: made again
   * it gets the value.
   *
   * @example `await app.call.pay(order, { key: order.id })`
   */
  readonly key?: string | undefined;
}

/** The members that every call has, whatever its shape. */
export interface Call {
  /** Tells the other side to stop. The call ends with `CANCELLED`, unless its answer is already here. */
  cancel(reason?: unknown): void;
}

/**
 * A call that gives one value: a promise of it, which rejects with a `CallError`.
 *
 * @example
 * ```ts ignore
 * const answer = await app.call.rename("Mill").result();
 * if (answer.ok) console.log(answer.value);
 * else if (answer.error.code === "TAKEN") console.log("taken by", answer.error.data.by);
 * ```
 */
export interface ValueCall<Value, Failure extends CallError = SystemError> extends Promise<Value>, Call {
  /** The value or the error, with the type of what the procedure declares. Never rejects. */
  result(): Promise<CallResult<Value, Failure>>;
}

/** How a call ended; `ok` says which, and `error.code` says how it failed. */
export type CallResult<Value, Failure extends CallError> =
  | { readonly ok: true; readonly value: Value; readonly error?: undefined }
  | { readonly ok: false; readonly error: Failure; readonly value?: undefined };

/**
 * Items from the other side, in order, once. Leaving a `for await` early runs `return`, which cancels the
 * call.
 */
export interface ItemStream<Item> extends AsyncIterableIterator<Item>, Call {
  /** The next item; rejects with a `CallError` when the stream ends in one. */
  next(): Promise<IteratorResult<Item, undefined>>;
  /** Cancels the call. */
  return(): Promise<IteratorResult<Item, undefined>>;
  /** Itself: a stream is read once. */
  [Symbol.asyncIterator](): ItemStream<Item>;
}

/**
 * A call that gives a stream. It can be read at once; `await` gives the same items once the other side has
 * accepted the call, so that a refusal is met before the loop.
 */
export interface StreamCall<Item, Failure extends CallError = SystemError>
  extends ItemStream<Item>, PromiseLike<ItemStream<Item>> {
  /** The type of its errors; never there at run time. */
  readonly "~failure"?: Failure;
}

/**
 * Items in the first place, where the procedure has no input. No `ReadableStream`: a client that has types
 * alone takes one there for an input of bytes. Give `stream.values()` instead.
 */
export type FirstItems<Item> = AsyncIterable<Item> & { readonly getReader?: never };

/** One item on a schema's input side. A stream of bytes is no item: it is a whole sequence of them. */
export type ItemInputOf<S extends Schema | undefined> = Exclude<InputOf<S>, ReadableStream<Uint8Array>>;

/** One item on a schema's output side. */
export type ItemOutputOf<S extends Schema | undefined> = Exclude<OutputOf<S>, ReadableStream<Uint8Array>>;

/** Every way a call of a procedure can fail: what it declares, and what any call may meet. */
export type FailureOf<Errors extends ErrorSchemas> =
  | SystemError
  | { [Name in keyof Errors & string]: DeclaredError<Name, OutputOf<Errors[Name]>> }[keyof Errors & string];

/**
 * The errors of one call, for `isCallError`.
 *
 * @example
 * ```ts ignore
 * try {
 *   await app.call.rename("Mill");
 * } catch (error) {
 *   if (isCallError<ErrorsOf<typeof app.call.rename>>(error) && error.code === "TAKEN")
 * console.log(error.data.by); }
 * ```
 */
export type ErrorsOf<F extends (...args: never) => unknown> = ReturnType<F> extends
  ValueCall<unknown, infer Failure> ? Failure
  : ReturnType<F> extends StreamCall<unknown, infer Failure> ? Failure
  : never;

/** How the procedures of a group are called: the same tree of names, with functions for leaves. */
export type CallTree<G> = {
  readonly [Name in keyof G]: G[Name] extends
    Procedure<infer S, infer Input, infer Items, infer Output, infer Errors, infer _Needs>
    ? CallShapes<Input, Items, Output, Errors>[S]
    : CallTree<G[Name]>;
};

/** The function that calls a procedure, for each shape. */
export interface CallShapes<
  Input extends Schema | undefined,
  Items extends Schema | undefined,
  Output extends Schema | undefined,
  Errors extends ErrorSchemas,
> {
  /** One value to one value. */
  value: (...args: ValueArguments<InputOf<Input>>) => ValueCall<OutputOf<Output>, FailureOf<Errors>>;
  /** One value to a stream. */
  stream: (...args: ValueArguments<InputOf<Input>>) => StreamCall<ItemOutputOf<Output>, FailureOf<Errors>>;
  /** A stream to one value. */
  upload: (
    ...args: ItemArguments<Input, ItemInputOf<Items>>
  ) => ValueCall<OutputOf<Output>, FailureOf<Errors>>;
  /** A stream to a stream. */
  duplex: (
    ...args: ItemArguments<Input, ItemInputOf<Items>>
  ) => StreamCall<ItemOutputOf<Output>, FailureOf<Errors>>;
}

/** The input may be left out where `undefined` is one. */
export type ValueArguments<Input> = undefined extends Input ? [input?: Input, options?: CallOptions]
  : [input: Input, options?: CallOptions];

/** Items come first where the procedure has no input. */
export type ItemArguments<Input extends Schema | undefined, Item> = Input extends Schema
  ? [input: InputOf<Input>, items: AsyncIterable<Item>, options?: CallOptions]
  : [items: FirstItems<Item>, options?: CallOptions];
