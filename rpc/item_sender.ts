/**
 * Sends what an async iterator yields, one item at a time, as credit, window and socket have room.
 *
 * @module
 */
import type { EncodeExtension } from "../msgpack/encoder.ts";
import { CallError } from "./errors.ts";
import { writeItemHead, writePartHead, writePayload } from "./messages.ts";
import { type NamedStreams, NO_STREAMS } from "./named_streams.ts";
import type { BulkSource } from "./bulk.ts";
import { FRAGMENT_OVER } from "./outbox.ts";
import { Sender, type SenderParts } from "./sender.ts";

/** How the items of one stream are made and told. */
export interface ItemSource {
  /** What yields them; `return()` is called when nobody wants more. */
  readonly iterator: AsyncIterator<unknown> | Iterator<unknown>;
  /** Checks and converts an item before it is sent. */
  readonly validate?: ((item: unknown) => unknown) | undefined;
  /** Runs `write` with what encodes byte streams inside an item, and gives those streams. */
  readonly withStreams: (write: (extension: EncodeExtension) => void) => NamedStreams;
  /** What the receiver is told when the source throws. */
  readonly tell: (thrown: unknown) => CallError | Promise<CallError>;
  /** Called when the stream is stopped before its source has ended. */
  readonly stopped?: (() => void) | undefined;
  /** Called once, when the source has ended, failed, or returned after a stop; `error` is what it threw. */
  readonly done?: ((error?: unknown) => void) | undefined;
}

/** Somebody who waits for an item to leave, or for room. */
interface Turn {
  resolve(): void;
  reject(error: unknown): void;
}

/** The sending half of one stream of items. It asks its source only when an item could leave, and holds one at most. */
export class ItemSender extends Sender implements BulkSource {
  readonly #source: ItemSource;
  #next: { readonly item: unknown } | undefined;
  #large: Uint8Array | undefined;
  #named: NamedStreams = NO_STREAMS;
  #offset = 0;
  #stopped = false;
  #started = false;
  #queued = false;
  #turn: Turn | undefined;
  #returned: Promise<void> | undefined;

  /** Takes over the source. */
  constructor(parts: SenderParts, source: ItemSource) {
    super(parts);
    this.#source = source;
  }

  override get held(): number {
    return this.#large === undefined ? 0 : this.#large.length - this.#offset;
  }

