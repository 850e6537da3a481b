// Streams of small items from the server, each followed by the next: one at a time on each connection.
import { Buffer } from "node:buffer";
import { phase } from "./phases.mjs";
import { smallValue } from "./values.mjs";

/**
 * @param {{ connections: number, items: number, warmUp: number, ms: number }} job  `items` of each stream
 * @param {{ dialects: object[], failure: Promise<never>, meter: () => () => object }} run
 */
export async function stream(job, { dialects, failure, meter }) {
  await Promise.race([Promise.all(dialects.map((dialect) => dialect.open())), failure]);
  const readers = dialects.map((dialect, i) => new Reader(dialect, { count: job.items, ...smallValue(i) }));
  const load = {
    fill: () => readers.forEach((reader) => reader.next()),
    waiting: () => readers.filter((reader) => reader.reading).length,
    stop: (stopping) => readers.forEach((reader) => reader.stopping = stopping),
  };
  await phase(load, job.warmUp, failure);
  for (const reader of readers) reader.measure();
  const stop = meter();
  await phase(load, job.ms, failure);
  return { ...stop(), operations: readers.reduce((sum, reader) => sum + reader.items, 0) };
}

/** The streams of one connection. */
class Reader {
  stopping = false;
  reading = false;
  /** Items that came since {@linkcode measure}. */
  items = 0;
  #dialect;
  #range;
  #expected;
  #id;
  #of = 0;
  #checking = true;

  constructor(dialect, range) {
    const { count, n, s } = range;
    this.#dialect = dialect;
    this.#range = range;
    this.#expected = Array.from({ length: count }, (_, i) => dialect.item({ n: n + i, s }));
    this.#id = dialect.firstId;
    dialect.onItem = (bytes, start, end) => this.#item(bytes, start, end);
    dialect.onEnd = () => this.#end();
  }

  measure() {
    this.#checking = false;
    this.items = 0;
  }

  next() {
    this.#of = 0;
    this.reading = true;
    this.#dialect.startStream(this.#id++, this.#range);
  }

  #item(bytes, start, end) {
    const expected = this.#expected[this.#of++];
    if (expected === undefined) throw new Error(`A stream of more than ${this.#range.count} items`);
    const right = end - start === expected.length &&
      (!this.#checking || Buffer.compare(bytes.subarray(start, end), expected) === 0);
    if (!right) {
      throw new Error(`A wrong item: ${bytes.toString("latin1", start, Math.min(end, start + 80))}`);
    }
    this.items++;
  }

  #end() {
    if (this.#of !== this.#range.count) {
      throw new Error(`A stream of ${this.#of} items, not ${this.#range.count}`);
    }
    this.reading = false;
    if (!this.stopping) this.next();
  }
}
