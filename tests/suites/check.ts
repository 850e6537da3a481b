/**
 * The few assertions that the conformance suite needs where no `@std/assert` can be resolved: Node, and programs in
 * processes of their own.
 */
import { CallError } from "../../client/mod.ts";
import { equal } from "../std/equal.ts";

/** Fails unless both are deeply equal. */
export function same(actual: unknown, expected: unknown, what = ""): void {
  if (equal(actual, expected)) return;
  throw new Error(`${what}${what && ": "}expected ${show(expected)}, got ${show(actual)}`);
}

/** Fails unless it is true. */
export function truly(is: boolean, what: string): void {
  if (!is) throw new Error(`it does not hold: ${what}`);
}

/** The error that a call ends in. */
export async function failure(call: PromiseLike<unknown>): Promise<CallError> {
  try {
    const value = await call;
    // Awaiting a stream gives it as soon as it is accepted: its error comes with the items.
    if (typeof value === "object" && value !== null && Symbol.asyncIterator in value) {
      for await (const _ of value as AsyncIterable<unknown>);
    }
  } catch (error) {
    if (error instanceof CallError) return error;
    throw error;
  }
  throw new Error("the call did not fail");
}

/** What of an error matters to a caller. */
export function told({ code, declared, retryable, ambiguous, data }: CallError): unknown {
  return { code, ...flags({ declared, retryable, ambiguous }), ...(data === undefined ? {} : { data }) };
}

function flags(all: Record<string, boolean>): Record<string, true> {
  return Object.fromEntries(Object.entries(all).filter(([, is]) => is)) as Record<string, true>;
}

/** Everything that comes. */
export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

/** Asks until the answer is the expected one: each question is an event of its own. */
export async function until(ask: () => Promise<unknown>, expected: unknown): Promise<void> {
  const end = performance.now() + 5_000;
  let answer = await ask();
  while (!equal(answer, expected)) {
    if (performance.now() > end) same(answer, expected, "after 5 s");
    answer = await ask();
  }
}

function show(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) => {
    if (typeof member === "bigint") return `${member}n`;
    if (member instanceof Uint8Array) return `bytes(${member.length})`;
    if (typeof member === "number" && !Number.isFinite(member)) return String(member);
    return member === undefined ? "undefined" : member;
  });
}
