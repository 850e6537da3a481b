// What a connection costs the server in memory, over a socket that throws away what it is given: microseconds of CPU from the request to its
// end, and bytes of heap that it keeps when it has made one call, of which it has the answer, and is idle.
//   deno run -A --v8-flags=--expose-gc bench/connection.ts        bun bench/connection.ts
// No kernel, no runtime's socket: what is ours, and the request and the socket of bench/core/socket.ts. With HEAP=FILE on Deno, a heap snapshot
// while they are idle.
import process from "node:process";
import { writeHeapSnapshot } from "node:v8";
import { encode } from "../msgpack/mod.ts";
import { type App, type Client, connect, settle } from "./core/socket.ts";
import { flagsOf } from "./flags.ts";

flagsOf("connection.ts", {});

const IDLE = 5_000;
const ROUNDS = 40;
const ROUND = 200;
const AT_ONCE = 20;

const { app } = await import("./contenders/millrace.ts");
const producer = new Uint8Array(16).fill(7);
const hello = encode([0, 1, null, 0, encode({ agent: "bench", resumable: true, producer })]);
const call = encode([16, 1, 1, "echo", null, encode({ n: 12_345, s: "sixteen letters." })]);
const acknowledgement = encode([4, 1]);

/** Greets, calls and acknowledges, as `bench/load` does. */
async function connectAll(count: number): Promise<Client[]> {
  const clients: Client[] = [];
  while (clients.length < count) {
    const some = Array.from({ length: AT_ONCE }, () => connect(app as unknown as App));
    for (const frame of [hello, call, acknowledgement]) {
      for (const client of some) client.receive(frame.slice());
      await settle();
    }
    clients.push(...some);
  }
  return clients;
}

async function end(clients: Client[]): Promise<void> {
  for (const client of clients.splice(0)) client.close();
  await settle();
}

/** Bytes in use, when all that can be collected was. */
async function heap(): Promise<number> {
  const { Bun, gc } = globalThis as { Bun?: { gc(force: boolean): void }; gc?: () => void };
  for (let i = 0; i < 4; i++) {
    if (Bun !== undefined) Bun.gc(true);
    else gc!();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  if (Bun === undefined) return process.memoryUsage().heapUsed;
  const { heapStats } = await import("bun:jsc" as string) as { heapStats(): { heapSize: number } };
  return heapStats().heapSize;
}

async function microseconds(): Promise<number> {
  const before = process.cpuUsage();
  for (let done = 0; done < ROUND; done += AT_ONCE) await end(await connectAll(AT_ONCE));
  const { user, system } = process.cpuUsage(before);
  return (user + system) / ROUND;
}

let least = Infinity;
for (let round = 0; round < ROUNDS; round++) least = Math.min(least, await microseconds());
console.log(`connect, greet, call, end: ${least.toFixed(1)} µs of CPU`);

const before = await heap();
const idle = await connectAll(IDLE);
const kept = await heap() - before;
console.log(`an idle connection keeps ${(kept / IDLE).toFixed(0)} bytes of heap`);
if (process.env.HEAP !== undefined) writeHeapSnapshot(process.env.HEAP);
await end(idle);
console.log(`after their end ${((await heap() - before) / IDLE).toFixed(0)} bytes are left of each`);
process.exit(0);
