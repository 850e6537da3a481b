// A stand-in for `@std/assert` where JSR does not answer, and always under Bun and tsc: the names the tests
// use, with the same arguments.
import { inspect } from "node:util";
import { equal } from "./equal.ts";

export { equal };

/** What every assertion here throws. */
export class AssertionError extends Error {
  override name = "AssertionError";
}

/** A constructor of anything, as `instanceof` takes it. */
type Class<T> = abstract new (...args: never[]) => T;

function show(value: unknown): string {
  return inspect(value, { depth: 8, maxArrayLength: 200, maxStringLength: 2_000, sorted: true });
}

function refuse(reason: string, msg?: string): never {
  throw new AssertionError(msg === undefined ? reason : `${reason}: ${msg}`);
}

/** Fails unless `expr` is truthy. */
export function assert(expr: unknown, msg = ""): asserts expr {
  if (!expr) throw new AssertionError(msg || `Expected a truthy value, got ${show(expr)}`);
}

/** Fails unless `expr` is falsy. */
export function assertFalse(expr: unknown, msg?: string): void {
  if (expr) refuse(`Expected a falsy value, got ${show(expr)}`, msg);
}

/** Fails at once. */
export function fail(msg?: string): never {
  refuse("Failed assertion", msg);
}

/** Fails because this line was reached. */
export function unreachable(msg?: string): never {
  refuse("Unreachable", msg);
}

/** Fails unless both are deeply equal. */
export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  if (!equal(actual, expected)) {
    refuse(`Values are not equal\n    actual:   ${show(actual)}\n    expected: ${show(expected)}`, msg);
  }
}

/** Fails if both are deeply equal. */
export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void {
  if (equal(actual, expected)) refuse(`Expected values that differ, both are ${show(actual)}`, msg);
}

/** Fails unless both are the same by `Object.is`. */
export function assertStrictEquals<T>(actual: unknown, expected: T, msg?: string): asserts actual is T {
  if (!Object.is(actual, expected)) {
    refuse(`Values are not the same\n    actual:   ${show(actual)}\n    expected: ${show(expected)}`, msg);
  }
}

/** Fails if both are the same by `Object.is`. */
export function assertNotStrictEquals<T>(actual: T, expected: T, msg?: string): void {
  if (Object.is(actual, expected)) refuse(`Expected another value than ${show(actual)}`, msg);
}

/** Fails for `null` and `undefined`. */
export function assertExists<T>(actual: T, msg?: string): asserts actual is NonNullable<T> {
  if (actual === undefined || actual === null) refuse(`Expected a value, got ${actual}`, msg);
}

/** Fails unless `actual` is an instance of `expected`. */
export function assertInstanceOf<T>(actual: unknown, expected: Class<T>, msg?: string): asserts actual is T {
  if (!(actual instanceof expected)) {
    refuse(`Expected an instance of ${expected.name}, got ${show(actual)}`, msg);
  }
}

/** Fails unless the string holds the part. */
export function assertStringIncludes(actual: string, expected: string, msg?: string): void {
  if (!actual.includes(expected)) refuse(`Expected ${show(actual)} to include ${show(expected)}`, msg);
}

/** Fails unless every expected item is deeply equal to one of the array. */
export function assertArrayIncludes<T>(actual: ArrayLike<T>, expected: ArrayLike<T>, msg?: string): void {
  const missing = Array.from(expected).filter((item) =>
    !Array.from(actual).some((other) => equal(item, other))
  );
  if (missing.length > 0) refuse(`Expected ${show(actual)} to include ${show(missing)}`, msg);
}

/** Fails unless the string matches. */
export function assertMatch(actual: string, expected: RegExp, msg?: string): void {
  if (!expected.test(actual)) refuse(`Expected ${show(actual)} to match ${expected}`, msg);
}

/** Fails if the string matches. */
export function assertNotMatch(actual: string, expected: RegExp, msg?: string): void {
  if (expected.test(actual)) refuse(`Expected ${show(actual)} not to match ${expected}`, msg);
}

/** Fails unless the numbers differ by at most the tolerance (1e-7 of the expected value by default). */
export function assertAlmostEquals(actual: number, expected: number, tolerance?: number, msg?: string): void {
  if (Object.is(actual, expected)) return;
  const most = tolerance ?? (Number.isFinite(expected) ? Math.abs(expected * 1e-7) : 1e-7);
  if (!(Math.abs(actual - expected) <= most)) refuse(`Expected ${actual} within ${most} of ${expected}`, msg);
}

