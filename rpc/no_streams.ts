/**
 * The streams of a connection as long as their code is not there: none.
 *
 * @module
 */
import { decodeRange } from "../msgpack/decoder.ts";
import type { EncodeExtension } from "../msgpack/encoder.ts";
import { CODE_NEEDED } from "./bulk_source.ts";
import { BYTE_STREAM_EXTENSION } from "./kinds.ts";
import type { Limits } from "./limits.ts";
import { mayNameStreams, type NamedStreams, NO_STREAMS } from "./named_streams.ts";
import { ProtocolError } from "./protocol_error.ts";
import type { Unit } from "./receiver.ts";
import type { ToldOfStream } from "./sender.ts";
import type { Streams } from "./streams.ts";

/** Says that there is no stream, and throws {@linkcode CODE_NEEDED} where there would be one. */
export class NoStreams implements Pick<Streams, keyof Streams> {
  readonly open = 0;
  readonly known = 0;
  readonly held = 0;
  readonly senders: readonly never[] = [];
  readonly isDue = false;
  readonly #limits: Limits;

  /** Decodes within the limits. */
  constructor(limits: Limits) {
    this.#limits = limits;
  }

  get extension(): EncodeExtension {
    return noStream;
  }

  withStreams(write: (extension: EncodeExtension) => void): NamedStreams {
    write(noStream);
    return NO_STREAMS;
  }

  takeWritten(): NamedStreams {
    return NO_STREAMS;
  }

  decode({ bytes, start, end }: Unit): unknown {
    return this.decodeAt(bytes, start, end);
  }

  decodeAt(bytes: Uint8Array, start: number, end: number): unknown {
    return start === end ? undefined : decodeRange(bytes, start, end, this.#limits, noStreamIn);
  }

  discardNamed(unit: Unit): void {
    if (mayNameStreams(unit)) throw CODE_NEEDED;
  }

  tell(): number[] {
    return [];
  }

  resume(told: ReadonlyMap<number, ToldOfStream>): () => void {
    if (told.size > 0) throw new ProtocolError("A session has a stream that was never opened");
    return () => {};
  }

  hasUnit(): boolean {
    return true;
  }

  settle(): void {}

  end(): void {}

  writeDue(): void {}

  sendItems: Streams["sendItems"] = needed;
  receiveItems: Streams["receiveItems"] = needed;
  unit: Streams["unit"] = needed;
  part: Streams["part"] = needed;
  finish: Streams["finish"] = needed;
  credit: Streams["credit"] = needed;
  stop: Streams["stop"] = needed;
}

function needed(): never {
  throw CODE_NEEDED;
}

function noStream(value: unknown): undefined {
  if (value instanceof ReadableStream) throw CODE_NEEDED;
}

function noStreamIn(type: number): undefined {
  if (type === BYTE_STREAM_EXTENSION) throw CODE_NEEDED;
}
