import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { z } from "zod";
import { bytes, DEFAULT_LIMITS, millrace, procedure } from "../mod.ts";
import { AppServer } from "./suites/app_server.ts";
import { failure } from "./suites/check.ts";

const MIB = 1 << 20;
const PIECE = 64 * 1024;
/** What a stream may hold: a unit may start just below the end of its window. */
const WINDOW = DEFAULT_LIMITS.window + PIECE;
/** Answers and acknowledgements that wait for the end of their turn. */
const ANSWERS = 8 * 1024;

const WAYS = ["items", "stream"] as const;
const PACES = { "as fast as it goes": 64 * MIB, "to a slow handler": 16 * MIB };

/** Bytes of which each piece is another part, so that a lost or a moved one shows in the checksum. */
const PATTERN = Uint8Array.from({ length: PIECE + 256 }, (_, i) => (i * 7) ^ (i >> 8));

/** How many bytes, and a sum that their order matters to. */
class Checksum {
  size = 0;
  sum = 0;

  add(bytes: Uint8Array): void {
    this.size += bytes.length;
    let sum = this.sum;
    for (let i = 0; i < bytes.length; i++) sum = (Math.imul(sum, 31) + bytes[i]!) | 0;
    this.sum = sum;
  }

  get result(): { size: number; sum: number } {
    return { size: this.size, sum: this.sum };
  }
}

/** Pieces, as an iterator and as a stream, that know what was asked of them. */
class Source {
  readonly made: Checksum = new Checksum();
  ended = false;
  readonly #size: number;
  readonly #look: () => void;

  /** Ends after `size` bytes; calls `look` whenever it made a piece. */
  constructor(size: number, look: () => void) {
    this.#size = size;
    this.#look = look;
  }

  async *items(): AsyncGenerator<Uint8Array> {
    try {
      while (this.made.size < this.#size) yield this.#next();
    } finally {
      this.ended = true;
    }
  }

  stream(): ReadableStream<Uint8Array> {
    return new ReadableStream<Uint8Array>({
      pull: (controller) => {
        if (this.made.size < this.#size) return controller.enqueue(this.#next());
        this.ended = true;
        controller.close();
      },
      cancel: () => {
        this.ended = true;
      },
    }, { highWaterMark: 0 });
  }

  #next(): Uint8Array {
    const at = (this.made.size / PIECE) & 255;
    const piece = PATTERN.subarray(at, at + PIECE);
    this.made.add(piece);
    this.#look();
    return piece;
  }
}

/** What one test sees of both ends; they run in one process. */
class Upload {
  readonly received: Checksum = new Checksum();
  /** Highest value of the server's gauge, looked at whenever something happens. */
  mostHeld = 0;
  /** Most bytes that were made and that the handler had not seen yet. */
  mostAhead = 0;
  /** Whether the handler takes a turn of the event loop for each piece. */
  slow = false;
  /** Called for each piece that arrives. */
  arrived: (() => void) | undefined;

  async take(piece: Uint8Array): Promise<void> {
    this.received.add(piece);
    this.arrived?.();
    if (this.slow) await new Promise((resolve) => setTimeout(resolve, 0));
  }

  look(held: number, made: number): void {
    this.mostHeld = Math.max(this.mostHeld, held);
    this.mostAhead = Math.max(this.mostAhead, made - this.received.size);
  }
}

/** bench/upload.mjs does 1 GiB, between processes, and looks at their memory. */
describe("an upload of 64 MiB", () => {
  let server: AppServer<ReturnType<typeof make>>;
  let upload = new Upload();

  function make() {
    return millrace({
      procedures: {
        add: procedure({ input: z.object({ a: z.number(), b: z.number() }) }, ({ a, b }) => a + b),
        items: procedure.upload({ items: bytes() }, async (pieces) => {
          for await (const piece of pieces) await upload.take(piece);
          return upload.received.result;
        }),
        stream: procedure({ input: bytes() }, async (input) => {
          const reader = (input as ReadableStream<Uint8Array>).getReader();
          for (let next = await reader.read(); !next.done; next = await reader.read()) {
            await upload.take(next.value);
          }
          return upload.received.result;
        }),
      },
    });
  }

  beforeEach(async () => {
    upload = new Upload();
    server = await AppServer.start(make());
  });

  afterEach(() => server.stop());

  const gauges = () => {
    const { calls, streams, heldBytes } = server.app.stats();
    return { calls, streams, heldBytes };
  };

  function begin(way: typeof WAYS[number], size: number) {
    const client = server.client();
    const source: Source = new Source(size, () => upload.look(gauges().heldBytes, source.made.size));
    const call = way === "items" ? client.call.items(source.items()) : client.call.stream(source.stream());
    return { client, source, call };
  }

  for (const way of WAYS) {
    for (const [pace, size] of Object.entries(PACES)) {
      it(`as ${way}, ${pace}: arrives whole, holds no more than its windows, and small calls go on`, async () => {
        upload.slow = pace === "to a slow handler";
        const { client, source, call } = begin(way, size);
        let [calls, done] = [0, false];
        const small = (async () => {
          while (!done) {
            assertEquals(await client.call.add({ a: ++calls, b: 0 }), calls);
            upload.look(gauges().heldBytes, source.made.size);
          }
        })();
        const result = await call;
        done = true;
        await small;
        assertEquals([result, result.size], [source.made.result, size]);
        assertGreater(calls, 20);
        if (upload.slow) assertGreater(upload.mostHeld, DEFAULT_LIMITS.window / 2);
        assertLess(upload.mostHeld, WINDOW + ANSWERS);
        // The client holds the piece that has not left, and what is on its way is within the same window.
        assertLess(upload.mostAhead, WINDOW + PIECE + 1);
        await server.until(gauges, { calls: 0, streams: 0, heldBytes: 0 });
      });
    }

    it(`as ${way}, cancelled midway: both ends let go of everything, and the connection goes on`, async () => {
      const { client, source, call } = begin(way, Infinity);
      upload.arrived = () => {
        if (upload.received.size >= 8 * MIB) call.cancel();
      };
      assertEquals((await failure(call)).code, "CANCELLED");
      await server.until(gauges, { calls: 0, streams: 0, heldBytes: 0 });
      assert(source.ended);
      assertLess(source.made.size, 8 * MIB + WINDOW + PIECE + 1);
      assertEquals(await client.call.add({ a: 1, b: 2 }), 3);
    });
  }
});
