// What the contenders with procedures share, so that they check the same inputs and do the same work.
import { z } from "zod";

/** The small message: calls and items. */
export const small = z.object({ n: z.number(), s: z.string() });

/** The input of a stream: `count` items that begin at `n`. */
export const range = z.object({ count: z.int().min(0).max(1_000_000), n: z.number(), s: z.string() });

/** The items of a stream, one promise each as most sources have it. */
export async function* items({ count, n, s }: z.infer<typeof range>): AsyncGenerator<z.infer<typeof small>> {
  for (let i = 0; i < count; i++) yield { n: n + i, s };
}
