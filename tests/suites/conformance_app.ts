/**
 * The server of the conformance suite: one file, byte for byte the same under `deno serve`, `bun` and in process.
 */
import { z } from "zod";
import { bytes, CallError, define } from "../../mod.ts";

/** What is known of a connection. */
export interface Caller {
  readonly user: string;
  readonly admin: boolean;
}

const offered = define();
const { procedure, millrace, middleware } = define<Caller>().with({
  client: {
    confirm: offered.procedure.type({
      input: z.string(),
      output: z.boolean(),
      errors: { BUSY: z.object({ until: z.number() }) },
    }),
    screen: { count: offered.procedure.type({ shape: "stream", input: z.number(), output: z.number() }) },
    sum: offered.procedure.type({ shape: "upload", items: z.number(), output: z.number() }),
    never: offered.procedure.type({ output: z.number() }),
  },
});

/** What happened, by ticket: a client asks for it where it cannot see it. */
const journal = new Map<string, string[]>();
const counts = { connected: 0, disconnected: 0, errors: 0 };

function note(ticket: string, event: string): void {
  const events = journal.get(ticket) ?? [];
  events.push(event);
  journal.set(ticket, events);
}

const mustBeAdmin = middleware(({ admin, user }, next) => {
  if (!admin) throw new CallError("FORBIDDEN", `${user} may not`);
  return next({ office: `${user}'s office` });
});

const calls = {
  add: procedure({ input: z.object({ a: z.number(), b: z.number() }) }, ({ a, b }) => a + b),
  echo: procedure({ input: z.unknown() }, (value) => value),
  nothing: procedure(() => {}),
  later: procedure({ input: z.number() }, async (n) => await Promise.resolve(n + 1)),
  defaults: procedure({
    input: z.object({ by: z.number().default(2) }).optional(),
    output: z.object({ by: z.number() }),
  }, (input) => ({ by: input?.by ?? 1 })),
  who: procedure((_, { user, admin, connection, procedure }) => ({
    user,
    admin,
    subject: connection.subject ?? null,
    address: connection.address,
    procedure,
  })),
  users: {
    rename: procedure({
      input: z.string().min(1),
      output: z.string(),
      errors: { TAKEN: z.object({ by: z.string() }), FULL: z.undefined() },
    }, (name, { errors }) => {
      if (name === "ada") throw errors.TAKEN({ by: "Ada" });
      if (name === "full") throw errors.FULL();
      return name.toUpperCase();
    }),
    deep: { down: procedure({ input: z.string() }, (text) => `${text} down`) },
  },
  office: procedure({ use: [mustBeAdmin] }, (_, { office }) => office),
  secret: procedure({ input: z.number(), allow: ({ admin }) => admin }, (n) => n),
  timeLeft: procedure(async (_, { timeLeft }) => await Promise.resolve(timeLeft())),
  badOutput: procedure({ output: z.number() }, () => "text" as unknown as number),
  fail: procedure({ input: z.enum(["error", "forbidden", "code", "object", "later"]) }, (kind) => {
    if (kind === "forbidden") throw new CallError("FORBIDDEN", "not you");
    if (kind === "code") throw new CallError("DISCONNECTED");
    if (kind === "object") throw { secret: "password" };
    if (kind === "later") return Promise.reject(new Error("password"));
    throw new Error("password");
  }),
  ordered: procedure({ input: z.tuple([z.string(), z.number()]), ordered: true }, async ([ticket, n]) => {
    note(ticket, `begin ${n}`);
    await turn();
    note(ticket, `end ${n}`);
  }),
  wait: procedure({ input: z.string(), timeout: 30_000 }, (ticket, { signal }) => {
    note(ticket, "started");
    return new Promise<never>((_, reject) => {
      signal.addEventListener("abort", () => {
        note(ticket, `aborted: ${(signal.reason as CallError).code}`);
        reject(new Error("aborted"));
      });
    });
  }),
  journal: procedure({ input: z.string() }, (ticket) => journal.get(ticket) ?? []),
};

