/**
 * Receives a stream of items as an async iterator.
 *
 * @module
 */
import { CallError } from "./errors.ts";
import { Assembly } from "./fragments.ts";
import { ProtocolError } from "./protocol_error.ts";
import { keep, Receiver, type ReceiverParts, type Unit } from "./receiver.ts";

/** How the items of one stream are read. */
export interface ItemReading {
  /** Decodes a payload. Bytes in the value are views of it. */
  readonly decode: (unit: Unit) => unknown;
  /** Largest item, in bytes. */
  readonly limit: number;
  /** Checks and converts an item after it was decoded. */
  validate?: ((item: unknown) => unknown) | undefined;
  /** Called once when nothing more will be delivered: the end, a failure, or nobody wants more. */
  over?: (() => void) | undefined;
}

/** Somebody who waits for the next item. */
interface Waiting {
  resolve(result: IteratorResult<unknown>): void;
  reject(error: unknown): void;
}

/** An item that nobody has asked for yet. */
interface Held {
  readonly unit: Unit;
  readonly cost: number;
}

/** The receiving half of one stream of items. Unread items wait here undecoded, up to its window. */
export class ItemReceiver extends Receiver implements AsyncIterableIterator<unknown, undefined> {
  readonly #reading: ItemReading;
  readonly #held: Held[] = [];
  readonly #waiting: Waiting[] = [];
  #assembly: Assembly | undefined;
  #error: CallError | undefined;
  #over = false;

  /** Reads as `reading` says. */
  constructor(parts: ReceiverParts, reading: ItemReading) {
    super(parts);
    this.#reading = reading;
  }

  /** Sets the check of items once the procedure is known. */
  set validate(check: ((item: unknown) => unknown) | undefined) {
    this.#reading.validate = check;
  }

  /** Sets what is called when nothing more will be delivered. */
  set over(run: (() => void) | undefined) {
    this.#reading.over = run;
  }

  override unit(n: number, unit: Unit): void {
    const length = unit.end - unit.start;
    if (unit.piece) throw new ProtocolError(`Stream ${this.id} carries items, not bytes`);
    if (this.#assembly !== undefined) throw new ProtocolError(`Stream ${this.id} has an item inside another`);
    this.count(n, length);
    this.#arrived(unit, length);
  }

  override part(n: number, remaining: number, unit: Unit): void {
    const length = unit.end - unit.start;
    this.count(n, length);
    if (this.stopped) return;
    const assembly = this.#assembly ??= new Assembly(this.#reading.limit);
    const item = assembly.add(1, remaining, unit.bytes.subarray(unit.start, unit.end));
    // Parts of an unfinished item count as consumed: they are bounded by the size of an item instead.
    this.consume(length);
    if (item === undefined) return;
    this.#assembly = undefined;
    this.#arrived({ bytes: item, start: 0, end: item.length }, -1);
  }

  /** The next item; concurrent calls are answered in order. */
  next(): Promise<IteratorResult<unknown, undefined>> {
    const held = this.#held.shift();
    if (held !== undefined) {
      if (held.cost >= 0) this.consume(held.cost);
      return this.#read(held.unit);
    }
    if (this.#error !== undefined) {
      const error = this.#error;
      this.#error = undefined;
      return Promise.reject(error);
    }
    if (this.ended || this.stopped) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve: resolve as Waiting["resolve"], reject });
    });
  }

  /** Nobody wants more: the sender is told. */
  return(): Promise<IteratorResult<unknown, undefined>> {
    this.stop();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** Nobody wants more, and who reads gets `error` instead of an end. */
  breakOff(error: CallError): void {
    if (this.stopped || this.ended) return;
    this.#endWith(error);
    this.stop();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  protected override onEnd(error: CallError | undefined): void {
    this.#assembly?.end();
    if (error !== undefined) this.#endWith(error);
    this.#release();
  }

  protected override discard(): void {
    this.#held.length = 0;
    this.#assembly?.end();
    this.#assembly = undefined;
    this.#release();
  }

  /** The first who waits gets the error, or who asks next; everybody after that gets the end. */
  #endWith(error: CallError): void {
    const first = this.#waiting.shift();
    if (first !== undefined) first.reject(error);
    else this.#error = error;
  }

  #release(): void {
    for (const waiting of this.#waiting.splice(0)) waiting.resolve({ done: true, value: undefined });
    if (this.#over) return;
    this.#over = true;
    this.#reading.over?.();
  }

  /** `cost` is -1 where the parts were counted already. */
  #arrived(unit: Unit, cost: number): void {
    if (this.stopped) return;
    const waiting = this.#waiting.shift();
    if (waiting === undefined) {
      const bytes = keep(unit);
      this.#held.push({ unit: { bytes, start: 0, end: bytes.length }, cost });
      return;
    }
    if (cost >= 0) this.consume(cost);
    this.#read(unit).then(waiting.resolve, waiting.reject);
  }

  #read(unit: Unit): Promise<IteratorResult<unknown, undefined>> {
    try {
      const item = this.#reading.decode(unit);
      const checked = this.#reading.validate === undefined ? item : this.#reading.validate(item);
      if (checked instanceof Promise) return checked.then(asResult, (error) => this.#refuse(error));
      return Promise.resolve(asResult(checked));
    } catch (error) {
      return this.#refuse(error);
    }
  }

  /** An item that cannot be read ends the stream: going on would lose it in silence. */
  #refuse(error: unknown): Promise<never> {
    this.stop();
    return Promise.reject(
      error instanceof CallError ? error : new CallError("BAD_MESSAGE", undefined, { cause: error }),
    );
  }
}

function asResult(value: unknown): IteratorResult<unknown, undefined> {
  return { done: false, value };
}
