// What the clients of a soak do: each operation checks its own answer.
import { CallError, type Client } from "../../client/mod.ts";
import type { Random } from "./random.ts";
import type { App } from "./server.ts";

/** What an operation works with. */
export interface Tools {
  readonly client: Client<App>;
  readonly random: Random;
  /** What this process has begun and not ended. */
  readonly inFlight: InFlight;
  /** Where calls by POST go, with a slash at the end. */
  readonly url: string;
}

/** Gauges of a client's own, since a client shows none. */
export interface InFlight {
  calls: number;
  /** Generators and byte streams that the library reads and has neither finished nor let go. */
  sources: number;
}

/** One thing to do. Rejects with a `CallError` where it was cut or cancelled. */
export type Operation = (tools: Tools) => Promise<void>;

const PIECE = new Uint8Array(64 * 1024).fill(7);

/** All operations, by name. */
export const operations: Readonly<Record<string, Operation>> = {
  async calls({ client, random }) {
    const numbers = Array.from({ length: 1 + random.below(30) }, () => random.below(1000));
    const sums = await settled(numbers.map((a) => client.call.add({ a, b: 1 })));
    same(sums, numbers.map((a) => a + 1));
  },

  async fragments({ client, random }) {
    const text = "f".repeat(70_000 + random.below(200_000));
    const back = await client.call.echo({ text }) as { text: string };
    same(back.text.length, text.length);
  },

  async declared({ client, random }) {
    const at = random.below(1000);
    const { error } = await client.call.fail(at).result();
    if (error?.code === "HALT") same(error.data, { at });
    else throw error;
  },

  async stream({ client, random }) {
    let left = random.below(300);
    for await (const n of client.call.countdown(left)) same(n, left--);
    same(left, 0);
  },

  async brokenOff({ client, random }) {
    let left = 1 + random.below(50);
    for await (const { text } of client.call.endless(random.pick([10, 5_000, 100_000]))) {
      if (text.length === 0 || --left === 0) break;
    }
  },

  async cancelled({ client, random }) {
    const abort = new AbortController();
    const call = client.call.slow(undefined, { signal: abort.signal });
    setTimeout(() => abort.abort(), random.below(20));
    await fails(call, "CANCELLED");
  },

  async deadline({ client, random }) {
    await fails(client.call.slow(undefined, { timeout: 1 + random.below(20) }), "DEADLINE");
  },

  async upload(tools) {
    const count = tools.random.below(40);
    same(await tools.client.call.upload(pieces(tools, count)), count * PIECE.length);
  },

  async uploadCancelled(tools) {
    const call = tools.client.call.upload(pieces(tools, Infinity));
    setTimeout(() => call.cancel(), tools.random.below(50));
    await fails(call, "CANCELLED");
  },

  async duplex(tools) {
    const count = tools.random.below(100);
    let heard = 0;
    for await (const line of tools.client.call.talk(lines(tools, count))) same(line, `LINE ${heard++}`);
    same(heard, count);
  },

  async byteStream(tools) {
    const count = tools.random.below(30);
    same(await tools.client.call.size({ of: byteStream(tools, count) }), count * PIECE.length);
  },

  async unread(tools) {
    same(await tools.client.call.unread({ of: byteStream(tools, Infinity) }), "not read");
  },

  async through(tools) {
    const count = 1 + tools.random.below(10);
    const back = await tools.client.call.through(byteStream(tools, count));
    same(await lengthOf(back as ReadableStream<Uint8Array>), count * PIECE.length);
  },

  async download({ client, random }) {
    const size = random.below(1_000_000);
    same(await lengthOf((await client.call.download(size)).of), size);
  },

  async downloadCancelled({ client }) {
    const reader = (await client.call.download(2 ** 40)).of.getReader();
    await reader.read();
    await reader.cancel();
  },

  async serverCalls({ client, random }) {
    const n = random.below(1000);
    same(await client.call.ask(n), n * 2);
  },

  async serverStreams({ client, random }) {
    let left = random.below(50);
    for await (const n of client.call.askStream(left)) same(n, left--);
  },

  async post({ url, random }) {
    const a = random.below(1000);
    const body = JSON.stringify({ a, b: 1 });
    const headers = { "content-type": "application/json" };
    const answer = await fetch(`${url}add`, { method: "POST", headers, body });
    same(await answer.json(), a + 1);
  },
};

/** What the server may call. */
export const offers = {
  double: (n: number): number => n * 2,
  count: async function* (from: number): AsyncGenerator<number> {
    while (from > 0) yield from--;
  },
};

async function* pieces({ inFlight }: Tools, count: number): AsyncGenerator<Uint8Array> {
  inFlight.sources++;
  try {
    for (let i = 0; i < count; i++) yield PIECE;
  } finally {
    inFlight.sources--;
  }
}

async function* lines({ inFlight }: Tools, count: number): AsyncGenerator<string> {
  inFlight.sources++;
  try {
    for (let i = 0; i < count; i++) yield `line ${i}`;
  } finally {
    inFlight.sources--;
  }
}

function byteStream({ inFlight }: Tools, count: number): ReadableStream<Uint8Array> {
  inFlight.sources++;
  let left = count;
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      if (left-- > 0) return controller.enqueue(PIECE);
      inFlight.sources--;
      controller.close();
    },
    cancel: () => void inFlight.sources--,
  }, { highWaterMark: 0 });
}

async function lengthOf(stream: ReadableStream<Uint8Array>): Promise<number> {
  let size = 0;
  const reader = stream.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) size += next.value.length;
  return size;
}

/** All values, or the first error, once all calls have ended. */
async function settled<T>(calls: readonly PromiseLike<T>[]): Promise<T[]> {
  const results = await Promise.allSettled(calls);
  return results.map((result) => {
    if (result.status === "rejected") throw result.reason;
    return result.value;
  });
}

/** Ends when the call fails with this code; any other end is an error. */
async function fails(call: PromiseLike<unknown>, code: string): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (error instanceof CallError && error.code === code) return;
    throw error;
  }
  throw new Error(`The call did not fail with ${code}`);
}

function same(actual: unknown, expected: unknown): void {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== b) throw new Error(`Got ${a} instead of ${b}`);
}
