import { decodeRange } from "../msgpack/decoder.ts";
import { BYTE_STREAM_EXTENSION } from "./kinds.ts";
import type { Unit } from "./receiver.ts";
import type { CallError } from "./errors.ts";
import type { Sender } from "./sender.ts";

/** The byte streams that one message names: they begin when it has left, and never when it does not leave. */
export class NamedStreams {
  readonly #senders: Sender[] = [];

  /** Adds one. */
  add(sender: Sender): void {
    this.#senders.push(sender);
  }

  /** All of the message has left. */
  start(): void {
    for (const sender of this.#senders) sender.start();
  }

  /** Nobody waits for them any more, though the message has left. */
  stop(error: CallError): void {
    for (const sender of this.#senders) sender.stop(error);
  }

  /** The message does not leave: their numbers are not used, and their sources are told. */
  withdraw(): void {
    for (const sender of this.#senders) sender.withdraw();
  }
}

/** What a message names that names none. */
export const NO_STREAMS: NamedStreams = new NamedStreams();

/**
 * Whether a payload may hold extension 1 in its usual form, `d6 01` and 4 bytes: cheap, since nothing else is looked at in
 * a value that nobody reads. Who writes it in another form gets no STOP and keeps the place of a stream taken.
 */
export function mayNameStreams({ bytes, start, end }: Unit): boolean {
  const payload = bytes.subarray(start, end); // a search in all of the frame would go on behind the payload
  for (let at = payload.indexOf(0xd6); at >= 0; at = payload.indexOf(0xd6, at + 1)) {
    if (payload[at + 1] === BYTE_STREAM_EXTENSION) return true;
  }
  return false;
}

/** More than a message may have: who decodes it for its value holds it to the limits. */
const UNBOUNDED = { depth: 1_000, keys: Infinity };

/** Whether a payload names a byte stream, in whatever form. It is decoded for that; nothing is claimed. */
export function namesStreams({ bytes, start, end }: Unit): boolean {
  let names = false;
  try {
    if (start < end) {
      decodeRange(bytes, start, end, UNBOUNDED, (type) => names ||= type === BYTE_STREAM_EXTENSION);
    }
  } catch {
    // What cannot be decoded is refused by who needs the value.
  }
  return names;
}
