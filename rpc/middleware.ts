import { type CallContext, RESERVED_NAMES, type ReservedNames } from "./context.ts";
import type { Run, Shape } from "./procedure.ts";

/**
 * Wraps calls: looks at the context, refuses by throwing, or adds to the context by what it gives to `next`.
 * It must return what `next` gave. For streams it wraps the start of the stream, not its items.
 *
 * @example
 * ```ts
 * import { CallError, define } from "@millrace/millrace";
 *
 * const { procedure, middleware } = define<{ user: { name: string; editor: boolean } }>();
 * const mustBeEditor = middleware(({ user }, next) => {
 *   if (!user.editor) throw new CallError("FORBIDDEN");
 *   return next({ editor: user.name });
 * });
 * const rename = procedure({ use: [mustBeEditor] }, (_, { editor }) => `renamed by ${editor}`);
 * ```
 */
export type Middleware<Context, Added = unknown, Client = unknown> = (
  context: Context & CallContext<Record<never, never>, Client>,
  next: Next,
) => Promise<Passed<Added>>;

/** Goes on with the call, with more in its context. What is added stays in this call's context only. */
export interface Next {
  /** Adds nothing. */
  (): Promise<Passed<unknown>>;
  /** Adds the members of `added`, over what is there. */
  <Added extends object>(added: Added & ReservedNames): Promise<Passed<Added>>;
}

/** What a middleware hands back: that the call went on, and with what added. */
export class Passed<Added> {
  /** The type of what was added; never there at run time. */
  declare readonly "~added"?: Added;
  /** What the handler gave: a value, or an `AsyncIterable` of items. Not yet validated. */
  readonly value: unknown;

  /** Made by `next` alone. */
  constructor(value: unknown) {
    this.value = value;
  }
}

/** What a list of middleware adds to the context, together. */
export type AddedBy<M> = (
  M extends (...args: never) => Promise<Passed<infer Added>> ? (added: Added) => void : never
) extends (added: infer All) => void ? All : never;

/** A middleware, its types erased. */
export type ErasedMiddleware = (
  context: object,
  next: (added?: object) => Promise<Passed<unknown>>,
) => unknown;

/** A handler, its types erased. */
export type ErasedHandler = (...args: unknown[]) => unknown;

/**
 * Folds a handler and the middleware around it into one function, once, when the procedure is made. Without
 * middleware a synchronous handler stays synchronous.
 */
export function fold(
  handler: ErasedHandler,
  options: { shape: Shape; hasInput: boolean; use: readonly ErasedMiddleware[] },
): Run {
  return options.use.reduceRight(wrap, base(handler, options.shape, options.hasInput));
}

function base(handler: ErasedHandler, shape: Shape, hasInput: boolean): Run {
  if (shape === "value" || shape === "stream") return (input, _items, context) => handler(input, context);
  if (hasInput) return (input, items, context) => handler(input, items, context);
  return (_input, items, context) => handler(items, context);
}

function wrap(rest: Run, middleware: ErasedMiddleware): Run {
  return async (input, items, context) => {
    const passed = await middleware(context, async (added) => {
      if (added !== undefined) extend(context, added);
      return new Passed(await rest(input, items, context));
    });
    if (passed instanceof Passed) return passed.value;
    throw new TypeError("Cannot go on after a middleware: it did not return what next() gave");
  };
}

/** Each call has a context of its own, so what is added can be written into it. */
function extend(context: object, added: object): void {
  for (const name of Object.keys(added)) {
    if (RESERVED_NAMES.has(name)) {
      throw new TypeError(`Cannot add "${name}" to the context: the name is taken`);
    }
  }
  Object.assign(context, added);
}
