/**
 * Sources of items and bytes that tell what was asked of them, and readers that stop where a test wants.
 */

/** An endless source of items: 1, 2, 3… */
export class Counter implements AsyncIterableIterator<number, undefined> {
  /** How many items it gave. */
  given = 0;
  /** Whether `return()` was called. */
  returned = false;
  readonly #until: number;

  /** Ends after `until` items. */
  constructor(until: number = Infinity) {
    this.#until = until;
  }

  next(): Promise<IteratorResult<number, undefined>> {
    if (this.given >= this.#until) return Promise.resolve({ done: true, value: undefined });
    return Promise.resolve({ done: false, value: ++this.given });
  }

  return(): Promise<IteratorResult<number, undefined>> {
    this.returned = true;
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

/** A stream of `count` chunks of `size` bytes, each filled with its number; endless by default. */
export class ByteSource {
  /** How many chunks were asked for. */
  given = 0;
  /** Why it was cancelled, if it was. */
  cancelled: unknown;
  /** The stream. */
  readonly stream: ReadableStream<Uint8Array>;

  constructor({ size, count = Infinity }: { size: number; count?: number }) {
    this.stream = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        if (this.given === count) return controller.close();
        controller.enqueue(new Uint8Array(size).fill(++this.given));
      },
      cancel: (reason) => {
        this.cancelled = reason ?? "cancelled";
      },
    }, { highWaterMark: 0 });
  }
}

/** A promise and what settles it. */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
}

/** Makes a promise that the test settles. */
export function deferred<T = void>(): Deferred<T> {
  let [resolve, reject] = [(_value: T): void => {}, (_error: unknown): void => {}];
  const promise = new Promise<T>((yes, no) => [resolve, reject] = [yes, no]);
  return { promise, resolve, reject };
}

/** Everything that comes. */
export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

/** How many bytes come. */
export async function lengthOf(stream: ReadableStream<Uint8Array>): Promise<number> {
  let length = 0;
  const reader = stream.getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) length += read.value.length;
  return length;
}
