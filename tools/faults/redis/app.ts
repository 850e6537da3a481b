// The app of the fault runs on Redis: the same file under `deno serve` and under `bun`. Beside the app it answers on /faults, for the program that makes the faults.
import process from "node:process";
import { z } from "zod";
import { define } from "../../../mod.ts";
import { redisBroker } from "../../../redis/mod.ts";
import { redisClient } from "./client.ts";

/** This process, or this thread of it: each has a broker of its own. */
const node = crypto.randomUUID();
const errors: string[] = [];
const banned = new Set<string>();
const { channel, millrace, procedure } = define<{ subject: string }>();

const broker = await redisBroker(redisClient(Number(process.env["REDIS_PORT"])), {
  report: (error) => void errors.push(`broker: ${error}`),
});

/** What is served on /rpc. */
export const app = millrace({
  path: "/rpc",
  broker,
  authenticate: ({ token }) => ({ subject: token ?? "" }),
  onError: (error) => void errors.push(String(error instanceof Error ? error.stack : error)),
  procedures: {
    /** Which process answers. */
    where: procedure(() => node),
  },
  channels: {
    "room/:id": channel({
      message: z.object({ value: z.string() }),
      // Longer than any run: what a rule says of a history that was cut short is tried elsewhere.
      history: { messages: 1_000_000, seconds: 3_600 },
      allow: { subscribe: ({ subject }) => !banned.has(subject) },
    }),
    /** Forgets what a long outage makes somebody miss. */
    "brief/:id": channel({ message: z.object({ value: z.string() }), history: { messages: 20 } }),
  },
});

/** The contract. */
export type App = typeof app;

/** What `/faults` tells. */
export interface Report {
  readonly node: string;
  readonly connections: number;
  /** Milliseconds that its process has worked. */
  readonly cpu: number;
  readonly errors: readonly string[];
  /** How a publication ended: `ok`, or the code of its error. */
  readonly published?: string | undefined;
}

async function control({ searchParams }: URL): Promise<Response> {
  const told = (name: string) => searchParams.get(name);
  if (told("ban")) banned.add(told("ban")!);
  if (told("kick")) await app.kick(told("kick")!);
  if (told("reauthorize") !== null) await app.reauthorize();
  const value = told("publish");
  const pattern = told("in") === "brief" ? "brief/:id" : "room/:id";
  const published = value === null ? undefined : await app.publish(pattern, { id: told("id")! }, { value })
    .then(() => "ok", ({ code }: { code: string }) => code);
  const { connections } = app.stats();
  const { user, system } = process.cpuUsage();
  const cpu = Math.round((user + system) / 1_000);
  return Response.json({ node, connections, cpu, errors, published } satisfies Report);
}

// Whoever started it holds the other end: it ends with that, SIGKILL included.
if (process.env["STDIN"] === "1") process.stdin.on("end", () => process.exit()).resume();

export default {
  fetch(request: Request, info?: unknown): Response | Promise<Response> {
    const url = new URL(request.url);
    return url.pathname === "/faults" ? control(url) : app.fetch(request, info);
  },
  websocket: app.websocket,
  /** Of Bun: several processes may have one port. */
  reusePort: process.env["REUSE_PORT"] === "1",
};