  override detach(): void {
    if (this.#next !== undefined && this.hasCredit) this.#encodeNext(this.#next.item);
  }

  override start(): void {
    if (this.#started || this.#stopped) return;
    this.#started = true;
    void this.#run();
  }

  override stop(error: CallError = new CallError("CANCELLED", "The stream was stopped")): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#next = undefined;
    if (this.#large !== undefined) this.#named.withdraw();
    this.#large = undefined;
    this.fail(error);
    this.#source.stopped?.();
    // A generator that waits at a `yield` runs its `finally` now; one that is busy does when it comes to its next.
    this.#returned = this.#returnSource();
    if (this.#started) this.#endTurn();
    else void this.#returned.then(() => this.#source.done?.());
  }

  /** Sends one piece of what is ready; see {@linkcode BulkSource}. */
  sendNext(piece: number): boolean {
    this.#queued = false;
    if (this.#next !== undefined) this.#encodeNext(this.#next.item);
    else if (this.#large !== undefined) this.#sendPart(this.#large, piece);
    if (this.#large !== undefined) return this.#queued = this.hasCredit;
    this.#endTurn();
    return false;
  }

  #encodeNext(item: unknown): void {
    try {
      this.#send(item);
      if (this.#large === undefined) this.#endTurn();
    } catch (error) {
      this.#turn?.reject(error);
      this.#turn = undefined;
    }
  }

  protected override wake(): void {
    if (this.#turn === undefined || this.#queued || !this.hasCredit) return;
    this.#queued = true;
    this.outbox.enqueue(this);
  }

  async #run(): Promise<void> {
    const { done, tell } = this.#source;
    let failure: unknown;
    try {
      await this.#sendAll();
    } catch (error) {
      failure = error;
      if (!this.#stopped) {
        this.#stopped = true;
        this.#returned = this.#returnSource();
        this.fail(await tell(error));
      }
    }
    await this.#returned;
    done?.(failure);
  }

  async #sendAll(): Promise<void> {
    const { iterator, validate } = this.#source;
    while (true) {
      if (!this.#mayLeave) await this.#waitForTurn();
      if (this.#stopped) return;
      const result = await iterator.next();
      if (this.#stopped) return;
      if (result.done) break;
      const item = validate === undefined ? result.value : await validate(result.value);
      if (this.#stopped) return;
      // Looked at again: other streams may have used the room while the source was busy.
      // Without a connection it is kept as bytes, which count.
      if (this.hasCredit && (this.outbox.roomForBulk || this.outbox.isDetached)) this.#send(item);
      else this.#next = { item };
      this.outbox.kept?.();
      if (this.#stopped) return;
      if (this.#next !== undefined || this.#large !== undefined) await this.#waitForTurn();
      if (this.#stopped) return;
    }
    this.#stopped = true;
    this.end();
  }

  async #returnSource(): Promise<void> {
    try {
      await this.#source.iterator.return?.();
    } catch {
      // What a source throws while it cleans up has nobody left to be told.
    }
  }

  get #mayLeave(): boolean {
    return this.hasCredit && this.outbox.roomForBulk;
  }

  /** Resolves when what is ready has left, or when there is room where nothing is ready, or when the stream was stopped. */
  #waitForTurn(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#turn = { resolve, reject };
      this.wake();
    });
  }

  #endTurn(): void {
    this.#turn?.resolve();
    this.#turn = undefined;
  }

  #send(item: unknown): void {
    this.#next = undefined;
    this.#named = this.#source.withStreams((extension) => this.#write(item, extension));
    if (this.#large === undefined) this.#named.start();
  }

  #write(item: unknown, extension: EncodeExtension): void {
    const { outbox } = this;
    outbox.open();
    try {
      writeItemHead(this.id, this.nextNumber);
      writePayload(item, extension);
    } catch (error) {
      outbox.abandon();
      throw error;
    }
    const size = outbox.sealSized();
    if (size <= Math.min(FRAGMENT_OVER, outbox.peer.message)) {
      this.count(size - headerSize(size, this.id, this.nextNumber));
      outbox.replay?.addsUnit(this.id, this.number);
      outbox.keep();
      return;
    }
    this.#large = outbox.takeOut().subarray(headerSize(size, this.id, this.nextNumber));
    this.#offset = 0;
    if (this.#large.length > outbox.peer.message) {
      const { length } = this.#large;
      this.#large = undefined;
      throw new CallError(
        "TOO_LARGE",
        `Cannot send an item of ${length} bytes: the peer accepts ${outbox.peer.message}`,
      );
    }
  }

  #sendPart(item: Uint8Array, piece: number): void {
    const from = this.#offset;
    const to = Math.min(item.length, from + Math.min(piece, Math.floor(this.outbox.peer.message / 2)));
    const at = { remaining: item.length - to, length: to - from };
    const { id, nextNumber: n } = this;
    const writeHead = () => writePartHead(id, n, at);
    this.count(at.length);
    this.outbox.sendSlice({ message: item, from, to, writeHead, seq: 0, stream: id, n });
    this.#offset = to;
    if (at.remaining > 0) return;
    this.#large = undefined;
    this.#named.start();
  }
}

/** Bytes of a written ITEM of this size that are in front of its payload. */
function headerSize(size: number, id: number, n: number): number {
  const fixed = 2 + uintSize(id) + uintSize(n);
  const rest = size - fixed;
  return fixed + (rest < 0x100 + 2 ? 2 : rest < 0x10000 + 3 ? 3 : 5);
}

function uintSize(n: number): number {
  return n < 0x80 ? 1 : n < 0x100 ? 2 : n < 0x10000 ? 3 : n <= 0xffffffff ? 5 : 9;
}
