import { CallError } from "./errors.ts";

/** One reason why a value did not pass its schema. */
export interface Issue {
  /** What is wrong, in the words of the schema library. At most 512 characters. */
  readonly message: string;
  /** Where, from the outside in. At most 32 steps of 128 characters. */
  readonly path: readonly (string | number)[];
}

/** What a schema library's `validate` answers: a value, or issues. */
export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

/** One issue as schema libraries report it. */
export interface SchemaIssue {
  /** What is wrong. */
  readonly message: string;
  /** Where: keys, or objects that hold a key. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/**
 * A Standard Schema (https://standardschema.dev, version 1), as much of it as Millrace uses. zod, valibot,
 * arktype and others make them; some are functions.
 */
export interface Schema<Input = unknown, Output = Input> {
  /** The part every library shares. */
  readonly "~standard": {
    /** The version of the interface. */
    readonly version: 1;
    /** The name of the library. */
    readonly vendor: string;
    /** Checks, and converts where the schema says so; a promise when the schema is asynchronous. */
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    /** Types only: never there at run time. */
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

/** The type a schema accepts; `undefined` where there is no schema. */
export type InputOf<S extends Schema | undefined> = S extends Schema
  ? NonNullable<S["~standard"]["types"]>["input"]
  : undefined;

/** The type a schema gives out; `undefined` where there is no schema. */
export type OutputOf<S extends Schema | undefined> = S extends Schema
  ? NonNullable<S["~standard"]["types"]>["output"]
  : undefined;

/**
 * More issues than this are not told: a hostile input with a million wrong items must not cost a reply of
 * that size.
 */
const MAX_ISSUES = 32;
const MAX_MESSAGE = 512;
const MAX_PATH = 32;
const MAX_KEY = 128;

/** Whether something is a Standard Schema; arktype's are functions. */
export function isSchema(value: unknown): value is Schema {
  return value !== null && (typeof value === "object" || typeof value === "function") && "~standard" in value;
}

/**
 * Passes what a peer sent through a schema: the value at once when the schema is synchronous (a promise costs
 * 0.9 µs a call on Bun), a promise of it otherwise.
 *
 * @throws {CallError} `BAD_INPUT` with `data: { issues }`, thrown or as a rejection.
 */
export function validate<Output>(schema: Schema<unknown, Output>, value: unknown): Output | Promise<Output> {
  const result = schema["~standard"].validate(value);
  if (result instanceof Promise) return result.then(acceptInput);
  return acceptInput(result);
}

/**
 * Passes what our own handler gave through a schema; otherwise as {@linkcode validate}.
 *
 * @throws {CallError} `BAD_OUTPUT` with `data: { issues }`; callers are told `INTERNAL` instead.
 */
export function validateOutput<Output>(
  schema: Schema<unknown, Output>,
  value: unknown,
): Output | Promise<Output> {
  const result = schema["~standard"].validate(value);
  if (result instanceof Promise) return result.then(acceptOutput);
  return acceptOutput(result);
}

function acceptInput<Output>(result: SchemaResult<Output>): Output {
  if (result.issues === undefined) return result.value;
  throw new CallError("BAD_INPUT", undefined, { data: { issues: issues(result.issues) } });
}

function acceptOutput<Output>(result: SchemaResult<Output>): Output {
  if (result.issues === undefined) return result.value;
  throw new CallError("BAD_OUTPUT", undefined, { data: { issues: issues(result.issues) } });
}

function issues(reported: readonly SchemaIssue[]): Issue[] {
  return firstOf(reported, MAX_ISSUES).map(({ message, path = [] }) => ({
    message: message.slice(0, MAX_MESSAGE),
    path: firstOf(path, MAX_PATH).map((step) => plainKey(typeof step === "object" ? step.key : step)),
  }));
}

/**
 * A plain array: arktype's lists are subclasses of `Array`, and so would be what their own `slice` and `map`
 * give.
 */
function firstOf<T>(list: readonly T[], count: number): T[] {
  return Array.from({ length: Math.min(list.length, count) }, (_, index) => list[index]!);
}

function plainKey(key: PropertyKey): string | number {
  return typeof key === "number" ? key : String(key).slice(0, MAX_KEY);
}

/** For inputs that are checked elsewhere, with errors that speak of them. */
export const ANYTHING: Schema = {
  "~standard": { version: 1, vendor: "millrace", validate: (value: unknown) => ({ value }) },
};
