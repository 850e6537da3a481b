// The client of bench/upload.mjs: moves so many MiB one way or the other, once for each job, with small calls meanwhile; a line of JSON for each.
//   upload_client.ts URL WAY MIB...    WAY: items, stream (up), items-down, stream-down
import process from "node:process";
import { connect } from "../client/mod.ts";
import type { App } from "./upload_server.ts";

const [url, way, ...sizes] = process.argv.slice(2) as [string, string, ...string[]];
const { gc } = globalThis as { gc?: () => void };
const { Bun } = globalThis as { Bun?: { gc(force: boolean): void } };
const PIECE = new Uint8Array(64 * 1024).fill(7);
/** Milliseconds from the start of one small call to that of the next, and how long they are measured alone. */
const [EVERY, IDLE] = [10, 5_000];

await using app = connect<App>(url, { limits: { window: Number(process.env.WINDOW ?? 256) * 1024 } });
await app.ready();
await measured(() => wait(500)); // warm up
const idle = quantiles(await alone());
for (const size of sizes) console.log(JSON.stringify({ idle, ...await move(Number(size) * 1_048_576) }));

async function move(size: number): Promise<object> {
  const start = performance.now();
  let received = 0;
  const busy = quantiles(await measured(async () => void (received = await moved(size))));
  const seconds = (performance.now() - start) / 1_000;
  if (received !== size) throw new Error(`${received} of ${size} bytes have arrived`);
  const [server, held] = [await app.call.memory(), await app.call.held()];
  gc?.();
  Bun?.gc(true);
  const client = process.memoryUsage().rss;
  return { mebibytes: size / 1_048_576, seconds, server, client, held, busy };
}

/**
 * Small calls one after the other with a pause between them: the fastest that the link allows. With overlapping ones Deno's client, which
 * leaves Nagle's algorithm on, would hold each back until the one before is acknowledged, and the target would be measured from there.
 */
async function alone(): Promise<number[]> {
  const found: number[] = [];
  for (const end = performance.now() + IDLE; performance.now() < end; await wait(EVERY)) {
    const begun = performance.now();
    await app.call.add({ a: 1, b: 2 });
    found.push(performance.now() - begun);
  }
  return found;
}

/** Small calls, one started every 10 ms whether the one before was answered or not, while `run` runs: milliseconds of each. */
async function measured(run: () => Promise<void>): Promise<number[]> {
  const found: number[] = [];
  const calls: Promise<void>[] = [];
  const timer = setInterval(() => {
    const begun = performance.now();
    calls.push(app.call.add({ a: 1, b: 2 }).then(() => void found.push(performance.now() - begun)));
  }, EVERY);
  await run();
  clearInterval(timer);
  await Promise.all(calls);
  return found;
}

function quantiles(all: number[]): { calls: number; p50: number; p99: number; most: number } {
  const sorted = all.sort((a, b) => a - b);
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
  return { calls: sorted.length, p50: at(0.5), p99: at(0.99), most: at(1) };
}

async function moved(size: number): Promise<number> {
  if (way === "items") return await app.call.items(pieces(size));
  if (way === "stream") return await app.call.stream(byteStream(size));
  if (way === "items-down") return await sum(app.call.itemsDown(size) as AsyncIterable<Uint8Array>);
  const bytes = await app.call.streamDown(size);
  return bytes instanceof Uint8Array ? bytes.byteLength : await sum(bytes.values());
}

async function sum(source: AsyncIterable<Uint8Array>): Promise<number> {
  let size = 0;
  for await (const piece of source) size += piece.byteLength;
  return size;
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

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
