import { Decoder, Encoder } from "@msgpack/msgpack";
import { decode } from "./decoder.ts";
import { DecodeError } from "./errors.ts";
import type { DecodeLimits } from "./limits.ts";
import { describe } from "./refusal.ts";

/**
 * Values of your own as MessagePack extensions: what the `ExtensionCodec` of `@msgpack/msgpack` is, seen from
 * here. Its bytes are of any length, its types any but -1.
 */
export interface ExtensionCodec {
  /** The extension for an object, or null when the codec does not know it. Asked for every object and array. */
  tryToEncode(
    object: unknown,
    context: undefined,
  ): { readonly type: number; readonly data: Uint8Array | ((position: number) => Uint8Array) } | null;
  /** The object for an extension. `data` is a view of the bytes being decoded: copy what is kept. */
  decode(data: Uint8Array, type: number, context: undefined): unknown;
}

/**
 * Encodes with `@msgpack/msgpack` and a codec for values of your own, off the hot path. The result is the caller's
 * own, and always one that {@linkcode decode} accepts with the default limits.
 *
 * Other than {@linkcode encode}: undefined fields are nil, -0 is 0, integers over 32 bits are float64, bigints are
 * int64 or uint64, errors have no path.
 *
 * @throws {TypeError} for what neither MessagePack nor the codec knows, and what a decoder would refuse
 */
export function encodeWithCodec(value: unknown, codec: ExtensionCodec): Uint8Array {
  const strict: ExtensionCodec = {
    tryToEncode(object, context) {
      if (object instanceof Date && Number.isNaN(object.getTime())) refuse("an invalid Date");
      const data = codec.tryToEncode(object, context);
      if (data === null && !isPlain(object)) refuse(describe(object)); // the library would write an empty map
      return data;
    },
    decode: codec.decode,
  };
  const bytes = new Encoder({ extensionCodec: strict, useBigInt64: true }).encode(value).slice();
  try {
    decode(bytes, { extension: () => null });
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    refuse(`the bytes would be refused (${error.message})`);
  }
  return bytes;
}

function isPlain(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (Array.isArray(value) || value instanceof Uint8Array) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function refuse(reason: string): never {
  throw new TypeError(`Cannot encode a value: ${reason}`);
}

/**
 * Decodes with `@msgpack/msgpack` and a codec for values of your own, off the hot path. The bytes are read twice: first
 * by the checks of {@linkcode decode}, then by the library, which alone is not safe on bytes from strangers.
 *
 * Other than {@linkcode decode}: 64-bit integers are always bigints. Bin values are views of `bytes`.
 *
 * @throws {DecodeError} as {@linkcode decode}, except that the codec answers for unknown extensions
 */
export function decodeWithCodec(
  bytes: Uint8Array,
  codec: ExtensionCodec,
  limits?: Partial<DecodeLimits>,
): unknown {
  decode(bytes, { ...limits, extension: () => null });
  return new Decoder({ extensionCodec: codec, useBigInt64: true }).decode(bytes);
}
