/**
 * Builds frames that no honest client sends.
 */
import { encode } from "../../msgpack/mod.ts";
import { payload } from "./wire.ts";

/** Bytes that stand for themselves where a value is expected. */
export class Raw {
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
}

/** Bytes one behind the other. */
export function join(...parts: readonly (number | readonly number[] | Uint8Array)[]): Uint8Array {
  const arrays = parts.map((part) => typeof part === "number" ? [part] : part);
  const all = new Uint8Array(arrays.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const array of arrays) {
    all.set(array, at);
    at += array.length;
  }
  return all;
}

/** Bytes by their hexadecimal digits, spaces allowed, as an element of a message. */
export function raw(hex: string): Raw {
  return new Raw(unhex(hex));
}

/** Bytes by their hexadecimal digits; spaces are ignored. */
export function unhex(hex: string): Uint8Array {
  const digits = hex.replaceAll(" ", "");
  return Uint8Array.from(
    { length: digits.length / 2 },
    (_, i) => parseInt(digits.slice(2 * i, 2 * i + 2), 16),
  );
}

/** The same bytes again and again. */
export function repeated(bytes: readonly number[], times: number): Uint8Array {
  const all = new Uint8Array(bytes.length * times);
  for (let i = 0; i < all.length; i++) all[i] = bytes[i % bytes.length]!;
  return all;
}

/** A message of these elements, up to 15; a {@linkcode Raw} is written as it is, a `Uint8Array` as a bin. */
export function message(...elements: readonly unknown[]): Uint8Array {
  const parts = elements.map((element) => element instanceof Raw ? element.bytes : encode(element));
  return join(0x90 | elements.length, ...parts);
}

/** HELLO; `session` and `version` may be wrong. */
export function greeting(options: unknown = {}): Uint8Array {
  return message(0, 1, null, 0, payload(options));
}

/** CALL number `id`, which is its sequence too, with this value as input. */
export function call(id: number, method: unknown, input?: unknown, options: unknown = null): Uint8Array {
  return message(16, id, id, method, options, payload(input));
}

/** CALL with these bytes in place of an encoded input. */
export function callWith(id: number, bytes: Uint8Array, method = "echo"): Uint8Array {
  return message(16, id, id, method, null, bytes);
}

/** Messages put into as few frames as the limit on their number allows. */
export function frames(messages: readonly Uint8Array[], most = 1024): Uint8Array[] {
  const all: Uint8Array[] = [];
  for (let at = 0; at < messages.length; at += most) all.push(join(...messages.slice(at, at + most)));
  return all;
}

/** As {@linkcode frames}, for messages 1 to `count`, each frame made when it is its turn. */
export function* flood(count: number, make: (n: number) => Uint8Array, most = 1024): Iterable<Uint8Array> {
  for (let at = 0; at < count; at += most) {
    yield join(...times(Math.min(most, count - at), (n) => make(at + n)));
  }
}

/** What `make` gives for 1 to `count`. */
export function times<T>(count: number, make: (n: number) => T): T[] {
  return Array.from({ length: count }, (_, i) => make(i + 1));
}
