import { errorConstructors, isCode } from "./errors.ts";
import { type ErasedHandler, type ErasedMiddleware, fold } from "./middleware.ts";
import type { ErrorSchemas, ProcedureDefinition, Run, Shape } from "./procedure.ts";
import { isSchema, type Schema } from "./schema.ts";

/** What the builder's methods take, the types erased. */
export interface ErasedConfig {
  /** The schema of the input. */
  readonly input?: Schema | undefined;
  /** The schema of each item from the caller. */
  readonly items?: Schema | undefined;
  /** The schema of the output, or of each item to the caller. */
  readonly output?: Schema | undefined;
  /** The schemas of the declared errors. */
  readonly errors?: ErrorSchemas | undefined;
  /** Middleware of this procedure alone. */
  readonly use?: readonly ErasedMiddleware[] | undefined;
  /** Who may call it. */
  readonly allow?: ((context: object) => boolean | Promise<boolean>) | undefined;
  /** Whether calls on one connection wait for each other. */
  readonly ordered?: boolean | undefined;
  /** Whether running it twice is the same as running it once. */
  readonly idempotent?: boolean | undefined;
  /** The longest a call may take, in milliseconds. */
  readonly timeout?: number | undefined;
}

/** What a builder hands on: the options of programs, and what it adds. */
const OPTIONS: ReadonlySet<string> = new Set([
  ...["input", "items", "output", "errors", "use", "allow", "ordered", "idempotent", "timeout"],
  ...["around", "handler", "shape"],
]);

/** A handler and the middleware of its builder. */
export interface Implementation {
  /** Middleware around that of the procedure. */
  readonly around: readonly ErasedMiddleware[];
  /** The handler; checked to be a function. */
  readonly handler: unknown;
}

/**
 * Makes a procedure that runs here.
 *
 * @throws {TypeError} A schema, handler, middleware or name that is none.
 * @throws {RangeError} A timeout that is no positive number.
 */
export function implement(shape: Shape, config: ErasedConfig & Implementation): ProcedureDefinition {
  const { handler, around, use = [], input, items } = config;
  if (!isHandler(handler)) throw cannotMake(`its handler is a ${typeof handler}, not a function`);
  const all = [...around, ...use];
  if (!all.every(isHandler)) throw cannotMake("its middleware holds something that is no function");
  const takesItems = shape === "upload" || shape === "duplex";
  if (takesItems !== (items !== undefined)) {
    throw cannotMake(takesItems ? "items need a schema" : `${shape} takes no items`);
  }
  return define(shape, config, fold(handler, { shape, hasInput: input !== undefined, use: all }));
}

/**
 * Makes a procedure that the other side implements.
 *
 * @throws {TypeError} A schema or name that is none.
 */
export function declare(shape: Shape, config: ErasedConfig): ProcedureDefinition {
  return define(shape, config, undefined);
}

function define(shape: Shape, config: ErasedConfig, run: Run | undefined): ProcedureDefinition {
  const { input, items, output, errors, allow, ordered = false, idempotent = false, timeout } = config;
  // A misspelt `allow` would let everybody in.
  for (const name of Object.keys(config)) {
    if (!OPTIONS.has(name)) throw cannotMake(`it has no option named "${name}"`);
  }
  for (const [name, schema] of Object.entries({ input, items, output })) {
    if (schema !== undefined && !isSchema(schema)) throw cannotMake(`its ${name} is no Standard Schema`);
  }
  checkErrors(errors ?? {});
  if (allow !== undefined && !isHandler(allow)) throw cannotMake("its allow is no function");
  if (timeout !== undefined && !(timeout > 0)) {
    throw new RangeError(`Cannot make a procedure: timeout ${timeout} is not positive`);
  }
  const raise = errorConstructors(Object.keys(errors ?? {}));
  return Object.freeze({
    "~millrace": "procedure",
    shape,
    input,
    items,
    output,
    errors,
    raise,
    allow,
    ordered,
    idempotent,
    timeout,
    run,
  });
}

function checkErrors(errors: ErrorSchemas): void {
  for (const [name, schema] of Object.entries(errors)) {
    if (isCode(name)) throw cannotMake(`the error "${name}" has the name of a stable code`);
    if (name === "") throw cannotMake("an error has no name");
    if (!isSchema(schema)) throw cannotMake(`the error "${name}" has no Standard Schema`);
  }
}

function isHandler(value: unknown): value is ErasedHandler {
  return typeof value === "function";
}

function cannotMake(reason: string): TypeError {
  return new TypeError(`Cannot make a procedure: ${reason}`);
}
