import type { Schema, SchemaResult } from "./schema.ts";

/** Bytes to send: one piece, or a stream of pieces under flow control. */
export type Bytes = Uint8Array | ReadableStream<Uint8Array>;

/** Bytes as they arrive: never on shared memory, so `Response`, `Blob` and files take them. */
export type ReceivedBytes = Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>>;

const schema: Schema<Bytes, ReceivedBytes> = Object.freeze({
  "~standard": Object.freeze({ version: 1, vendor: "millrace", validate: check }),
});

/**
 * The Standard Schema for bytes: `Uint8Array` or `ReadableStream<Uint8Array>`. What is sent as a stream
 * arrives as a stream, what is sent as an array arrives as an array.
 *
 * A `Uint8Array` that arrives is a view of the received frame: free to read and to keep, but it keeps the
 * whole frame alive, so copy a small one that is kept long. A stream must be read or cancelled; unread it
 * holds back its sender.
 *
 * It stands for a whole input, output or item. A field of another library's object schema takes that library's own:
 * with zod `z.instanceof(Uint8Array)` or `z.instanceof(ReadableStream)`.
 *
 * As `items` of an upload each item is a `Uint8Array`; a `ReadableStream<Uint8Array>` is then the whole
 * sequence of items.
 *
 * @example
 * ```ts
 * import { bytes, procedure } from "@millrace/millrace";
 *
 * export const size = procedure({ input: bytes() }, async (input) => (await new
 * Response(input).bytes()).byteLength);
 * ```
 *
 * @example As a field
 * ```ts
 * import { procedure } from "@millrace/millrace";
 * import { z } from "zod";
 *
 * const file = z.object({ name: z.string(), content: z.instanceof(Uint8Array) });
 *
 * export const save = procedure({ input: file }, ({ name, content }) => `${name}: ${content.length} bytes`);
 * ```
 */
export function bytes(): Schema<Bytes, ReceivedBytes> {
  return schema;
}

function check(value: unknown): SchemaResult<ReceivedBytes> {
  if (value instanceof Uint8Array || value instanceof ReadableStream) {
    return { value: value as ReceivedBytes };
  }
  return { issues: [{ message: "Expected bytes: a Uint8Array or a ReadableStream" }] };
}
