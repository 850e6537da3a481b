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
import { mayNameStreams, NamedStreams, NO_STREAMS } from "./named_streams.ts";
import type { Outbox } from "./outbox.ts";
import { writeMessage } from "./outbox_parts.ts";
import { ProtocolError } from "./protocol_error.ts";
import type { Receiver, ReceiverParts, Unit } from "./receiver.ts";
import type { Sender, SenderParts, ToldOfStream } from "./sender.ts";
import { Unclaimed } from "./unclaimed.ts";

/** Takes the byte streams that a value names. */
export interface Claimant {
  /** Takes one. */
  claim(receiver: Receiver): void;
}

const NONE: readonly Receiver[] = [];
/** The flag of a stream that its receiver wants no more of. */
const STOPPED = 1;
const STOPS_ALL: Claimant = { claim: (receiver) => receiver.stop() };

/** The end of a connection that streams belong to. */
export interface StreamsOwner {
  /** Where messages go. */
  readonly outbox: Outbox;
  /** Bounds of this side. */
  readonly limits: Limits;
  /** The other side broke a rule inside a value: the connection ends. */
  fault(error: ProtocolError): void;
}

/** The streams of one connection, both ways. */
export class Streams {
  readonly #outbox: Outbox;
  readonly #limits: Limits;
  /** These are made for the first stream: most connections that are idle have never had one. */
  #sending: Map<number, Sender> | undefined;
  #receiving: Map<number, Receiver> | undefined;
  #due: Set<Receiver> | undefined;
  /** Streams that were stopped while there was no connection. */
  #unstopped: Set<number> | undefined;
  readonly #owner: StreamsOwner;
  #extension: EncodeExtension | undefined;
  #claiming: DecodeExtension | undefined;
  /** What the value that is being decoded has named so far. */
  #named: Receiver[] | undefined;
  /** What the value that is being written has named so far. */
  #written: NamedStreams = NO_STREAMS;
  #last = 0;
  #ended: CallError | undefined;

  /** Holds what the limits of `owner` allow. */
  constructor(owner: StreamsOwner) {
    this.#outbox = owner.outbox;
    this.#limits = owner.limits;
    this.#owner = owner;
  }

  /** Streams that have not ended. */
  get open(): number {
    return this.#openSending() + this.#openReceiving();
  }