const streams = {
  countdown: procedure.stream({ input: z.number() }, async function* (from, { signal }) {
    while (from > 0 && !signal.aborted) yield from--;
  }),
  endless: procedure.stream({ input: z.string(), output: z.number() }, async function* (ticket) {
    try {
      note(ticket, "started");
      for (let n = 0;; n++) yield n;
    } finally {
      note(ticket, "returned");
    }
  }),
  breaks: procedure.stream(
    { errors: { HALT: z.object({ at: z.number() }) } },
    async function* (_, { errors }) {
      yield 1;
      yield 2;
      throw errors.HALT({ at: 2 });
    },
  ),
  badItem: procedure.stream({ output: z.number() }, async function* () {
    yield 1;
    yield "two" as unknown as number;
  }),
  large: procedure.stream(
    { input: z.object({ items: z.number(), size: z.number() }) },
    async function* (input) {
      for (let n = 0; n < input.items; n++) yield { n, text: String(n % 10).repeat(input.size) };
    },
  ),
  sum: procedure.upload({ input: z.string().optional(), items: z.number() }, async (ticket, items) => {
    let sum = 0;
    for await (const item of items) sum += item;
    if (ticket !== undefined) note(ticket, `sum ${sum}`);
    return sum;
  }),
  first: procedure.upload({ items: z.number() }, async (items) => {
    for await (const item of items) return item;
    return -1;
  }),
  ignore: procedure.upload({ items: z.number() }, () => "ignored"),
  upload: procedure.upload(
    { input: z.object({ name: z.string() }), items: bytes() },
    async ({ name }, pieces) => {
      let [size, hash] = [0, 0];
      for await (const piece of pieces) {
        size += piece.byteLength;
        for (const byte of piece) hash = (hash * 31 + byte) | 0;
      }
      return { name, size, hash };
    },
  ),
  talk: procedure.duplex({ items: z.string(), output: z.string() }, async function* (lines) {
    for await (const line of lines) yield line.toUpperCase();
  }),
  prefix: procedure.duplex({ input: z.string(), items: z.number() }, async function* (prefix, numbers) {
    for await (const n of numbers) yield `${prefix}${n}`;
  }),
};

/** zod knows no foreign schemas inside its own. */
const Stream = z.instanceof(ReadableStream<Uint8Array>);

const byteStreams = {
  size: procedure({ input: z.object({ of: Stream }) }, async ({ of }) => {
    let size = 0;
    for await (const piece of new Response(of).body!) size += piece.byteLength;
    return size;
  }),
  reverse: procedure({ input: bytes(), output: bytes() }, (input) => (input as Uint8Array).slice().reverse()),
  through: procedure({ input: bytes(), output: bytes() }, (input) => input),
  download: procedure({ input: z.number() }, (size) => ({ size, bytes: numbered(size) })),
  unread: procedure({ input: z.object({ of: Stream }) }, () => "not read"),
};

const around = {
  ask: procedure({ input: z.string() }, async (question, { client }) => await client.confirm(question)),
  askQuietly: procedure({ input: z.string() }, async (question, { client }) => {
    const answer = await client.confirm(question).result();
    return answer.ok ? "ok" : { code: answer.error.code, data: answer.error.data };
  }),
  askStream: procedure.stream({ input: z.number() }, async function* (from, { client }) {
    for await (const n of client.screen.count(from)) yield n * 10;
  }),
  askUpload: procedure({ input: z.array(z.number()) }, async (numbers, { client }) => {
    return await client.sum((async function* () {
      yield* numbers;
    })());
  }),
  askNever: procedure({ timeout: 50 }, async (_, { client }) => await client.never()),
  kick: procedure({ input: z.number() }, (code, { connection }) => connection.close(code, "kicked")),
  counts: procedure(() => ({ ...counts })),
  gauges: procedure((): Record<string, number> => ({ ...app.stats() })),
};

function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** Bytes that say where they are, made as they are read. */
function numbered(size: number): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      if (at >= size) return controller.close();
      const piece = new Uint8Array(Math.min(10_000, size - at));
      for (let i = 0; i < piece.length; i++) piece[i] = (at + i) & 255;
      at += piece.length;
      controller.enqueue(piece);
    },
  }, { highWaterMark: 0 });
}

/** The app. Tokens: none is a guest, `admin`, any name; `bad` is refused and `banned` forbidden. */
export const app = millrace({
  path: "/rpc",
  authenticate: ({ token }) => {
    if (token === "bad") throw new CallError("UNAUTHENTICATED");
    if (token === "banned") throw new CallError("FORBIDDEN");
    const user = token ?? "guest";
    return { user, admin: user === "admin", ...(token === undefined ? {} : { subject: token }) };
  },
  procedures: { ...calls, ...streams, bytes: byteStreams, ...around },
  onConnect: () => void counts.connected++,
  onDisconnect: () => void counts.disconnected++,
  onError: () => void counts.errors++,
});

/** The contract. */
export type App = typeof app;

export default app;
