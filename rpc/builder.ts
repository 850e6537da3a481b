import type { ItemInputOf, ItemOutputOf } from "./calls.ts";
import type { CallContext } from "./context.ts";
import { declare, type ErasedConfig, implement } from "./definition.ts";
import type { CallErrorCode } from "./errors.ts";
import type { AddedBy, ErasedHandler, ErasedMiddleware, Middleware } from "./middleware.ts";
import type { MaybePromise } from "./maybe_promise.ts";
import type { ErrorSchemas, Needs, Procedure, Shape } from "./procedure.ts";
import type { InputOf, OutputOf, Schema } from "./schema.ts";

/** What a builder knows of the app it builds for: types only. */
export interface Scope {
  /** What is known of a connection before any middleware. */
  readonly base: unknown;
  /** What handlers find: `base` and what the builder's middleware added. */
  readonly context: unknown;
  /** The procedures that clients offer. */
  readonly client: unknown;
  /** The channels. */
  readonly channels: unknown;
}

/** A {@linkcode Scope} from its parts. */
export interface ScopeOf<Base, Context, Client, Channels> extends Scope {
  /** What is known of a connection before any middleware. */
  readonly base: Base;
  /** What handlers find. */
  readonly context: Context;
  /** The procedures that clients offer. */
  readonly client: Client;
  /** The channels. */
  readonly channels: Channels;
}

/** What procedures of a scope need of their app. */
export type NeedsOf<S extends Scope> = Needs<S["base"], S["client"], S["channels"]>;

/** The names of declared errors must differ from the stable codes. */
export type NoCodes = { readonly [Code in CallErrorCode]?: never };

/** What `procedure.type` takes: the types of a procedure that the other side implements. */
export interface ProcedureTypeConfig<
  Input extends Schema | undefined,
  Output extends Schema | undefined,
  Errors extends ErrorSchemas,
> {
  /** The schema of what the caller gives; by default nothing. */
  readonly input?: Input;
  /** The schema of what the handler gives, or of each item; by default the handler's own type, unchecked. */
  readonly output?: Output;
  /** The errors it declares: names as you like them, each with the schema of what it carries. */
  readonly errors?: Errors & NoCodes;
  /**
   * Whether calls on one connection start only when the one before has ended; by default `false`: they start
   * in order and overlap.
   */
  readonly ordered?: boolean;
  /**
   * Whether running it twice is the same as running it once, so that it may be sent again in silence; by
   * default `false`.
   */
  readonly idempotent?: boolean;
  /**
   * The longest a call may take, in milliseconds, whatever the caller asks for; by default no limit of its
   * own.
   */
  readonly timeout?: number;
}

/** What `procedure` and `procedure.stream` take beside the handler. */
export interface ProcedureConfig<
  S extends Scope,
  Input extends Schema | undefined,
  Output extends Schema | undefined,
  Errors extends ErrorSchemas,
  Use,
> extends ProcedureTypeConfig<Input, Output, Errors> {
  /** Middleware around the handler, the first outermost, inside that of the builder. */
  readonly use?: Use;
  /**
   * Who may call it: the one place that says so. Asked before middleware and before the input is looked at.
   * `false` answers
   * `NOT_FOUND`, as if the procedure did not exist; by default whoever is connected may.
   */
  readonly allow?: (
    context: S["base"] & CallContext<Record<never, never>, S["client"], S["channels"]>,
  ) => MaybePromise<boolean>;
}

/** What `procedure.upload` and `procedure.duplex` take beside the handler. */
export interface ItemsConfig<
  S extends Scope,
  Input extends Schema | undefined,
  Items extends Schema,
  Output extends Schema | undefined,
  Errors extends ErrorSchemas,
  Use,
> extends ProcedureConfig<S, Input, Output, Errors, Use> {
  /** The schema of each item from the caller. */
  readonly items: Items;
}

/** The last argument of a handler. */
export type HandlerContext<S extends Scope, Errors extends ErrorSchemas, Use extends readonly unknown[]> =
  & S["context"]
  & AddedBy<Use[number]>
  & CallContext<Errors, S["client"], S["channels"]>;

/**
 * A handler from one value to one: of the output's type where that is declared, else of a type `R` of its
 * own. The whole function type hangs on the condition, not its result alone: only then does the compiler know
 * the declared type while it reads the handler's body, so that literals and tuples need no `as const`.
 */
export type ValueHandler<
  Input extends Schema | undefined,
  Output extends Schema | undefined,
  Context,
  R,
> = Output extends Schema ? (input: OutputOf<Input>, context: Context) => MaybePromise<InputOf<Output>>
  : (input: OutputOf<Input>, context: Context) => R;

/** A handler from one value to a stream; as {@linkcode ValueHandler}, with `R` the type of an item. */
export type StreamHandler<
  Input extends Schema | undefined,
  Output extends Schema | undefined,
  Context,
  R,
> = Output extends Schema ? (input: OutputOf<Input>, context: Context) => AsyncIterable<ItemInputOf<Output>>
  : (input: OutputOf<Input>, context: Context) => AsyncIterable<R>;

/** A handler from items to one value; as {@linkcode ValueHandler}. */
export type UploadHandler<
  Arguments extends readonly unknown[],
  Output extends Schema | undefined,
  R,
> = Output extends Schema ? (...args: Arguments) => MaybePromise<InputOf<Output>> : (...args: Arguments) => R;

/** A handler from items to a stream; as {@linkcode StreamHandler}. */
export type DuplexHandler<
  Arguments extends readonly unknown[],
  Output extends Schema | undefined,
  R,
