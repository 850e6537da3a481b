/**
 * Who has published to a stream, so that a retry lands once.
 *
 * @module
 */
import { BrokerError, type Producer } from "../rpc/broker.ts";
import { Link, Recency } from "./recency.ts";
import { RECORD_BYTES, RESULT_BYTES, textBytes } from "./weights.ts";

/** Results that are kept of each producer: as many as it may have unanswered. */
export const RESULTS = 64;

/** Where a publication landed, in the stream that the records belong to. */
export interface Landed {
  /** Its number. */
  readonly offset: number;
  /** Its fingerprint. */
  readonly fingerprint: number;
}

class Record extends Link<Record> {
  readonly id: string;
  readonly first: number;
  last: number;
  at = 0;
  /** The latest results, that of `n` at `(n - first) % RESULTS`. It grows up to that, since most producers publish little. */
  readonly results: (Landed | undefined)[] = [];

  constructor(id: string, first: number) {
    super();
    this.id = id;
    this.first = first;
    this.last = first - 1;
  }

  get bytes(): number {
    return RECORD_BYTES + textBytes(this.id) + RESULT_BYTES * this.results.length;
  }
}

/** The records of one stream: they live and die with it. */
export class Producers {
  readonly #records = new Map<string, Record>();
  readonly #recency = new Recency<Record>();
  readonly #most: number;
  /** When the latest of those that were forgotten had published last: whoever is not known has not published since. */
  #forgotten = -Infinity;
  #bytes = 0;

  /** @param most Records that are kept; those used longest ago go first. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Records that are kept. */
  get size(): number {
    return this.#records.size;
  }

  /** What they weigh. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Where this publication landed when it was appended before, or `undefined` when it is the next one.
   *
   * @param now By the clock of {@linkcode Producers.add}.
   * @throws {BrokerError} `OUT_OF_ORDER` when it is neither, `FORGOTTEN` when it is older than what is kept.
   */
  find({ id, n, low, age }: Producer, now: number): Landed | undefined {
    const record = this.#records.get(id);
    if (record === undefined) {
      const isLowest = low === undefined || n === low;
      if (isLowest && age !== undefined && now - age <= this.#forgotten) throw forgotten(n);
      if (isLowest) return undefined;
      throw new BrokerError(
        "OUT_OF_ORDER",
        `The producer is not known, and its publication ${low} is not ${n}`,
      );
    }
    if (n === record.last + 1 || (n > record.last && n === low)) return undefined;
    if (n > record.last) {
      throw new BrokerError(
        "OUT_OF_ORDER",
        `The producer's next publication is ${record.last + 1}, not ${n}`,
      );
    }
    this.#recency.touch(record);
    if (n >= record.first && n > record.last - RESULTS) {
      const landed = record.results[(n - record.first) % RESULTS];
      if (landed !== undefined) return landed; // otherwise it was passed over
    }
    throw forgotten(n);
  }

  /** Notes where the next publication of a producer landed, `now` by a clock that never goes back. */
  add({ id, n }: Producer, landed: Landed, now: number): void {
    let record = this.#records.get(id);
    if (record === undefined) {
      record = new Record(id, n);
      this.#records.set(id, record);
      this.#bytes += record.bytes;
    }
    const before = record.results.length;
    for (let over = Math.max(record.last + 1, n - RESULTS); over < n; over++) {
      record.results[(over - record.first) % RESULTS] = undefined;
    }
    record.results[(n - record.first) % RESULTS] = landed;
    this.#bytes += (record.results.length - before) * RESULT_BYTES;
    record.last = n;
    record.at = now;
    this.#recency.touch(record);
    if (this.#records.size > this.#most) this.#drop(this.#recency.oldest!);
  }

  /** Forgets those that have not published since. */
  expire(since: number): void {
    for (let oldest = this.#recency.oldest; oldest && oldest.at <= since; oldest = this.#recency.oldest) {
      this.#drop(oldest);
    }
  }

  /** Forgets those used longest ago until the others weigh no more than this. */
  lighten(bytes: number): void {
    while (this.#bytes > bytes) this.#drop(this.#recency.oldest!);
  }

  #drop(record: Record): void {
    this.#recency.remove(record);
    this.#records.delete(record.id);
    this.#bytes -= record.bytes;
    this.#forgotten = Math.max(this.#forgotten, record.at);
  }
}

function forgotten(n: number): BrokerError {
  return new BrokerError(
    "FORGOTTEN",
    `What became of the producer's publication ${n} is not known any more`,
  );
}
