// What presence costs as members become more: bytes that one watcher is sent for one join or leave, and the server's CPU for it, below the threshold (all are told) and
// above it (a count and a sample). Every member watches. In 100 ms as many leave, or come back, at every size as below the threshold; then one of a hundred members, so that the load grows
// with them. What is told seldom counts as what is told often: all that is spent until everything is told, by the joins and leaves. Over sockets that throw away what they are given, the broker in memory.
//   deno run -A bench/presence.ts        bun bench/presence.ts
// With --ends, as a part of `npm run bench`: the largest size alone, at the rate that is the same at every size, once.
// CPU time of all threads, calls of the members included. MISSED where it is more than 1.5 times what it is below the threshold.
import process from "node:process";
import { encode } from "@msgpack/msgpack";
import { type App, type Client, connect, settle } from "./core/socket.ts";
import { flagsOf } from "./flags.ts";

const { ends } = flagsOf("presence.ts", { ends: { type: "boolean", default: false } });
const { channel, millrace } = await import("../mod.ts");
const { z } = await import("zod");

/** Below the threshold of 200, and the sizes above it. */
const BELOW = 190;
const SIZES = ends ? [2_000] : [250, 500, 1_000, 2_000];
const MOST_RATIO = 1.5;
/** So often do some leave, one after the other; then they come back. Below the threshold and above it they stay on their side. */
const ROUNDS = 24;
/** A telling where it comes soonest, and a little more. */
const ROUND_MS = 110;
/** Until what changed last is told, however many watch. */
const QUIET_MS = 2_200;
/** How often they leave and come back, first to warm up. */
const TIMES = ends ? 2 : 3;
/** Joins or leaves in that time, where they are the same at every size: one of a hundred below the threshold. */
const SAME = 2;
const NAME = "board/7";
const [HELLO, CALL, WATCH] = [0, 16, 46];

interface Cost {
  readonly members: number;
  /** Joins or leaves in 100 ms. */
  readonly each: number;
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
    limits: { heartbeat: 600_000 }, // the clients send nothing but what is measured
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

async function told(ms = ROUND_MS): Promise<void> {
  await settle();
  await new Promise((resolve) => setTimeout(resolve, ms));
  await settle();
}

async function mustBe(app: Server, members: number): Promise<void> {
  const { count } = await app.presence.get("board/:id", { id: "7" }, { limit: 1 });
  if (count !== members) throw new Error(`There are ${count} members instead of ${members}`);
}

/** The cost at each of these rates: joins or leaves in 100 ms. */
async function measure(members: number, rates: readonly number[]): Promise<Cost[]> {
  const app = serverOf();
  const visitors = Array.from({ length: members }, (_, n) => new Visitor(app, n));
  await settle();
  for (const visitor of visitors) visitor.enter();
  await told(QUIET_MS);
  await mustBe(app, members);
  const before = sumOf(visitors);
  for (const visitor of visitors) visitor.watch();
  await told(QUIET_MS);
  const whole = (sumOf(visitors) - before) / members;
  const costs: Cost[] = [];
  for (const each of rates) costs.push({ members, each, whole, ...await costOf(visitors, each) });
  await mustBe(app, members);
  for (const visitor of visitors) visitor.close();
  await told();
  await app.shutdown({ deadline: 0 });
  return costs;
}

/** Some leave in each round, and the same ones come back: at each telling the number is another one. */
async function costOf(visitors: readonly Visitor[], each: number): Promise<Pick<Cost, "bytes" | "micros">> {
  await leaveAndComeBack(visitors, each);
  await told(QUIET_MS);
  const before = sumOf(visitors);
  const cpu = process.cpuUsage();
  for (let i = 1; i < TIMES; i++) await leaveAndComeBack(visitors, each);
  await told(QUIET_MS);
  const { user, system } = process.cpuUsage(cpu);
  const changes = (TIMES - 1) * 2 * ROUNDS * each;
  return {
    bytes: (sumOf(visitors) - before) / visitors.length / changes,
    micros: (user + system) / changes,
  };
}

async function leaveAndComeBack(visitors: readonly Visitor[], each: number): Promise<void> {
  for (const what of ["leave", "enter"] as const) {
    for (let round = 0; round < ROUNDS; round++) {
      for (const mover of visitors.slice(round * each, (round + 1) * each)) mover[what]();
      await told();
    }
  }
}

function sumOf(visitors: readonly Visitor[]): number {
  return visitors.reduce((sum, { bytes }) => sum + bytes, 0);
}

function line({ members, each, bytes, micros, whole }: Cost, below: Cost): string {
  const ratios = [bytes / below.bytes, micros / below.micros].map((ratio) => ratio.toFixed(2));
  return [
    `${members} members, ${each} in 100 ms:`.padEnd(29),
    `${bytes.toFixed(1)} bytes a watcher (${ratios[0]}),`.padEnd(34),
    `${micros.toFixed(0)} µs a join or leave (${ratios[1]}),`.padEnd(36),
    `${(micros / members).toFixed(2)} µs of it a watcher,`.padEnd(27),
    `${whole.toFixed(0)} bytes at the beginning`,
  ].join(" ");
}

// The largest first, and the smallest last: what a runtime is slower at in its beginning counts against what is asked.
if (!ends) await measure(500, [20]); // to warm up
const all: Cost[] = [];
for (const members of SIZES.toReversed()) {
  all.unshift(...await measure(members, ends ? [SAME] : [SAME, Math.round(members / 100)]));
}
const [below] = await measure(BELOW, [SAME]) as [Cost];
for (
  const [title, isOf] of [
    [`${SAME} joins or leaves in 100 ms at every size`, (at: number) => at % 2 === 0],
    ["one of a hundred members in 100 ms", (at: number) => at % 2 === 1],
  ] as const
) {
  const costs = all.filter((_, at) => isOf(at));
  if (costs.length > 0) console.log(`${title}\n${line(below, below)}`);
  for (const cost of costs) {
    console.log(line(cost, below));
    const name = `with ${cost.members} members, ${cost.each} in 100 ms`;
    if (cost.bytes > MOST_RATIO * below.bytes) console.log(`MISSED  bytes ${name}`);
    if (cost.micros > MOST_RATIO * below.micros) console.log(`MISSED  CPU ${name}`);
  }
}
process.exit(0);
