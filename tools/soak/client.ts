// The client of tools/soak.mjs: works, rests, measures, and begins again, until the time is over. While nothing is in
// flight the heap is what is kept, and every gauge has to be 0. It prints a line of JSON for each rest and one at the end.
import process from "node:process";
import { CallError, type Client, connect, type WebSocketLike } from "../../client/mod.ts";
import { collected } from "./memory.ts";
import { Random } from "./random.ts";
import type { App } from "./server.ts";
import { type InFlight, offers, operations, type Tools } from "./work.ts";

const [port, milliseconds, seed] = process.argv.slice(2).map(Number) as [number, number, number];
const HTTP = `http://127.0.0.1:${port}`;
const CLIENTS = 3;
const WORKERS = 3;
/** Work between two rests: some forty samples, and never longer than this. */
const WORK = Math.min(5_000, Math.max(500, milliseconds / 60));
/** Everything that was begun has to end in this time. */
const PATIENCE = 20_000;
/** How operations may end when a connection is cut under them. */
const CUT = new Set(["DISCONNECTED", "CLOSED"]);
const { Bun } = globalThis as { Bun?: unknown };

const random = new Random(seed);
const inFlight: InFlight = { calls: 0, sources: 0 };
const counts: Record<string, number> = { cut: 0, connections: 0 };
const failures: string[] = [];
const sockets = new Set<WebSocketLike & { terminate?(): void }>();
const running = new Map<symbol, string>();

try {
  await soak();
} catch (error) {
  failures.push(String(error instanceof Error ? error.stack : error));
}
console.log(JSON.stringify({ end: true, counts, inFlight, sockets: sockets.size, failures }));
process.exit(failures.length === 0 ? 0 : 1);

async function soak(): Promise<void> {
  const start = performance.now();
  const clients = Array.from({ length: CLIENTS }, open);
  while (performance.now() - start < milliseconds && failures.length === 0) {
    const until = performance.now() + WORK;
    const workers = clients.flatMap((_, at) =>
      Array.from({ length: WORKERS }, () => work(clients, at, until))
    );
    await inTime(Promise.all([...workers, cutSockets(until)]), "work");
    await atRest(clients);
    const client = await collected();
    const { memory: server } = await ask("?collect");
    console.log(JSON.stringify({ at: performance.now() - start, server, client, counts }));
    await renew(clients);
  }
  await Promise.all(clients.map((client) => client.close()));
}

function open(): Client<App> {
  return connect<App>(`${HTTP}/rpc`, {
    client: offers,
    backoff: { base: 10, cap: 100 },
    webSocket: (url, protocols) => {
      const socket = new WebSocket(url, protocols);
      counts.connections!++;
      sockets.add(socket as unknown as WebSocketLike);
      socket.addEventListener("close", () => sockets.delete(socket as unknown as WebSocketLike));
      return socket as unknown as WebSocketLike;
    },
    // What the server asks for may be cut as well.
    onError: (error) => {
      if (!(error instanceof CallError)) failures.push(`offered: ${error}`);
    },
  });
}

/** Does one thing after the other on the client at `at`. */
async function work(clients: readonly Client<App>[], at: number, until: number): Promise<void> {
  while (performance.now() < until && failures.length === 0) {
    const name = random.pick(Object.keys(operations));
    const tools = { client: clients[at]!, random, inFlight, url: `${HTTP}/rpc/` };
    await once(name, tools);
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

/** Cuts a connection now and then: here with and without a handshake (Bun alone can do without), and at the server. */
async function cutSockets(until: number): Promise<void> {
  while (true) {
    await pause(100 + random.below(400));
    if (performance.now() >= until) return;
    const socket = random.pick([...sockets]);
    if (socket === undefined || socket.readyState !== 1) continue;
    if (Bun !== undefined && random.below(2) === 0) socket.terminate!();
    else socket.close(4999, "soak");
  }
}

/** One client ends for good, and a new one takes its place. */
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
    failures.push(...errors.map((error) => `server: ${error}`));
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
