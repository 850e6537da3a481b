import type { ErrorConstructor } from "./errors.ts";
import type { Schema } from "./schema.ts";

/**
 * How a procedure is called: `value` takes a value and gives one, `stream` gives many, `upload` takes many,
 * `duplex` takes and gives many.
 */
export type Shape = "value" | "stream" | "upload" | "duplex";

/**
 * One call of a procedure with its middleware around it. Gives the value (or an `AsyncIterable` for `stream`
 * and `duplex`) at once when neither handler nor middleware is asynchronous, a promise of it otherwise;
 * throws or rejects with what they throw.
 */
export type Run = (input: unknown, items: AsyncIterable<unknown> | undefined, context: object) => unknown;

/**
 * A procedure at run time: plain, frozen data that the builder checked. Its types are erased;
 * {@linkcode Procedure} carries them.
 */
export interface ProcedureDefinition {
  /** Marks a procedure among groups; a group's own member of that name would be no string. */
  readonly "~millrace": "procedure";
  /** How it is called; `"dynamic"` where the handler's answer tells: what a client offers. */
  readonly shape: Shape | "dynamic";
  /** What the caller gives. */
  readonly input: Schema | undefined;
  /** What each item from the caller is; `upload` and `duplex` only. */
  readonly items: Schema | undefined;
  /** What the handler gives; each item for `stream` and `duplex`. */
  readonly output: Schema | undefined;
  /** The declared errors, by name: what each carries. */
  readonly errors: Readonly<Record<string, Schema>> | undefined;
  /** The constructors a handler finds as `context.errors`, made once. */
  readonly raise: Readonly<Record<string, ErrorConstructor>>;
  /**
   * Who may call it, asked before the input is validated; `false` answers `NOT_FOUND`, as if it did not
   * exist.
   */
  readonly allow: ((context: object) => boolean | Promise<boolean>) | undefined;
  /** Whether its calls on one connection wait for each other. */
  readonly ordered: boolean;
  /** Whether running it twice is the same as running it once. */
  readonly idempotent: boolean;
  /** The longest a call may take, in milliseconds; `undefined`: as the caller says. */
  readonly timeout: number | undefined;
  /**
   * Runs middleware and handler; `undefined` where the procedure is a type only, which the other side
   * implements.
   */
  readonly run: Run | undefined;
}

/** What a procedure needs of the app it becomes part of. */
export interface Needs<Context = unknown, Client = unknown, Channels = unknown> {
  /** What is known of the connection. */
  readonly context: Context;
  /** The procedures that clients offer. */
  readonly client: Client;
  /** The channels. */
  readonly channels: Channels;
}

/** The errors a procedure declares, by name: the schema of what each carries. */
export type ErrorSchemas = Readonly<Record<string, Schema>>;

/**
 * A procedure with its types, for callers and implementers: the shape, the schemas of input, items and output
 * (an inferred output is
 * `Schema<Output>`), the declared errors, and what it needs of its app. The members with `~` are types only,
 * never there at run time.
 */
export interface Procedure<
  S extends Shape = Shape,
  Input extends Schema | undefined = Schema | undefined,
  Items extends Schema | undefined = Schema | undefined,
  Output extends Schema | undefined = Schema | undefined,
  Errors extends ErrorSchemas = ErrorSchemas,
  N extends Needs = never,
> extends PartOf<N> {
  /** The types. */
  readonly "~types"?: ProcedureTypes<S, Input, Items, Output, Errors>;
}

/**
 * A procedure of which only matters what it needs. At run time a {@linkcode ProcedureDefinition};
 * {@linkcode isProcedure} opens it.
 */
export interface PartOf<N extends Needs> {
  /** Marks a procedure among groups. */
  readonly "~millrace": "procedure";
  /** A function type, so that an app may offer more than a procedure needs and never less. */
  readonly "~needs"?: (needs: N) => void;
}

/** The types that {@linkcode Procedure} carries. */
export interface ProcedureTypes<S, Input, Items, Output, Errors> {
  /** How it is called. */
  readonly shape: S;
  /** The schema of the input. */
  readonly input: Input;
  /** The schema of each item from the caller. */
  readonly items: Items;
  /** The schema of the output, or of each item to the caller. */
  readonly output: Output;
  /** The schemas of the declared errors. */
  readonly errors: Errors;
}

/**
 * Procedures by name, in groups up to 16 deep, that an app can serve when it has what they need; `never`:
 * whatever they need.
 */
export interface Group<N extends Needs = never> {
  /** A procedure, or a group of them. */
  readonly [name: string]: PartOf<N> | Group<N>;
}

/** Whether something is a procedure that a builder made. */
export function isProcedure(value: unknown): value is ProcedureDefinition {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, "~millrace")) return false;
  return (value as { "~millrace": unknown })["~millrace"] === "procedure";
}
