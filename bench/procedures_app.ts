// One measurement of bench/procedures.mjs: an app of so many procedures, how long it takes to make, and what a call costs its server core in
// memory, no socket and no client.
//   procedures_app.ts COUNT
import process from "node:process";
import { z } from "zod";
import { millrace, procedure } from "../mod.ts";
import { CallFrame, LoneServer, LoopClock } from "../tests/suites/lone_server.ts";

const [CALLS, WARM_UP] = [200_000, 100_000];
const count = Number(process.argv[2]);
const names = Array.from({ length: count }, (_, i) => `procedure${i}`);
const schemas = names.map(() => z.object({ n: z.number(), s: z.string() }));

const began = performance.now();
const procedures = Object.fromEntries(
  names.map((name, i) => [name, procedure({ input: schemas[i]! }, (input) => input)]),
);
millrace({ procedures });
const startUp = performance.now() - began;

const clock = new LoopClock();
let server = new LoneServer({ procedures, clock });
const input = { n: 12_345, s: "sixteen letters." };
const byName = names.map((name) => new CallFrame([name], input));
const byNumber = names.map((_, i) => new CallFrame([i + 1], input));
let next = 1;
run(byName, Math.max(count, WARM_UP));
const name = cost(byName);
run(byNumber, WARM_UP);
const number = cost(byNumber);

// zod compiles a function for each schema: with one for all, what is left is ours.
const same = Object.fromEntries(
  names.map((name) => [name, procedure({ input: schemas[0]! }, (input) => input)]),
);
server = new LoneServer({ procedures: same, clock });
next = 1;
run(byName, Math.max(count, WARM_UP));
run(byNumber, WARM_UP);
const oneSchema = cost(byNumber);
// The same app, of which ten are called: what is between the two is not its size.
const some = byNumber.slice(0, 10);
run(some, WARM_UP);
const tenCalled = cost(some);
console.log(JSON.stringify({ procedures: count, startUp, name, number, oneSchema, tenCalled }));

/** Calls and answers; each procedure in turn, but not in the order in which they were made. */
function run(frames: CallFrame[], calls: number): void {
  const sent = server.bytes;
  for (let i = 0; i < calls; i++) {
    const frame = frames[(i * 7_919) % frames.length]!;
    next = frame.number(next);
    clock.time += 1;
    server.receive(frame.bytes);
    clock.turn();
  }
  if (server.errors.length > 0) throw server.errors[0];
  if (server.bytes - sent < calls * 30) throw new Error("Not every call was answered");
}

/** Microseconds of CPU for a call, in all threads of the process. */
function cost(frames: CallFrame[]): number {
  const before = process.cpuUsage();
  run(frames, CALLS);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / CALLS;
}
