// The smallest server that leaves well: `deno serve -A examples/serve.ts`, or `bun examples/serve.ts`.
import process from "node:process";
import { z } from "zod";
import { bytes, millrace, procedure } from "../mod.ts";

/** What clients call. */
export const app = millrace({
  procedures: {
    add: procedure({ input: z.object({ a: z.number(), b: z.number() }) }, ({ a, b }) => a + b),
    countdown: procedure.stream({ input: z.number() }, async function* (from, { signal }) {
      while (from > 0 && !signal.aborted) yield from--;
    }),
    upload: procedure.upload({ items: bytes() }, async (pieces) => {
      let size = 0;
      for await (const piece of pieces) size += piece.byteLength;
      return size;
    }),
  },
});

/** The contract: a client imports this type and nothing else. */
export type App = typeof app;
export default app;

// SIGTERM: new connections get 503, calls in flight have ten seconds, then clients are sent elsewhere with 1012.
process.on("SIGTERM", async () => {
  await app.shutdown({ deadline: 10_000, restart: true });
  process.exit(0);
});
// After that `deno serve` (2.9) adds a listener that closes all WebSockets at once, before any call could finish: it is not let in.
const deno = (globalThis as { Deno?: { addSignalListener: unknown } }).Deno;
if (deno) deno.addSignalListener = () => {};
