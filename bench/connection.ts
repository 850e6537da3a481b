// What a connection costs the server in memory, over a socket that throws away what it is given: bytes of heap that it keeps when it has made
// one call and is idle, and microseconds of CPU from the request to its end.
//   deno run -A --v8-flags=--expose-gc bench/connection.ts        bun bench/connection.ts
// No kernel, no runtime's socket: what is ours alone.
import process from "node:process";
import { type App, type Client, open, settle } from "./core/socket.ts";
import { millraceFrames } from "./core/frames.ts";

const IDLE = 5_000;
const ROUNDS = 30;
const ROUND = 200;

const { app } = await import("./contenders/millrace.ts");
const frames = millraceFrames(1, true);

/** Greets and calls, as `bench/load` does, with a session where it is resumable. */
async function connect(count: number): Promise<Client[]> {
  const clients = Array.from({ length: count }, () => open(app as unknown as App));
  for (const client of clients) client.receive(frames.hello());
  await settle();
  for (const client of clients) client.receive(frames.first());
  await settle();
  return clients;
}

async function end(clients: Client[]): Promise<void> {
  for (const client of clients.splice(0)) client.close();
  await settle();
}

async function heap(): Promise<number> {
  const { Bun, gc } = globalThis as { Bun?: { gc(force: boolean): void }; gc?: () => void };
  for (let i = 0; i < 4; i++) {
    if (Bun !== undefined) Bun.gc(true);
    else gc!();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  if (Bun === undefined) return process.memoryUsage().heapUsed;
  const { heapStats } = await import("bun:jsc" as string);
  return heapStats().heapSize;
}

async function microseconds(): Promise<number> {
  const before = process.cpuUsage();
  for (let i = 0; i < ROUND / 20; i++) await end(await connect(20));
  const { user, system } = process.cpuUsage(before);
  return (user + system) / ROUND;
}

let least = Infinity;
for (let round = 0; round < ROUNDS; round++) least = Math.min(least, await microseconds());
console.log(`connect, greet, call, end: ${least.toFixed(1)} µs of CPU`);

const before = await heap();
const idle = await connect(IDLE);
const kept = await heap() - before;
if (process.env.SNAP) (await import("node:v8")).writeHeapSnapshot(process.env.SNAP);
if (process.env.STATS) {
  console.log(
    Object.entries((await import("bun:jsc" as string)).heapStats().objectTypeCounts).sort((a: any, b: any) =>
      b[1] - a[1]
    ).slice(0, 40),
  );
}
console.log(`an idle connection keeps ${(kept / IDLE).toFixed(0)} bytes of heap`);
await end(idle);
console.log(`after their end ${((await heap() - before) / IDLE).toFixed(0)} bytes are left of each`);
process.exit(0);
