/**
 * Receives a stream of items as an async iterator.
 *
 * @module
 */
import { CallError } from "./errors.ts";
import { Assembly } from "./assembly.ts";
import { ProtocolError } from "./protocol_error.ts";
import { keep } from "./keep.ts";
import { Receiver, type ReceiverParts, type Unit } from "./receiver.ts";

/** How the items of one stream are read. */
export interface ItemReading {
  /** Decodes a payload. Bytes in the value are views of it. */
  readonly decode: (unit: Unit) => unknown;
  /** Told of a payload that nobody will read: streams that it names are stopped. */
  readonly discard: (unit: Unit) => void;
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
  #assembledCost = 0;
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

  /** Sets what is called when nothing more will be delivered: at once when all of it came early. */
  set over(run: (() => void) | undefined) {
    if (this.#over) run?.();
    else this.#reading.over = run;
  }

  override unit(n: number, unit: Unit): void {
    const length = unit.end - unit.start;
    if (unit.piece) throw new ProtocolError(`Stream ${this.id} carries items, not bytes`);
    if (this.#assembly !== undefined) throw new ProtocolError(`Stream ${this.id} has an item inside another`);
    this.#arrived(unit, this.count(n, length));
  }

  override part(n: number, remaining: number, unit: Unit): void {
    this.#assembledCost += this.count(n, unit.end - unit.start);
    // Parts of an unfinished item let the sender go on: an item may be larger than the window, and is bounded by itself.
    this.ahead = this.#assembledCost;
    const assembly = this.#assembly ??= new Assembly(this.#reading.limit);
    const item = assembly.add(1, remaining, unit.bytes.subarray(unit.start, unit.end));
    if (item !== undefined) this.#arrived({ bytes: item, start: 0, end: item.length }, this.#endAssembly());
  }

  override finish(n: number, error?: CallError): void {
    if (error === undefined && this.#assembly !== undefined) {
      throw new ProtocolError(`Stream ${this.id} ends inside an item`);
    }
    super.finish(n, error);
  }

  /** The next item; concurrent calls are answered in order. */
  next(): Promise<IteratorResult<unknown, undefined>> {
    const held = this.#held.shift();
    if (held !== undefined) {
      this.consume(held.cost);
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

  override breakOff(error: CallError): void {
    if (this.stopped || this.ended) return;
    this.#endWith(error);
    this.stop();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  protected override onEnd(error: CallError | undefined): void {
    this.consume(this.#endAssembly());
    if (this.stopped) return;
    if (error !== undefined) this.#endWith(error);
    this.#release();
  }

  protected override discard(): void {
    // An item that is half here goes on to arrive, since what it names is known at its end.
    for (const { unit } of this.#held.splice(0)) this.#reading.discard(unit);
    this.#release();
  }

  /** There is no unfinished item any more. Returns what its parts cost. */
  #endAssembly(): number {
    const cost = this.#assembledCost;
    this.#assembly = undefined;
    this.ahead = this.#assembledCost = 0;
    return cost;
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

  #arrived(unit: Unit, cost: number): void {
    if (this.stopped) return this.#reading.discard(unit);
    const waiting = this.#waiting.shift();
    if (waiting === undefined) {
      const bytes = keep(unit);
      this.#held.push({ unit: { bytes, start: 0, end: bytes.length }, cost });
      return;
    }
    this.consume(cost);
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
