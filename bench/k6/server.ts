// What the scripts call: the small call, a channel that one producer publishes to, a feed whose readers come and go, and a procedure that ends
// every connection.
//   deno serve -A bench/k6/server.ts        bun bench/k6/server.ts
import { z } from "zod";
import { channel, millrace, procedure } from "../../mod.ts";
import { small } from "../contenders/procedures.ts";

/** What all readers of the feed get. */
interface Item {
  /** 1, 2, 3…, for all readers the same. */
  readonly n: number;
  /** When it was published: ms since 1970. */
  readonly at: number;
  readonly s: string;
}

/** The items for one reader that it has not taken. */
class Queue {
  #items: Item[] = [];
  #wake = () => {};
  #ended = false;

  push(item: Item): void {
    this.#items.push(item);
    this.#wake();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  async *read(signal: AbortSignal): AsyncGenerator<Item> {
    signal.addEventListener("abort", () => this.end());
    while (true) {
      for (const item of this.#items.splice(0)) yield item;
      if (this.#ended && this.#items.length === 0) return;
      if (this.#items.length === 0) await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }
}

/** The feed is a stream and a queue for each reader: soak and spike open, read and stop it all the time. */
const readers = new Set<Queue>();
let published = 0;

async function* feed(signal: AbortSignal): AsyncGenerator<Item> {
  const queue = new Queue();
  readers.add(queue);
  try {
    yield* queue.read(signal);
  } finally {
    readers.delete(queue);
  }
}

function publish(s: string): number {
  const item = { n: ++published, at: Date.now(), s };
  for (const reader of readers) reader.push(item);
  return published;
}

let subscribers = 0;

// As a server does that restarts, or a proxy in front of it: all at once, the caller included.
function cut(): void {
  app.connections().close(1012, "cut");
}

const app = millrace({
  procedures: {
    echo: procedure({ input: small }, (value) => value),
    feed: procedure.stream({}, (_, { signal }) => feed(signal)),
    subscribers: procedure(() => subscribers),
    publish: procedure({ input: z.string() }, publish),
    cut: procedure((): void => cut()),
  },
  channels: {
    news: channel({
      message: z.object({ n: z.number(), at: z.number(), s: z.string() }),
      onSubscribe: () => void subscribers++,
      onUnsubscribe: () => void subscribers--,
    }),
  },
});
export default app;
