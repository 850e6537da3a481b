// The server of bench/slow_readers.mjs: publishes to a feed at a rate, and tells what it weighs meanwhile.
import process from "node:process";
import { z } from "zod";
import { channel, define } from "../mod.ts";

const { gc } = globalThis as { gc?: () => void };
const { Bun } = globalThis as { Bun?: { gc(force: boolean): void } };

/** Milliseconds between two batches, and between two looks at the memory. */
const [BATCH, LOOK] = [10, 500];

/** What is published: `n` counts, `key` is one of a few. */
const message = z.object({ n: z.number(), key: z.number(), fill: z.instanceof(Uint8Array) });

function weight(): number {
  gc?.();
  Bun?.gc(true);
  return process.memoryUsage().rss;
}

const channels = { "feed/:id": channel({ message, history: { messages: 200 } }) };
const { procedure, millrace } = define().with({ channels });

/** What is served. */
export const app = millrace({
  procedures: {
    run: procedure({
      input: z.object({
        id: z.string(),
        rate: z.number(),
        seconds: z.number(),
        keys: z.number(),
        bytes: z.number(),
      }),
    }, async ({ id, rate, seconds, keys, bytes }, { publish }) => {
      const fill = new Uint8Array(bytes);
      const weights: number[] = [];
      const start = performance.now();
      let n = 0;
      let top = 0;
      for (let looked = start, now = start; now - start < seconds * 1_000; now = performance.now()) {
        for (; n < (now - start) * rate / 1_000; n++) {
          ({ offset: top } = await publish("feed/:id", { id }, { n, key: n % keys, fill }));
        }
        if (now - looked >= LOOK) {
          looked = now;
          weights.push(weight());
        }
        await new Promise((resolve) => setTimeout(resolve, BATCH));
      }
      return { published: n, top, weights };
    }),
  },
});

/** The contract. */
export type App = typeof app;

export default app;
