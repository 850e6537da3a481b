/**
 * Promises and iterators of programs, of whatever make.
 *
 * @module
 */

/** Whether something is a promise, of whatever make. */
export function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null &&
    typeof (value as { then?: unknown }).then === "function";
}

/**
 * Where the items of a handler come from.
 *
 * @throws {CallError} `INTERNAL` when it gave nothing that can be iterated.
 */
export function iteratorOf(given: unknown): AsyncIterator<unknown> | Iterator<unknown> {
  const source = given as Partial<AsyncIterable<unknown> & Iterable<unknown>> | null | undefined;
  if (source?.[Symbol.asyncIterator] !== undefined) return source[Symbol.asyncIterator]!();
  if (given instanceof ReadableStream) return readerOf(given); // Safari's streams cannot be iterated
  if (source?.[Symbol.iterator] !== undefined) return source[Symbol.iterator]!();
  throw new TypeError("Cannot send the items of a handler: it returned nothing that can be iterated");
}

/** Items are not wanted: their source may clean up. */
export function stopItems(items: AsyncIterator<unknown> | Iterator<unknown> | undefined): void {
  try {
    const returned: unknown = items?.return?.();
    if (isPromise(returned)) returned.then(undefined, () => {});
  } catch {
    // A source that fails while it is told to stop has nobody left to tell.
  }
}

function readerOf(stream: ReadableStream<unknown>): AsyncIterator<unknown> {
  const reader = stream.getReader();
  return {
    next: () => reader.read() as Promise<IteratorResult<unknown>>,
    return: async () => {
      await reader.cancel();
      return { done: true, value: undefined };
    },
  };
}
