// The server of tools/soak.mjs: every shape of procedure, and GET /soak, which tells memory and gauges.
import { z } from "zod";
import { bytes, CallError, define, procedure as offered } from "../../mod.ts";
import { collected } from "./memory.ts";

const { procedure, millrace } = define<object>().with({
  client: {
    double: offered.type({ input: z.number(), output: z.number() }),
    count: offered.type({ shape: "stream", input: z.number(), output: z.number() }),
  },
});

/** What failed although nothing was cut or cancelled. */
const errors: string[] = [];

const Stream = z.instanceof(ReadableStream<Uint8Array>);

/** What is served. */
export const app = millrace({
  path: "/rpc",
  // One whose WELCOME is lost after the client was told of another is empty, and ends with its window: before a rest is given up.
  limits: { session: 10_000 },
  procedures: {
    add: procedure({ input: z.object({ a: z.number(), b: z.number() }) }, ({ a, b }) => a + b),
    echo: procedure({ input: z.unknown() }, (value) => value),
    fail: procedure({ input: z.number(), errors: { HALT: z.object({ at: z.number() }) } }, (at, context) => {
      throw context.errors.HALT({ at });
    }),
    slow: procedure((_, { signal }) =>
      new Promise<void>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)))
    ),
    countdown: procedure.stream({ input: z.number() }, async function* (from) {
      while (from > 0) yield from--;
    }),
    endless: procedure.stream({ input: z.number() }, async function* (size) {
      for (let n = 0;; n++) yield { n, text: "x".repeat(size) };
    }),
    upload: procedure.upload({ items: bytes() }, async (pieces) => {
      let size = 0;
      for await (const piece of pieces) size += piece.byteLength;
      return size;
    }),
    talk: procedure.duplex({ items: z.string() }, async function* (lines) {
      for await (const line of lines) yield line.toUpperCase();
    }),
    size: procedure({ input: z.object({ of: Stream }) }, async ({ of }) => {
      let size = 0;
      const reader = of.getReader();
      for (let next = await reader.read(); !next.done; next = await reader.read()) size += next.value.length;
      return size;
    }),
    unread: procedure({ input: z.object({ of: Stream }) }, () => "not read"),
    through: procedure({ input: bytes(), output: bytes() }, (input) => input),
    download: procedure({ input: z.number() }, (size) => ({ size, of: zeros(size) })),
    ask: procedure({ input: z.number() }, async (n, { client }) => await client.double(n)),
    askStream: procedure.stream({ input: z.number() }, async function* (from, { client }) {
      for await (const n of client.count(from)) yield n;
    }),
    cut: procedure((_, { connection }) => connection.close(1012, "soak")),
  },
  onError: (error, { procedure }) => {
    if (error instanceof CallError && (error.code === "DISCONNECTED" || error.code === "CANCELLED")) return;
    errors.push(`${procedure}: ${error instanceof Error ? error.stack : error}`);
  },
});

/** The contract. */
export type App = typeof app;

function zeros(size: number): ReadableStream<Uint8Array> {
  let left = size;
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      if (left === 0) return controller.close();
      const piece = new Uint8Array(Math.min(20_000, left));
      left -= piece.length;
      controller.enqueue(piece);
    },
  }, { highWaterMark: 0 });
}

async function report(url: URL): Promise<Response> {
  const memory = url.searchParams.has("collect") ? await collected() : undefined;
  return Response.json({ stats: app.stats(), errors, memory });
}

export default {
  fetch(request: Request, info?: unknown): Response | Promise<Response> {
    const url = new URL(request.url);
    return url.pathname === "/soak" ? report(url) : app.fetch(request, info);
  },
  websocket: app.websocket,
};
