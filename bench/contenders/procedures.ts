// What the contenders with procedures share, so that they check the same inputs and do the same work.
import { Buffer } from "node:buffer";
import { z } from "zod";

/** The small message: calls and items. */
export const small = z.object({ n: z.number(), s: z.string() });

/** The input of a stream: `count` items that begin at `n`. */
export const range = z.object({ count: z.int().min(0).max(1_000_000), n: z.number(), s: z.string() });

/** The items of a stream, one promise each as most sources have it. */
export async function* items({ count, n, s }: z.infer<typeof range>): AsyncGenerator<z.infer<typeof small>> {
  for (let i = 0; i < count; i++) yield { n: n + i, s };
}

/** Bytes from base64, for protocols of text. Node 22 has only Buffer's, Deno and Bun the language's own. */
export const decode: (text: string) => Uint8Array = Uint8Array.fromBase64 ??
  ((text: string) => Buffer.from(text, "base64"));

/** What a procedure does with bytes where the protocol has only text: they are decoded, and encoded again. */
export function reencoded(text: string): string {
  const bytes = decode(text);
  return bytes instanceof Buffer ? bytes.toString("base64") : bytes.toBase64();
}
