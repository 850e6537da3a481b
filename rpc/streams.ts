/**
 * All streams of one connection: who sends, who receives, and the byte streams inside values.
 *
 * @module
 */
import { type DecodeExtension, decodeRange } from "../msgpack/decoder.ts";
import type { EncodeExtension } from "../msgpack/encoder.ts";
import { ByteReceiver } from "./byte_receiver.ts";
import { ByteSender } from "./byte_sender.ts";
import { CallError } from "./errors.ts";
import { ItemReceiver } from "./item_receiver.ts";
import { ItemSender, type ItemSource } from "./item_sender.ts";
import { BYTE_STREAM_EXTENSION } from "./kinds.ts";
import type { Limits } from "./limits.ts";
import { writeCredit, writeStop } from "./messages.ts";
import type { Outbox } from "./outbox.ts";
import { ProtocolError } from "./protocol_error.ts";
import type { Receiver, ReceiverParts, Unit } from "./receiver.ts";
import type { Sender } from "./sender.ts";
import { Unclaimed } from "./unclaimed.ts";

/** Streams that a message names, until it is known whether the message leaves. */
type Named = (ByteSender | ItemSender)[];

/** The streams of one connection, both ways. */
export class Streams {
  readonly #outbox: Outbox;
  readonly #limits: Limits;
  readonly #sending = new Map<number, Sender>();
  readonly #receiving = new Map<number, Receiver>();
  readonly #due = new Set<Receiver>();
  #last = 0;

  /** Sends through `outbox`, holds what `limits` allow. */
  constructor(outbox: Outbox, limits: Limits) {
    this.#outbox = outbox;
    this.#limits = limits;
  }

  /** Streams that have not ended. */
  get open(): number {
    return this.#openSending() + this.#openReceiving();
  }