  /** Streams of which something is remembered: those too that have ended and were not read, or not acknowledged. */
  get known(): number {
    return (this.#sending?.size ?? 0) + (this.#receiving?.size ?? 0);
  }

  /** Bytes held here that nobody has read. */
  get held(): number {
    let held = 0;
    for (const receiver of this.#receivers) held += receiver.held;
    return held;
  }

  /**
   * Registers a stream of our items; call `start()` when the message that names it has left.
   *
   * @throws {CallError} `RESOURCE_EXHAUSTED` when the peer accepts no more streams.
   */
  sendItems(source: Omit<ItemSource, "withStreams">): ItemSender {
    const parts = this.#senderParts();
    const sender = new ItemSender(parts, { ...source, withStreams: (write) => this.withStreams(write) });
    (this.#sending ??= new Map()).set(sender.id, sender);
    return sender;
  }

  /**
   * Runs `write` with an extension that registers the byte streams inside what is written. If `write` throws, they are withdrawn.
   *
   * @returns The streams, to be started when the message has left.
   */
  withStreams(write: (extension: EncodeExtension) => void): NamedStreams {
    try {
      write(this.extension);
    } catch (error) {
      this.takeWritten().withdraw();
      throw error;
    }
    return this.takeWritten();
  }

  /**
   * Registers the byte streams inside the value that is being written, which one message at a time is. Take them with
   * {@linkcode Streams.takeWritten}, whether or not it was written to its end.
   */
  get extension(): EncodeExtension {
    return this.#extension ?? this.#makeExtension();
  }

  /** Not where it is asked for: V8 makes room for what a function captures whenever the one around it is called. */
  #makeExtension(): EncodeExtension {
    return this.#extension = (value) => {
      if (!(value instanceof ReadableStream)) return undefined;
      const sender = this.#sendBytes(value as ReadableStream<Uint8Array>);
      if (this.#written === NO_STREAMS) this.#written = new NamedStreams();
      this.#written.add(sender);
      return { type: BYTE_STREAM_EXTENSION, data: sender.id };
    };
  }

  /** The streams that {@linkcode Streams.extension} has registered, to be started or withdrawn. */
  takeWritten(): NamedStreams {
    const written = this.#written;
    if (written !== NO_STREAMS) this.#written = NO_STREAMS;
    return written;
  }

  /**
   * Decodes a payload; byte streams in it become `ReadableStream`s. Bytes in the value are views of `unit.bytes`.
   *
   * @param claimant Takes the streams that the value names.
   * @throws {DecodeError} If the payload is not one valid value. Streams that it named up to there are stopped.
   * @throws {ProtocolError} If it names a stream that cannot be: `fault` was told.
   */
  decode({ bytes, start, end }: Unit, claimant?: Claimant): unknown {
    return this.decodeAt(bytes, start, end, claimant);
  }

  /** As {@linkcode Streams.decode}, for a range. */
  decodeAt(bytes: Uint8Array, start: number, end: number, claimant?: Claimant): unknown {
    if (start === end) return undefined;
    try {
      const value = decodeRange(bytes, start, end, this.#limits, this.#claiming ?? this.#makeClaiming());
      if (this.#named === undefined) return value;
      for (const receiver of this.#takeNamed()) claimant?.claim(receiver);
      return value;
    } catch (error) {
      for (const receiver of this.#takeNamed()) receiver.stop();
      if (error instanceof ProtocolError) this.#owner.fault(error);
      throw error;
    }
  }

  /** Streams that a payload names and nobody will read: their senders are told to stop. */
  discardNamed(unit: Unit): void {
    if (!mayNameStreams(unit)) return;
    try {
      this.decode(unit, STOPS_ALL);
    } catch {
      // What cannot be decoded names nothing more.
    }
  }

  /** The stream of items that a message names: CALL with `items`, or STREAM. `claimant` takes the byte streams in its items. */
  receiveItems(id: number, claimant?: Claimant): ItemReceiver {
    const receiver = new ItemReceiver(this.#receiverParts(id), {
      decode: (unit) => this.decode(unit, claimant),
      discard: (unit) => this.discardNamed(unit),
      limit: this.#limits.message,
    });
    return this.#claim(receiver);
  }

  /** ITEM or PIECE. A unit may come before its message does, when that travels in fragments or waits undecoded. */
  unit(id: number, n: number, unit: Unit): void {
    (this.#receiving?.get(id) ?? this.#early(id)).unit(n, unit);
  }

  /** PART. */
  part(id: number, n: number, unit: Unit & { readonly remaining: number }): void {
    (this.#receiving?.get(id) ?? this.#early(id)).part(n, unit.remaining, unit);
  }

  /** END, or FAIL with `error`. */
  finish(id: number, n: number, error?: CallError): void {
    (this.#receiving?.get(id) ?? this.#early(id)).finish(n, error);
  }

  /** CREDIT. For a stream that is over it is late, and ignored. */
  credit(id: number, n: number, limit: number): void {
    if (id > this.#last) throw new ProtocolError("Credit for a stream that was never opened");
    this.#sending?.get(id)?.credit(n, limit);
    this.#outbox.schedule();
  }

  /** STOP. */
  stop(id: number): void {
    if (id > this.#last) throw new ProtocolError("STOP for a stream that was never opened");
    this.#sending?.get(id)?.stop();
  }

  /** Whether CREDIT messages became due in this turn. Asked at every flush: an iterator over nothing took 1 % of a small call on Deno. */
  get isDue(): boolean {
    return this.#due !== undefined && this.#due.size > 0;
  }

  /** Writes the CREDIT messages that became due. */
  writeDue(): void {
    for (const receiver of this.#due ?? NONE) {
      const limit = receiver.grant();
      this.#outbox.open();
      writeCredit(receiver.id, receiver.acknowledged, limit);
      this.#outbox.seal();
    }
    this.#due?.clear();
  }

  /** Number, what has arrived, limit and flags of each stream that was not seen to end, one after the other. */
  tell(): number[] {
    this.#unstopped = undefined;
    const all: number[] = [];
    for (const receiver of this.#receivers) {
      if (receiver.ended) continue;
      const { n, limit, stopped } = receiver.told;
      all.push(receiver.id, n, limit, stopped ? STOPPED : 0);
    }
    return all;
  }

  /**
   * A connection carries on: what the other side tells of our streams, and how many units of all of them have come there.
   *
   * @returns Ends those that it wants no more of, to be called when what was lost was sent again.
   * @throws {ProtocolError} If it tells what cannot be.
   */
  resume(told: ReadonlyMap<number, ToldOfStream>, units: number): () => void {
    for (const id of told.keys()) {
      if (id > this.#last) throw new ProtocolError("A session has a stream that was never opened");
    }
    for (const sender of [...this.senders]) sender.resume(told.get(sender.id), units);
    return () => {
      for (const id of this.#unstopped ?? []) this.#sendStop(id);
      this.#unstopped = undefined;
      for (const [id, { stopped }] of told) if (stopped) this.#sending?.get(id)?.stop();
    };
  }

  /** Whether unit `n` of one of our streams has arrived at the other side; END and FAIL count as one. */
  hasUnit(id: number, n: number): boolean {
    const sender = this.#sending?.get(id);
    return sender === undefined || sender.hasArrived(n);
  }

  /** The session is not kept: ends are not acknowledged. */
  settle(): void {
    for (const sender of [...this.senders]) sender.settle();
  }

  /** The connection is gone: sources are told to stop, readers get `error`. */
  end(error: CallError): void {
    this.#ended = error;
    for (const sender of [...this.senders]) sender.drop();
    for (const receiver of [...this.#receivers]) receiver.drop(error);
    this.#sending =
      this.#receiving =
      this.#due =
      this.#unstopped =
        undefined;
  }

  #senderParts(): SenderParts {
    if (this.#openSending() >= this.#outbox.peer.streams) {
      throw new CallError(
        "RESOURCE_EXHAUSTED",
        `Cannot open a stream: the peer accepts ${this.#outbox.peer.streams} at once`,
      );
    }
    return { id: ++this.#last, outbox: this.#outbox, gone: (id) => void this.#sending?.delete(id) };
  }

  #receiverParts(id: number): ReceiverParts {
    return {
      id,
      window: this.#limits.window,
      acknowledgesEnd: this.#outbox.replay !== undefined,
      creditDue: (receiver) => {
        (this.#due ??= new Set()).add(receiver);
        this.#outbox.schedule();
      },
      sendStop: (id) => this.#sendStop(id),
      gone: (receiver) => {
        if (this.#receiving?.get(id) === receiver) this.#receiving.delete(id);
      },
    };
  }

  #sendStop(id: number): void {
    if (this.#receiving?.has(id) !== true) return;
    if (this.#outbox.isDetached) return void (this.#unstopped ??= new Set()).add(id);
    writeMessage(this.#outbox, () => writeStop(id));
  }

  /** Those that are sent. */
  get senders(): Iterable<Sender> {
    return this.#sending?.values() ?? [];
  }

  get #receivers(): Iterable<Receiver> {
    return this.#receiving?.values() ?? NONE;
  }

  #sendBytes(source: ReadableStream<Uint8Array>): ByteSender {
    const sender = new ByteSender(this.#senderParts(), source);
    (this.#sending ??= new Map()).set(sender.id, sender);
    return sender;
  }

  #makeClaiming(): DecodeExtension {
    return this.#claiming = (type, data) => {
      if (type !== BYTE_STREAM_EXTENSION || data.length !== 4) return undefined;
      const id = ((data[0]! << 24) | (data[1]! << 16) | (data[2]! << 8) | data[3]!) >>> 0;
      const receiver = this.#claim(new ByteReceiver(this.#receiverParts(id)));
      (this.#named ??= []).push(receiver);
      return receiver.readable;
    };
  }

  #takeNamed(): readonly Receiver[] {
    const named = this.#named ?? NONE;
    this.#named = undefined;
    return named;
  }

  /** Puts a receiver in the place of what came early, or in a free one. */
  #claim<R extends Receiver>(receiver: R): R {
    if (this.#ended !== undefined) { // an item that was read after the connection had gone
      receiver.drop(this.#ended);
      return receiver;
    }
    if (receiver.id === 0) throw new ProtocolError("Streams are numbered from 1");
    const early = this.#receiving?.get(receiver.id);
    if (early !== undefined && !(early instanceof Unclaimed)) {
      throw new ProtocolError(`Stream ${receiver.id} is named twice`);
    }
    if (early === undefined) this.#admit();
    (this.#receiving ??= new Map()).set(receiver.id, receiver);
    if (early !== undefined) {
      this.#due?.delete(early);
      early.replay(receiver);
    }
    return receiver;
  }

  #early(id: number): Receiver {
    if (id === 0) throw new ProtocolError("Streams are numbered from 1");
    this.#admit();
    const receiver = new Unclaimed({ ...this.#receiverParts(id), gone: nothing });
    (this.#receiving ??= new Map()).set(id, receiver);
    return receiver;
  }

  /**
   * Ended streams that nobody has read yet, or that a waiting call has yet to claim, may be as many as the calls they belong to;
   * more of them only while what they hold together is little.
   */
  #admit(): void {
    const { streams, calls, queue } = this.#limits;
    const isFull = (this.#receiving?.size ?? 0) >= streams + calls && this.held >= queue;
    if (this.#openReceiving() >= streams || isFull) throw new ProtocolError("Too many streams", 4531);
  }

  #openSending(): number {
    let open = 0;
    for (const sender of this.senders) if (!sender.ended) open++;
    return open;
  }

  #openReceiving(): number {
    let open = 0;
    for (const receiver of this.#receivers) if (!receiver.ended) open++;
    return open;
  }
}

function nothing(): void {}
