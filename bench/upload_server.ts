// The server of bench/upload.mjs: takes uploads, piece by piece, and tells what it holds meanwhile.
import process from "node:process";
import { z } from "zod";
import { bytes, millrace, procedure } from "../mod.ts";

const { gc } = globalThis as { gc?: () => void };
const { Bun } = globalThis as { Bun?: { gc(force: boolean): void } };

/** Highest value of the gauge since it was asked for. */
let mostHeld = 0;

/** Looks at the gauge; gives back what it is given. */
function watch(value: number): number {
  mostHeld = Math.max(mostHeld, app.stats().heldBytes);
  return value;
}

/** What is served. */
export const app = millrace({
  procedures: {
    add: procedure({ input: z.object({ a: z.number(), b: z.number() }) }, ({ a, b }): number => watch(a + b)),
    items: procedure.upload({ items: bytes() }, async (pieces): Promise<number> => {
      let size = 0;
      for await (const piece of pieces) size += watch(piece.byteLength);
      return size;
    }),
    stream: procedure({ input: bytes() }, async (input): Promise<number> => {
      let size = 0;
      const reader = (input as ReadableStream<Uint8Array>).getReader();
      for (let next = await reader.read(); !next.done; next = await reader.read()) {
        size += watch(next.value.byteLength);
      }
      return size;
    }),
    held: procedure(() => {
      const most = mostHeld;
      mostHeld = 0;
      return most;
    }),
    memory: procedure(async () => {
      // Twice, a turn apart: buffers outside of the heap are freed after the objects that owned them.
      for (let i = 0; i < 2; i++) {
        gc?.();
        Bun?.gc(true);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      return process.memoryUsage().rss;
    }),
  },
});

/** The contract. */
export type App = typeof app;

export default app;