/** Fails unless `actual > expected`. */
export function assertGreater<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual > expected)) refuse(`Expected ${show(actual)} > ${show(expected)}`, msg);
}

/** Fails unless `actual >= expected`. */
export function assertGreaterOrEqual<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual >= expected)) refuse(`Expected ${show(actual)} >= ${show(expected)}`, msg);
}

/** Fails unless `actual < expected`. */
export function assertLess<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual < expected)) refuse(`Expected ${show(actual)} < ${show(expected)}`, msg);
}

/** Fails unless `actual <= expected`. */
export function assertLessOrEqual<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual <= expected)) refuse(`Expected ${show(actual)} <= ${show(expected)}`, msg);
}

/**
 * Fails unless every field of `expected` is in `actual`, nested objects likewise, everything else deeply
 * equal.
 */
export function assertObjectMatch(actual: object, expected: object, msg?: string): void {
  if (!matches(actual, expected)) {
    refuse(`Object does not match\n    actual:   ${show(actual)}\n    expected: ${show(expected)}`, msg);
  }
}

function matches(actual: unknown, expected: unknown): boolean {
  if (typeof expected !== "object" || expected === null || typeof actual !== "object" || actual === null) {
    return equal(actual, expected);
  }
  if (!Array.isArray(expected) && Object.getPrototypeOf(expected) !== Object.prototype) {
    return equal(actual, expected);
  }
  return Reflect.ownKeys(expected).every((key) =>
    key in actual && matches(Reflect.get(actual, key), Reflect.get(expected, key))
  );
}

/** Fails unless `error` is an instance of the class with the text in its message. */
export function assertIsError<E extends Error = Error>(
  error: unknown,
  ErrorClass?: Class<E>,
  msgMatches?: string | RegExp,
  msg?: string,
): asserts error is E {
  if (!(error instanceof Error)) refuse(`Expected an Error, got ${show(error)}`, msg);
  if (ErrorClass && !(error instanceof ErrorClass)) {
    refuse(`Expected ${ErrorClass.name}, got ${error.constructor.name}: ${error.message}`, msg);
  }
  if (msgMatches === undefined) return;
  const fits = typeof msgMatches === "string"
    ? error.message.includes(msgMatches)
    : msgMatches.test(error.message);
  if (!fits) refuse(`Expected a message with ${show(msgMatches)}, got ${show(error.message)}`, msg);
}

/** Fails unless `fn` throws; gives what was thrown. */
export function assertThrows(fn: () => unknown, msg?: string): unknown;
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  ErrorClass: Class<E>,
  msgIncludes?: string,
  msg?: string,
): E;
export function assertThrows(
  fn: () => unknown,
  classOrMsg?: Class<Error> | string,
  msgIncludes?: string,
  msg?: string,
): unknown {
  try {
    fn();
  } catch (error) {
    return checked(error, classOrMsg, msgIncludes, msg);
  }
  refuse("Expected function to throw", typeof classOrMsg === "string" ? classOrMsg : msg);
}

/**
 * Fails unless the promise that `fn` gives is rejected; resolves with the reason. A synchronous throw fails,
 * as in std.
 */
export function assertRejects(fn: () => PromiseLike<unknown>, msg?: string): Promise<unknown>;
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  ErrorClass: Class<E>,
  msgIncludes?: string,
  msg?: string,
): Promise<E>;
export async function assertRejects(
  fn: () => PromiseLike<unknown>,
  classOrMsg?: Class<Error> | string,
  msgIncludes?: string,
  msg?: string,
): Promise<unknown> {
  let promise: PromiseLike<unknown>;
  try {
    promise = fn();
  } catch (error) {
    refuse(`Function throws when expected to reject: ${show(error)}`, msg);
  }
  if (typeof promise?.then !== "function") refuse("Function did not return a promise", msg);
  try {
    await promise;
  } catch (error) {
    return checked(error, classOrMsg, msgIncludes, msg);
  }
  refuse("Expected function to reject", typeof classOrMsg === "string" ? classOrMsg : msg);
}

function checked(
  error: unknown,
  classOrMsg?: Class<Error> | string,
  msgIncludes?: string,
  msg?: string,
): unknown {
  if (classOrMsg !== undefined && typeof classOrMsg !== "string") {
    assertIsError(error, classOrMsg, msgIncludes, msg);
  }
  return error;
}
