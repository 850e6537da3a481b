// The client of tools/soak.mjs: works, rests, measures, and begins again, until the time is over. While nothing is in
// flight the heap is what is kept, and every gauge has to be 0. It prints a line of JSON for each rest and one at the end.
import process from "node:process";
import { CallError, type Client, connect, type WebSocketLike } from "../../client/mod.ts";
import { collected } from "./memory.ts";
import { Random } from "./random.ts";
import type { App } from "./server.ts";
import { type InFlight, offers, operations, type Tools } from "./work.ts";

/** `proxy` is the port of what cuts connections when it is told to. */
const [port, proxy, milliseconds, seed] = process.argv.slice(2).map(Number) as [
  number,
  number,
  number,
  number,
];
const HTTP = `http://127.0.0.1:${port}`;
const CLIENTS = 3;
const WORKERS = 3;
/** Work between two rests: some forty samples, and never longer than this. */
const WORK = Math.min(5_000, Math.max(500, milliseconds / 60));
/** Everything that was begun has to end in this time. */
const PATIENCE = 20_000;
/** How operations may end when a connection is cut under them. */
const CUT = new Set(["DISCONNECTED", "CLOSED"]);

const random = new Random(seed);
/** Each worker goes its own way through chance, whatever the others do meanwhile. */
const workers = Array.from(
  { length: CLIENTS * WORKERS },
  (_, i) => ({ at: i % CLIENTS, random: new Random(seed + 1 + i) }),
);
const inFlight: InFlight = { calls: 0, sources: 0 };
const counts: Record<string, number> = { cut: 0, connections: 0 };
const failures: string[] = [];
const sockets = new Set<WebSocket>();
const running = new Map<symbol, string>();

try {
  await soak();
} catch (error) {
  failures.push(String(error instanceof Error ? error.stack : error));
}
console.log(
  JSON.stringify({ end: true, counts, inFlight: { ...inFlight, sockets: sockets.size }, failures }),
);
process.exit(failures.length === 0 ? 0 : 1);

async function soak(): Promise<void> {
  const start = performance.now();
  const clients = Array.from({ length: CLIENTS }, open);
  while (performance.now() - start < milliseconds && failures.length === 0) {
    const until = performance.now() + WORK;
    const all = workers.map(({ at, random }) => work({ client: clients[at]!, random, until }));
    await inTime(Promise.all([...all, cutSockets(until)]), "work");
    await atRest(clients);
    const client = await collected();
    const { memory: server } = await ask("?collect");
    console.log(JSON.stringify({ at: performance.now() - start, server, client, counts }));
    await renew(clients);
  }
  await Promise.all(clients.map((client) => client.close()));
  for (let tries = 0; sockets.size > 0 && tries < 100; tries++) await pause(50); // their events may come later
}

function open(): Client<App> {
  return connect<App>(`ws://127.0.0.1:${proxy}/rpc`, {
    client: offers,
    backoff: { base: 10, cap: 100 },
    webSocket: (url, protocols) => {
      const socket = new WebSocket(url, protocols);
      counts.connections!++;
      sockets.add(socket);
      socket.addEventListener("close", () => sockets.delete(socket));
      return socket as unknown as WebSocketLike;
    },
    // What the server asks for may be cut as well.
    onError: (error) => {
      if (!(error instanceof CallError)) failures.push(`offered: ${error}`);
    },
  });
}

/** Does one thing after the other. */
async function work({ client, random, until }: Pick<Tools, "client" | "random"> & { until: number }) {
  const names = Object.keys(operations);
  while (performance.now() < until && failures.length === 0) {
    await once(random.pick(names), { client, random, inFlight, url: `${HTTP}/rpc/` });
    await pause(random.below(4));
  }
}

async function once(name: string, tools: Tools): Promise<void> {
  const key = Symbol(name);
  running.set(key, name);
  inFlight.calls++;
  counts[name] = (counts[name] ?? 0) + 1;
  try {
    await operations[name]!(tools);
  } catch (error) {
    if (error instanceof CallError && CUT.has(error.code)) counts.cut!++;
    else failures.push(`${name}: ${error instanceof Error ? error.stack : error}`);
  }
  inFlight.calls--;
  running.delete(key);
}

/** Ends a connection now and then: with a close from here, or cut on the way. */
async function cutSockets(until: number): Promise<void> {
  while (true) {
    await pause(100 + random.below(400));
    if (performance.now() >= until) return;
    if (random.below(2) === 0) console.log(JSON.stringify({ cut: random.below(1000) }));
    else if (sockets.size > 0) random.pick([...sockets]).close(4999, "soak");
  }
}

/** The server cuts one client, which then ends for good: a new one takes its place. */
async function renew(clients: Client<App>[]): Promise<void> {
  const at = random.below(clients.length);
  await clients[at]!.call.cut().result();
  await clients[at]!.close();
  clients[at] = open();
}

/** Waits until nothing is in flight on either side. */
async function atRest(clients: readonly Client<App>[]): Promise<void> {
  await inTime(Promise.all(clients.map((client) => client.ready())), "connecting");
  const end = performance.now() + PATIENCE;
  while (true) {
    const { stats, errors } = await ask("");
    if (errors.length > 0) throw new Error(`The server reports: ${errors.join("\n")}`);
    const gauges = { ...stats, connections: stats.connections! - clients.length, ...inFlight };
    if (Object.values(gauges).every((gauge) => gauge === 0)) return;
    if (performance.now() > end) throw new Error(`Not at rest: ${JSON.stringify(gauges)}`);
    await pause(10);
  }
}

interface Answer {
  readonly stats: Record<string, number>;
  readonly errors: readonly string[];
  readonly memory?: unknown;
}

async function ask(query: string): Promise<Answer> {
  return await (await fetch(`${HTTP}/soak${query}`)).json() as Answer;
}

async function inTime(done: Promise<unknown>, what: string): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    const end = () => reject(new Error(`The ${what} did not end: ${[...running.values()].join(", ")}`));
    timer = setTimeout(end, WORK + PATIENCE);
  });
  try {
    await Promise.race([done, late]);
  } finally {
    clearTimeout(timer);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
