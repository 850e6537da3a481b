// The server of bench/upload.mjs: takes uploads piece by piece and gives downloads, and tells what it holds meanwhile.
import process from "node:process";
import { z } from "zod";
import { bytes, millrace, procedure } from "../mod.ts";

const { gc } = globalThis as { gc?: () => void };
const { Bun } = globalThis as { Bun?: { gc(force: boolean): void } };

const PIECE = new Uint8Array(64 * 1024).fill(7);

/** Highest value of the gauge since it was asked for. */
let mostHeld = 0;

/** Looks at the gauge; gives back what it is given. */
function watch(value: number): number {
  mostHeld = Math.max(mostHeld, app.stats().heldBytes);
  return value;
}

function byteStream(size: number): ReadableStream<Uint8Array> {
  let sent = 0;
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      watch(0);
      if (sent >= size) return controller.close();
      sent += PIECE.length;
      controller.enqueue(PIECE);
    },
  }, { highWaterMark: 0 });
}

/** What is served. */
export const app = millrace({
  limits: { window: Number(process.env.WINDOW ?? 256) * 1024 },
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
    itemsDown: procedure.stream({ input: z.number(), output: bytes() }, async function* (size) {
      for (let sent = 0; sent < size; sent += PIECE.length) {
        watch(0);
        yield PIECE;
      }
    }),
    streamDown: procedure({ input: z.number(), output: bytes() }, (size) => byteStream(size)),
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