  /** Bytes held here that nobody has read. */
  get held(): number {
    let held = 0;
    for (const receiver of this.#receiving.values()) held += receiver.held;
    return held;
  }

  /**
   * Registers a stream of our items; call `start()` when the message that names it has left.
   *
   * @throws {CallError} `RESOURCE_EXHAUSTED` when the peer accepts no more streams.
   */
  sendItems(source: Omit<ItemSource, "withStreams">): ItemSender {
    const parts = this.#senderParts();
    const sender = new ItemSender(parts, { ...source, withStreams: (write) => this.withStreams(write)() });
    this.#sending.set(sender.id, sender);
    return sender;
  }

  /**
   * Runs `write` with an extension that registers the byte streams inside what is written. If `write` throws, they are dropped.
   *
   * @returns What starts the streams, to be called when the message has left.
   */
  withStreams(write: (extension: EncodeExtension) => void): () => void {
    const named: Named = [];
    try {
      write((value) => this.#nameBytes(value, named));
    } catch (error) {
      for (const sender of named) this.withdraw(sender);
      throw error;
    }
    return named.length === 0 ? nothing : () => named.forEach((sender) => sender.start());
  }

  /** Drops a stream whose message never left: its number is not used, and its source is told. */
  withdraw(sender: Sender): void {
    this.#sending.delete(sender.id);
    sender.drop();
  }

  /**
   * Decodes a payload; byte streams in it become `ReadableStream`s. Bytes in the value are views of `unit.bytes`.
   *
   * @param claimed Collects the streams that the value names.
   * @throws {DecodeError} If the payload is not one valid value.
   */
  decode({ bytes, start, end }: Unit, claimed?: Receiver[]): unknown {
    if (start === end) return undefined;
    return decodeRange(bytes, start, end, this.#limits, this.#claiming(claimed));
  }

  /** Streams that a payload names and nobody will read: their senders are told to stop. */
  discardNamed({ bytes, start, end }: Unit): void {
    if (!mayNameStreams(bytes, start, end)) return;
    const claimed: Receiver[] = [];
    try {
      this.decode({ bytes, start, end }, claimed);
    } catch {
      // What cannot be decoded names nothing more.
    }
    for (const receiver of claimed) receiver.stop();
  }

  /** The stream of items that a message names: CALL with `items`, or STREAM. */
  receiveItems(id: number): ItemReceiver {
    const receiver = new ItemReceiver(this.#receiverParts(id), {
      decode: (unit) => this.decode(unit),
      limit: this.#limits.message,
    });
    return this.#claim(receiver);
  }

  /** ITEM or PIECE. A unit may come before its message does, when that travels in fragments or waits undecoded. */
  unit(id: number, n: number, unit: Unit): void {
    (this.#receiving.get(id) ?? this.#early(id)).unit(n, unit);
  }

  /** PART. */
  part(id: number, n: number, unit: Unit & { readonly remaining: number }): void {
    (this.#receiving.get(id) ?? this.#early(id)).part(n, unit.remaining, unit);
  }

  /** END, or FAIL with `error`. */
  finish(id: number, n: number, error?: CallError): void {
    const receiver = this.#receiving.get(id) ?? this.#early(id);
    receiver.finish(n, error);
    this.#forgetEnded(receiver);
  }

  /** CREDIT. For a stream that is over it is late, and ignored. */
  credit(id: number, n: number, limit: number): void {
    if (id > this.#last) throw new ProtocolError("Credit for a stream that was never opened");
    this.#sending.get(id)?.credit(n, limit);
    this.#outbox.schedule();
  }

  /** STOP. */
  stop(id: number): void {
    if (id > this.#last) throw new ProtocolError("STOP for a stream that was never opened");
    this.#sending.get(id)?.stop();
  }

  /** Writes the CREDIT messages that became due in this turn. */
  writeDue(): void {
    for (const receiver of this.#due) {
      const limit = receiver.grant();
      this.#outbox.open();
      writeCredit(receiver.id, receiver.arrived, limit);
      this.#outbox.seal();
    }
    this.#due.clear();
  }

  /** The connection is gone: sources are told to stop, readers get `error`. */
  end(error: CallError): void {
    for (const sender of [...this.#sending.values()]) sender.drop();
    for (const receiver of [...this.#receiving.values()]) receiver.drop(error);
    this.#sending.clear();
    this.#receiving.clear();
    this.#due.clear();
  }

  #senderParts(): { id: number; outbox: Outbox; gone: (id: number) => void } {
    if (this.#openSending() >= this.#outbox.peer.streams) {
      throw new CallError(
        "RESOURCE_EXHAUSTED",
        `Cannot open a stream: the peer accepts ${this.#outbox.peer.streams} at once`,
      );
    }
    return { id: ++this.#last, outbox: this.#outbox, gone: this.#gone };
  }

  #receiverParts(id: number): ReceiverParts {
    return {
      id,
      window: this.#limits.window,
      creditDue: (receiver) => {
        this.#due.add(receiver);
        this.#outbox.schedule();
      },
      sendStop: this.#sendStop,
    };
  }

  readonly #gone = (id: number): void => {
    this.#sending.delete(id);
  };

  readonly #sendStop = (id: number): void => {
    if (!this.#receiving.has(id)) return;
    this.#outbox.open();
    writeStop(id);
    this.#outbox.seal();
  };

  #nameBytes(value: object, named: Named): { type: number; data: number } | undefined {
    if (!(value instanceof ReadableStream)) return undefined;
    const sender = new ByteSender(this.#senderParts(), value as ReadableStream<Uint8Array>);
    this.#sending.set(sender.id, sender);
    named.push(sender);
    return { type: BYTE_STREAM_EXTENSION, data: sender.id };
  }

  #claiming(claimed: Receiver[] | undefined): DecodeExtension {
    return (type, data) => {
      if (type !== BYTE_STREAM_EXTENSION || data.length !== 4) {
        throw new TypeError(`Unknown extension ${type}`);
      }
      const id = ((data[0]! << 24) | (data[1]! << 16) | (data[2]! << 8) | data[3]!) >>> 0;
      const receiver = this.#claim(new ByteReceiver(this.#receiverParts(id)));
      claimed?.push(receiver);
      return receiver.readable;
    };
  }

  /** Puts a receiver in the place of what came early, or in a free one. */
  #claim<R extends Receiver>(receiver: R): R {
    const early = this.#receiving.get(receiver.id);
    if (early !== undefined && !(early instanceof Unclaimed)) {
      throw new ProtocolError(`Stream ${receiver.id} is named twice`);
    }
    if (early === undefined) this.#admit();
    this.#receiving.set(receiver.id, receiver);
    if (early !== undefined) {
      this.#due.delete(early);
      early.replay(receiver);
    }
    this.#forgetEnded(receiver);
    return receiver;
  }

  #early(id: number): Receiver {
    if (id === 0) throw new ProtocolError("Streams are numbered from 1");
    this.#admit();
    const receiver = new Unclaimed(this.#receiverParts(id));
    this.#receiving.set(id, receiver);
    return receiver;
  }

  /** Ended ones that a waiting call has yet to claim are few, and bounded by four times the open ones. */
  #admit(): void {
    if (this.#openReceiving() >= this.#limits.streams || this.#receiving.size >= 4 * this.#limits.streams) {
      throw new ProtocolError("Too many streams", 4531);
    }
  }

  #forgetEnded(receiver: Receiver): void {
    if (receiver.ended && !(receiver instanceof Unclaimed)) this.#receiving.delete(receiver.id);
  }

  #openSending(): number {
    let open = 0;
    for (const sender of this.#sending.values()) if (!sender.ended) open++;
    return open;
  }

  #openReceiving(): number {
    let open = 0;
    for (const receiver of this.#receiving.values()) if (!receiver.ended) open++;
    return open;
  }
}

function nothing(): void {}

/** Whether a payload may hold extension 1 with 4 bytes of data (`d6 01`): cheap, and never wrong when it says no. */
function mayNameStreams(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = bytes.indexOf(0xd6, start); at >= 0 && at < end; at = bytes.indexOf(0xd6, at + 1)) {
    if (bytes[at + 1] === BYTE_STREAM_EXTENSION) return true;
  }
  return false;
}
