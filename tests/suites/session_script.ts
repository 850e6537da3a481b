/**
 * A conversation with everything in it that can be lost with a connection, and its outcome: what each call gave, how often each ran,
 * and what became of each source.
 */
import { CallError } from "../../rpc/errors.ts";
import type { OutgoingCall } from "../../rpc/outgoing_call.ts";
import { anything, procedure } from "./pair.ts";
import type { SessionPair } from "./session_pair.ts";
import { ByteSource, lengthOf } from "./sources.ts";

const KIB = 1024;

/** What the ends of a {@linkcode SessionPair} may call, and how often each was. */
export class Script {
  /** How often each procedure ran. */
  readonly ran: Record<string, number> = {};
  /** What happened to sources that were stopped. */
  readonly stopped: string[] = [];

  readonly offers: Record<string, unknown> = {
    ask: this.#counted("ask", procedure({ input: anything }, (input) => `asked ${input}`)),
    feed: this.#counted("feed", procedure.stream({ input: anything }, (input) => count(input as number, 8))),
  };

  readonly procedures: Record<string, unknown> = {
    add: this.#value("add", (input) => (input as { a: number }).a + 1),
    slow: this.#value("slow", async (input) => {
      for (let i = 0; i < 20; i++) await Promise.resolve();
      return input;
    }),
    refuse: this.#value("refuse", () => {
      throw new CallError("FORBIDDEN");
    }),
    large: this.#value("large", (input) => ({ echo: input, more: new Uint8Array(150 * KIB).fill(7) })),
    hang: this.#counted(
      "hang",
      procedure((_, { signal }) =>
        new Promise((_resolve, reject) =>
          signal.addEventListener("abort", () => {
            this.stopped.push("hang");
            reject(signal.reason);
          })
        )
      ),
    ),
    count: this.#counted(
      "count",
      procedure.stream({ input: anything }, (input) => count(input as number, 100)),
    ),
    parts: this.#counted("parts", procedure.stream({}, () => count(2, 100 * KIB))),
    endless: this.#counted(
      "endless",
      procedure.stream({}, async function* (_, { signal }) {
        for (let n = 1; !signal.aborted; n++) yield n;
      }),
    ),
    sum: this.#counted(
      "sum",
      procedure.upload({ items: anything }, async (items) => {
        let sum = 0;
        for await (const item of items) sum += (item as { n: number }).n;
        return sum;
      }),
    ),
    some: this.#counted(
      "some",
      procedure.upload({ items: anything }, async (items) => {
        for await (const item of items) return (item as { n: number }).n;
        return 0;
      }),
    ),
    double: this.#counted(
      "double",
      procedure.duplex({ items: anything }, async function* (items) {
        for await (const item of items) yield (item as { n: number }).n * 2;
      }),
    ),
    pour: this.#value("pour", (input) => ({
      bytes: new ByteSource({ size: 10 * KIB, count: input as number }).stream,
    })),
    swallow: this.#value(
      "swallow",
      (input) => lengthOf((input as { bytes: ReadableStream<Uint8Array> }).bytes),
    ),
    nested: this.#counted(
      "nested",
      procedure.stream({}, async function* () {
        for (let n = 1; n <= 3; n++) {
          yield { n, bytes: new ByteSource({ size: 5 * KIB, count: n - 1 }).stream };
        }
      }),
    ),
    unread: this.#value("unread", () => "did not look"),
  };

  /** Everything, at once; then the same again in one call after the other. */
  async run(pair: SessionPair): Promise<unknown> {
    const together = await this.#all(pair, true);
    const oneByOne = await this.#all(pair, false);
    return { together, oneByOne, ran: this.ran, stopped: this.stopped.sort() };
  }

  async #all(pair: SessionPair, together: boolean): Promise<unknown> {
    const outcome: Record<string, unknown> = {};
    const running: Promise<void>[] = [];
    for (const [name, run] of Object.entries(STEPS)) {
      const step = run(pair).then(
        (value) => void (outcome[name] = value),
        (error) => void (outcome[name] = error instanceof CallError ? error.code : String(error)),
      );
      if (together) running.push(step);
      else await step;
    }
    await Promise.all(running);
    return outcome;
  }

  #value(name: string, run: (input: unknown) => unknown): unknown {
    return this.#counted(name, procedure({ input: anything }, run));
  }

  /** Counts how often a procedure runs. */
  #counted(name: string, definition: object): unknown {
    const { run } = definition as { run: (...args: never[]) => unknown };
    return {
      ...definition,
      run: (...args: never[]) => {
        this.ran[name] = (this.ran[name] ?? 0) + 1;
        return run(...args);
      },
    };
  }
}