> = Output extends Schema ? (...args: Arguments) => AsyncIterable<ItemInputOf<Output>>
  : (...args: Arguments) => AsyncIterable<R>;

/** The arguments of a handler that takes items: they come first where the procedure has no input. */
export type ItemsHandlerArguments<Input extends Schema | undefined, Items extends Schema, Context> =
  Input extends Schema ? [input: OutputOf<Input>, items: AsyncIterable<ItemOutputOf<Items>>, context: Context]
    : [items: AsyncIterable<ItemOutputOf<Items>>, context: Context];

/** The declared schema, or one in name only for what the handler was found to give. */
export type SchemaOr<Output extends Schema | undefined, Found> = Output extends Schema ? Output
  : Schema<Found>;

/**
 * The middleware a scope's procedures can use; as a tuple, because in a list the one that adds least would
 * hide the others.
 */
export type MiddlewareFor<S extends Scope> = readonly Middleware<S["context"], unknown, S["client"]>[];

/**
 * Makes procedures. Called itself it makes one that takes a value and gives a value; its methods make the
 * other shapes.
 *
 * @throws {TypeError} When the procedure is made: something that is no schema, no function, or no name for an
 * error.
 * @throws {RangeError} When the procedure is made: a timeout that is no positive number.
 */
export interface ProcedureBuilder<S extends Scope> {
  /** A procedure without input, whose output has the handler's own type. */
  <R>(
    handler: (input: undefined, context: HandlerContext<S, Record<never, never>, readonly []>) => R,
  ): Procedure<"value", undefined, undefined, Schema<Awaited<R>>, Record<never, never>, NeedsOf<S>>;

  /** A procedure from one value to one value. */
  <
    R,
    Input extends Schema | undefined = undefined,
    Output extends Schema | undefined = undefined,
    Errors extends ErrorSchemas = Record<never, never>,
    const Use extends MiddlewareFor<S> = readonly [],
  >(
    config: ProcedureConfig<S, Input, Output, Errors, Use>,
    handler: ValueHandler<Input, Output, HandlerContext<S, Errors, Use>, R>,
  ): Procedure<"value", Input, undefined, SchemaOr<Output, Awaited<R>>, Errors, NeedsOf<S>>;

  /**
   * A procedure from one value to a stream: the handler gives an `AsyncIterable`, most often as an
   * `async function*`.
   */
  stream<
    R,
    Input extends Schema | undefined = undefined,
    Output extends Schema | undefined = undefined,
    Errors extends ErrorSchemas = Record<never, never>,
    const Use extends MiddlewareFor<S> = readonly [],
  >(
    config: ProcedureConfig<S, Input, Output, Errors, Use>,
    handler: StreamHandler<Input, Output, HandlerContext<S, Errors, Use>, R>,
  ): Procedure<"stream", Input, undefined, SchemaOr<Output, R>, Errors, NeedsOf<S>>;

  /**
   * A procedure from a stream to one value. The handler gets `(input, items, context)`, or `(items, context)`
   * without `input`.
   */
  upload<
    R,
    Items extends Schema,
    Input extends Schema | undefined = undefined,
    Output extends Schema | undefined = undefined,
    Errors extends ErrorSchemas = Record<never, never>,
    const Use extends MiddlewareFor<S> = readonly [],
  >(
    config: ItemsConfig<S, Input, Items, Output, Errors, Use>,
    handler: UploadHandler<ItemsHandlerArguments<Input, Items, HandlerContext<S, Errors, Use>>, Output, R>,
  ): Procedure<"upload", Input, Items, SchemaOr<Output, Awaited<R>>, Errors, NeedsOf<S>>;

  /** A procedure from a stream to a stream; otherwise as `upload`. */
  duplex<
    R,
    Items extends Schema,
    Input extends Schema | undefined = undefined,
    Output extends Schema | undefined = undefined,
    Errors extends ErrorSchemas = Record<never, never>,
    const Use extends MiddlewareFor<S> = readonly [],
  >(
    config: ItemsConfig<S, Input, Items, Output, Errors, Use>,
    handler: DuplexHandler<ItemsHandlerArguments<Input, Items, HandlerContext<S, Errors, Use>>, Output, R>,
  ): Procedure<"duplex", Input, Items, SchemaOr<Output, R>, Errors, NeedsOf<S>>;

  /**
   * The types of a procedure that the other side implements: what a client offers the server. Its shape is
   * `value` where `shape` does not say otherwise. Without `output` it gives nothing.
   */
  type<
    P extends Shape = "value",
    Input extends Schema | undefined = undefined,
    Items extends Schema | undefined = undefined,
    Output extends Schema | undefined = undefined,
    Errors extends ErrorSchemas = Record<never, never>,
  >(
    config: ProcedureTypeConfig<Input, Output, Errors> & { readonly shape?: P; readonly items?: Items },
  ): Procedure<P, Input, Items, Output, Errors>;
}

/** Makes a builder whose procedures have this middleware around their own. */
export function procedureBuilder<S extends Scope>(around: readonly ErasedMiddleware[]): ProcedureBuilder<S> {
  const make = (shape: Shape) => (config: ErasedConfig | ErasedHandler, handler?: unknown) =>
    typeof config === "function"
      ? implement(shape, { around, handler: config })
      : implement(shape, { ...config, around, handler });
  const builder = Object.assign(make("value"), {
    stream: make("stream"),
    upload: make("upload"),
    duplex: make("duplex"),
    type: (config: ErasedConfig & { shape?: Shape }) => declare(config.shape ?? "value", config),
  });
  return builder as unknown as ProcedureBuilder<S>;
}
