// The server of tools/faults.mjs. Beside its apps it answers on /faults: what it has done, and, from server code, publications.
import process from "node:process";
import { z } from "zod";
import { channel, millrace, procedure } from "../../mod.ts";

const Message = z.object({ by: z.string(), n: z.number(), fill: z.string().optional() });

/** How often each call was run. */
const executions = new Map<string, number>();
/** How connections ended, by close code. */
const closes: Record<number, number> = {};
const errors: string[] = [];
/** What a subscriber must be able to miss: on a busy machine an outage takes seconds. */
const LONG = { messages: 1_000_000, seconds: 3_600 };

const calls = {
  /** Gives the double, and counts. */
  run: procedure({ input: z.object({ id: z.string(), n: z.number() }) }, ({ id, n }) => {
    executions.set(id, (executions.get(id) ?? 0) + 1);
    return 2 * n;
  }),
};
const told = {
  onDisconnect: (_: unknown, { code }: { code: number }) => void (closes[code] = (closes[code] ?? 0) + 1),
  onError: (error: unknown) => void errors.push(String(error instanceof Error ? error.stack : error)),
};

/** What is served on /rpc. */
export const app = millrace({
  ...told,
  path: "/rpc",
  // Who reads nothing is cut after `grace`; at 8 s most of a short run would be waiting.
  limits: { grace: 2_000 },
  procedures: calls,
  channels: {
    "room/:id": channel({ message: Message, history: LONG }),
    "short/:id": channel({ message: Message, history: { messages: 10, seconds: 300 } }),
    "long/:id": channel({ message: Message, history: LONG }),
  },
});

/** The contract. */
export type App = typeof app;

/** Connections that each client has lost, and who waits for one to be lost. */
const gone = new Map<string, number>();
const waiting = new Set<() => void>();

/** What an app that forgets sessions tells beside the rest. */
const forgetful = {
  procedures: calls,
  onError: told.onError,
  authenticate: ({ token }: { token?: string | undefined }) => ({ subject: token ?? "" }),
  onDisconnect: ({ subject = "" }: { subject?: string | undefined }) => {
    gone.set(subject, (gone.get(subject) ?? 0) + 1);
    for (const look of waiting) look();
  },
};
/** On /expired: sessions run out before anybody can be back. */
const expired = millrace({ ...forgetful, path: "/expired", limits: { session: 1 } });
/** On /evicted: clients believe that they have a session, but there is no room for one that holds a byte. */
const evicted = millrace({ ...forgetful, path: "/evicted", limits: { sessionBytes: 1 } });

/** What `/faults` tells. */
export interface Report {
  readonly rss: number;
  readonly closes: Readonly<Record<number, number>>;
  readonly errors: readonly string[];
  readonly connections: number;
  readonly subscriptions: number;
  /** Of the ids that begin with `ids`: how many ran so often. */
  readonly executions: Readonly<Record<number, number>>;
}

async function control({ searchParams }: URL): Promise<Response> {
  const [pattern, id, ids, name] = ["pattern", "id", "ids", "gone"].map((name) => searchParams.get(name));
  if (name) await hasGone(name, Number(searchParams.get("times")));
  if (pattern === "short/:id" || pattern === "long/:id") await publish(pattern, id!, searchParams);
  const counts: Record<number, number> = {};
  for (const [call, count] of executions) {
    if (ids && call.startsWith(ids)) counts[count] = (counts[count] ?? 0) + 1;
  }
  const { connections, subscriptions } = app.stats();
  const { rss } = process.memoryUsage();
  return Response.json(
    { rss, closes, errors, connections, subscriptions, executions: counts } satisfies Report,
  );
}

/** Resolves when this client has lost so many connections. */
function hasGone(name: string, times: number): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if ((gone.get(name) ?? 0) < times) return;
      waiting.delete(look);
      resolve();
    };
    waiting.add(look);
    look();
  });
}

async function publish(pattern: "short/:id" | "long/:id", id: string, given: URLSearchParams): Promise<void> {
  const [count, bytes, first] = ["count", "bytes", "first"].map((name) => Number(given.get(name) ?? 0));
  const fill = "x".repeat(bytes!);
  for (let i = 0; i < count!; i++) await app.publish(pattern, { id }, { by: "server", n: first! + i, fill });
}

export default {
  fetch(request: Request, info?: unknown): Response | Promise<Response> {
    const url = new URL(request.url);
    if (url.pathname === "/faults") return control(url);
    const served = [[expired, "/expired"], [evicted, "/evicted"]] as const;
    const [chosen] = served.find(([, path]) => url.pathname.startsWith(path)) ?? [app];
    return chosen.fetch(request, info);
  },
  websocket: app.websocket,
};