async function* count(until: number, size: number): AsyncGenerator<{ n: number; fill: Uint8Array }> {
  for (let n = 1; n <= until; n++) yield { n, fill: new Uint8Array(size).fill(n) };
}

async function numbers(call: OutgoingCall, most = Infinity): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const item of call) {
    found.push(typeof item === "object" ? checked(item as { n: number; fill: Uint8Array }) : item);
    if (found.length === most) break;
  }
  return found;
}

function checked({ n, fill }: { n: number; fill: Uint8Array }): string {
  return `${n}: ${whole(fill)}`;
}

/** How many bytes there are of which value: what a byte in the middle that is another would change. */
function whole(bytes: Uint8Array): string {
  return `${bytes.length} of ${bytes.every((byte) => byte === bytes[0]) ? bytes[0] : "several"}`;
}

/** The steps of the conversation: each gives what can be compared. */
const STEPS: Record<string, (pair: SessionPair) => Promise<unknown>> = {
  add: async (pair) => [await pair.call("add", { a: 1 }), await pair.call("add", { a: 2 })],
  slow: async (pair) => await pair.call("slow", "x"),
  refuse: async (pair) => await pair.call("refuse"),
  cancel: async (pair) => {
    const call = pair.call("hang");
    const failed = call.then(() => "ended", (error) => (error as CallError).code);
    await pair.call("add", { a: 3 });
    call.cancel();
    return await failed;
  },
  large: async (pair) => {
    const { echo, more } = await pair.call("large", new Uint8Array(100 * KIB).fill(5)) as Record<
      string,
      Uint8Array
    >;
    return [whole(echo!), whole(more!)];
  },
  count: (pair) => numbers(pair.call("count", 12)),
  none: (pair) => numbers(pair.call("count", 0)),
  parts: (pair) => numbers(pair.call("parts")),
  endless: (pair) => numbers(pair.call("endless"), 5),
  sum: async (pair) => await pair.call("sum", count(9, 50)),
  empty: async (pair) => await pair.call("sum", count(0, 0)),
  largeItems: async (pair) => await pair.call("sum", count(2, 90 * KIB)),
  some: async (pair) => await pair.call("some", count(1_000, 10)),
  double: (pair) => numbers(pair.call("double", count(6, 10))),
  pour: async (pair) => await lengthOf((await pair.call("pour", 9) as { bytes: ReadableStream }).bytes),
  pourNothing: async (pair) =>
    await lengthOf((await pair.call("pour", 0) as { bytes: ReadableStream }).bytes),
  pourCancelled: async (pair) => {
    const { bytes } = await pair.call("pour", 1_000) as { bytes: ReadableStream<Uint8Array> };
    const reader = bytes.getReader();
    const { value } = await reader.read();
    await reader.cancel();
    return value!.length;
  },
  swallow: async (pair) =>
    await pair.call("swallow", { bytes: new ByteSource({ size: 7 * KIB, count: 11 }).stream }),
  unread: async (pair) =>
    await pair.call("unread", { bytes: new ByteSource({ size: 7 * KIB, count: 11 }).stream }),
  nested: async (pair) => {
    const found: unknown[] = [];
    for await (const item of pair.call("nested")) {
      const { n, bytes } = item as { n: number; bytes: ReadableStream<Uint8Array> };
      found.push([n, await lengthOf(bytes)]);
    }
    return found;
  },
  nestedCancelled: async (pair) => {
    let n = 0;
    for await (const item of pair.call("nested")) {
      n++;
      await (item as { bytes: ReadableStream }).bytes.cancel();
    }
    return n;
  },
  ask: async (pair) => await pair.callBack("ask", 1),
  feed: (pair) => numbers(pair.callBack("feed", 4)),
};
