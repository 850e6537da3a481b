// The client of bench/upload.mjs: uploads of so many MiB, one after the other, with small calls meanwhile; a line of JSON for each.
import process from "node:process";
import { connect } from "../client/mod.ts";
import type { App } from "./upload_server.ts";

const [url, way, ...sizes] = process.argv.slice(2) as [string, "items" | "stream", ...string[]];
const { gc } = globalThis as { gc?: () => void };
const { Bun } = globalThis as { Bun?: { gc(force: boolean): void } };
const PIECE = new Uint8Array(64 * 1024).fill(7);

await using app = connect<App>(url);
await app.ready();
/** Milliseconds between small calls, and how long they are measured alone. */
const [PAUSE, IDLE] = [10, 3_000];
const quiet = performance.now() + IDLE;
const idle = quantiles(await latencies(() => performance.now() > quiet));
for (const size of sizes) console.log(JSON.stringify({ idle, ...await upload(Number(size) * 1_048_576) }));

async function upload(size: number): Promise<object> {
  let done = false;
  const start = performance.now();
  const busy = latencies(() => done);
  const received = await (way === "items" ? app.call.items(pieces(size)) : app.call.stream(byteStream(size)));
  done = true;
  const seconds = (performance.now() - start) / 1_000;
  if (received !== size) throw new Error(`${received} of ${size} bytes have arrived`);
  const [server, held] = [await app.call.memory(), await app.call.held()];
  gc?.();
  Bun?.gc(true);
  const client = process.memoryUsage().rss;
  return { mebibytes: size / 1_048_576, seconds, server, client, held, busy: quantiles(await busy) };
}

async function* pieces(size: number): AsyncGenerator<Uint8Array> {
  for (let sent = 0; sent < size; sent += PIECE.length) yield PIECE;
}

function byteStream(size: number): ReadableStream<Uint8Array> {
  let sent = 0;
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      if (sent >= size) return controller.close();
      sent += PIECE.length;
      controller.enqueue(PIECE);
    },
  }, { highWaterMark: 0 });
}

/** Small calls, one after the other with a pause between them, until `over`: milliseconds of each. */
async function latencies(over: () => boolean): Promise<number[]> {
  const found: number[] = [];
  while (!over()) {
    const begun = performance.now();
    await app.call.add({ a: 1, b: 2 });
    found.push(performance.now() - begun);
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
  return found;
}

function quantiles(all: number[]): { calls: number; p50: number; p99: number; most: number } {
  const sorted = all.sort((a, b) => a - b);
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
  return { calls: sorted.length, p50: at(0.5), p99: at(0.99), most: at(1) };
}
