/**
 * Values to MessagePack and back, safe on input from strangers.
 *
 * @example
 * ```ts
 * import { decode, encode } from "@millrace/millrace/msgpack";
 *
 * console.log(decode(encode({ hello: ["world", 1n, new Date(0)] })));
 * ```
 *
 * @module
 */

// Values to bytes
export { encode, type EncodeExtension, type EncodeOptions } from "./encoder.ts";

// Bytes to values
export { decode, type DecodeExtension, type DecodeOptions } from "./decoder.ts";
export { skip } from "./check.ts";
export { DecodeError } from "./errors.ts";
export { type DecodeLimits, defaultLimits } from "./limits.ts";

// Faster strings, from the runtime
export { setText, type TextNatives } from "./text.ts";

// Values of your own, through @msgpack/msgpack
export { decodeWithCodec, encodeWithCodec, type ExtensionCodec } from "./reference.ts";
