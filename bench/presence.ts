// What presence costs as members become more: bytes that one watcher is sent for one join or leave, and the server's CPU for it, below the threshold (all are told) and
// above it (a count and a sample). Every member watches; in 100 ms one of a hundred members leaves, or comes back. Over sockets that throw away what they are given, the broker in memory.
//   deno run -A bench/presence.ts        bun bench/presence.ts
// CPU time of all threads, calls of the members included. MISSED where it is more than 1.5 times what it is below the threshold.
import process from "node:process";
import { encode } from "@msgpack/msgpack";
import { type App, type Client, connect, settle } from "./core/socket.ts";
import { flagsOf } from "./flags.ts";

flagsOf("presence.ts", {});
const { channel, millrace } = await import("../mod.ts");
const { z } = await import("zod");

/** Below the threshold of 200, and the sizes above it. */
const BELOW = 190;
const SIZES = [250, 500, 1_000, 2_000];
const MOST_RATIO = 1.5;
const ROUNDS = 60;
/** A telling, and a little more. */
const ROUND_MS = 110;
const NAME = "board/7";
const [HELLO, CALL, WATCH] = [0, 16, 46];

interface Cost {
  readonly members: number;
  /** Bytes of one watcher for one join or leave. */
  readonly bytes: number;
  /** Microseconds of the server for one join or leave. */
  readonly micros: number;
  /** Bytes that a watcher is sent when it begins. */
  readonly whole: number;
}

function serverOf() {
  return millrace({
    procedures: {},
    channels: { "board/:id": channel({ presence: z.object({ name: z.string() }) }) },
  });
}
type Server = ReturnType<typeof serverOf>;

/** One client that is a member and watches. */
class Visitor {
  bytes = 0;
  readonly #client: Client;
  readonly #name: string;
  #calls = 0;

  constructor(app: Server, n: number) {
    this.#name = `member number ${n}`;
    this.#client = connect(app as unknown as App, (frame) => void (this.bytes += frame.length));
    const producer = new Uint8Array(16);
    new DataView(producer.buffer).setUint32(0, n + 1);
    this.#say([HELLO, 1, null, 0, encode({ producer })]);
  }

  watch(): void {
    this.#say([WATCH, 1, NAME, null]);
  }

  enter(): void {
    this.#call("@enter", [NAME, this.#calls + 1, encode({ name: this.#name })]);
  }

  leave(): void {
    this.#call("@leave", [NAME, this.#calls + 1]);
  }

  close(): void {
    this.#client.close();
  }

  #call(name: string, input: unknown): void {
    const n = ++this.#calls;
    this.#say([CALL, n, n, name, null, encode(input)]);
  }

  #say(message: unknown): void {
    this.#client.receive(new Uint8Array(encode(message)));
  }
}

async function told(): Promise<void> {
  await settle();
  await new Promise((resolve) => setTimeout(resolve, ROUND_MS));
  await settle();
}

async function mustBe(app: Server, members: number): Promise<void> {
  const { count } = await app.presence.get("board/:id", { id: "7" }, { limit: 1 });
  if (count !== members) throw new Error(`There are ${count} members instead of ${members}`);
}

async function measure(members: number): Promise<Cost> {
  const app = serverOf();
  const visitors = Array.from({ length: members }, (_, n) => new Visitor(app, n));
  await settle();
  for (const visitor of visitors) visitor.enter();
  await told();
  await mustBe(app, members);
  const sumOf = () => visitors.reduce((sum, { bytes }) => sum + bytes, 0);
  let before = sumOf();
  for (const visitor of visitors) visitor.watch();
  await told();
  const whole = (sumOf() - before) / members;
  const each = Math.max(1, Math.round(members / 100));
  const [bytes, micros]: number[][] = [[], []];
  for (let round = -10; round < ROUNDS; round++) {
    const movers = Array.from(
      { length: each },
      (_, i) => visitors[((round >> 1) * each + i + members) % members]!,
    );
    before = sumOf();
    const cpu = process.cpuUsage();
    for (const mover of movers) round % 2 === 0 ? mover.leave() : mover.enter();
    await told();
    const { user, system } = process.cpuUsage(cpu);
    if (round < 0) continue;
    bytes!.push((sumOf() - before) / members / each);
    micros!.push((user + system) / each);
  }
  await mustBe(app, members);
  for (const visitor of visitors) visitor.close();
  await told();
  await app.shutdown({ deadline: 0 });
  return { members, bytes: median(bytes!), micros: median(micros!), whole };
}

function median(all: readonly number[]): number {
  return [...all].sort((a, b) => a - b)[all.length >> 1]!;
}

function line({ members, bytes, micros, whole }: Cost, below: Cost): string {
  const ratios = [bytes / below.bytes, micros / below.micros].map((ratio) => ratio.toFixed(2));
  return [
    `${members} members:`.padEnd(14),
    `${bytes.toFixed(1)} bytes a watcher (${ratios[0]}),`.padEnd(34),
    `${micros.toFixed(0)} µs a join or leave (${ratios[1]}),`.padEnd(38),
    `${whole.toFixed(0)} bytes at the beginning`,
  ].join(" ");
}

await measure(BELOW); // to warm up
const below = await measure(BELOW);
console.log(line(below, below));
for (const members of SIZES) {
  const cost = await measure(members);
  console.log(line(cost, below));
  if (cost.bytes > MOST_RATIO * below.bytes) console.log(`MISSED  bytes with ${members} members`);
  if (cost.micros > MOST_RATIO * below.micros) console.log(`MISSED  CPU with ${members} members`);
}
process.exit(0);
