// Calls, each followed by the next as soon as it is answered: `inFlight` frames of `perFrame` calls on each connection.
import { Buffer } from "node:buffer";
import { Pending } from "../batch.mjs";
import { Histogram } from "../histogram.mjs";
import { phase } from "./phases.mjs";
import { blob, smallValues } from "./values.mjs";

/** Frames that are encoded for each connection at least, so that calls differ. */
const VARIANTS = 16;

/**
 * @param {{ connections: number, inFlight: number, perFrame: number, size: number, warmUp: number, ms: number }} job
 *   `size`: bytes of a binary call, 0 for the small message; times in ms
 * @param {{ dialects: object[], failure: Promise<never>, meter: () => () => object }} run
 */
export async function unary(job, { dialects, failure, meter }) {
  const method = job.size === 0 ? "echo" : "bytes";
  await Promise.race([Promise.all(dialects.map((dialect) => dialect.open(method))), failure]);
  const callers = dialects.map((dialect, i) => new Caller(dialect, { ...job, method, number: i }));
  const load = {
    fill: () => callers.forEach((caller) => caller.fill()),
    waiting: () => callers.reduce((sum, caller) => sum + caller.pending.size, 0),
    stop: (stopping) => callers.forEach((caller) => caller.stopping = stopping),
  };
  await phase(load, job.warmUp, failure);
  const latency = new Histogram();
  for (const caller of callers) caller.measure(latency);
  const stop = meter();
  await phase(load, job.ms, failure);
  return {
    ...stop(),
    operations: callers.reduce((sum, caller) => sum + caller.answered, 0),
    latency: latency.summary(),
  };
}

/** The calls of one connection. */
export class Caller {
  stopping = false;
  pending = new Pending();
  /** Answers that came since {@linkcode measure}. */
  answered = 0;
  #dialect;
  #job;
  #batch;
  #expected;
  #id;
  #owed = 0;
  #now = 0;
  #latency;

  constructor(dialect, job) {
    const { inFlight, perFrame, method, number } = job;
    const frames = Math.max(VARIANTS, 2 * inFlight);
    const values = job.size === 0
      ? smallValues(frames * perFrame, number)
      : Array.from({ length: frames }, (_, i) => blob(job.size, number * frames + i));
    const { batch, expected } = dialect.calls(method, values, perFrame);
    this.#dialect = dialect;
    this.#job = job;
    this.#batch = batch;
    this.#expected = expected;
    this.#id = dialect.firstId;
    dialect.onAnswer = (id, bytes, start, end) => this.#answer(id, bytes, start, end);
    dialect.onTurn = () => this.#turn();
  }

  /** An id for a call that is not of the batch. */
  takeId() {
    return this.#id++;
  }

  /** Counts from now on; answers are only looked at by their size. */
  measure(latency) {
    this.#latency = latency;
    this.answered = 0;
  }

  fill() {
    this.#owed = 0;
    this.#send(this.#job.inFlight);
  }

  #send(frames) {
    const batch = this.#batch;
    const now = performance.now();
    batch.makeRoom(frames);
    const first = batch.position;
    const bytes = batch.take(frames, this.#id, this.#dialect.connection.buffered > 0);
    for (let variant = first; variant < batch.position; variant++) this.pending.add(this.#id++, now, variant);
    this.#dialect.connection.write(bytes);
  }

  #answer(id, bytes, start, end) {
    if (this.#now === 0) this.#now = performance.now();
    const sentAt = this.pending.settle(id);
    const expected = this.#expected[this.pending.variantOf(id)];
    if (end - start !== expected.length) throw wrong(id, bytes.subarray(start, end));
    if (this.#latency === undefined) {
      if (Buffer.compare(bytes.subarray(start, end), expected) !== 0) {
        throw wrong(id, bytes.subarray(start, end));
      }
    } else {
      this.#latency.add(this.#now - sentAt);
    }
    this.answered++;
    this.#owed++;
  }

  #turn() {
    this.#now = 0;
    if (this.stopping) return;
    const frames = (this.#owed / this.#job.perFrame) | 0;
    if (frames === 0) return;
    this.#owed -= frames * this.#job.perFrame;
    this.#send(frames);
  }
}

function wrong(id, bytes) {
  return new Error(`A wrong answer to call ${id}: ${bytes.length} bytes, ${bytes.toString("latin1", 0, 80)}`);
}
