import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { z } from "zod";
import { bytes, DEFAULT_LIMITS, millrace, procedure } from "../mod.ts";
import { AppServer } from "./suites/app_server.ts";

const MIB = 1 << 20;
const SIZE = 64 * MIB;
const PIECE = new Uint8Array(64 * 1024).fill(7);
/** One window of the stream, a piece over it, and answers on their way. */
const MOST = DEFAULT_LIMITS.window + 2 * PIECE.length;

/** 64 MiB in pieces; bench/upload.mjs does 1 GiB between processes and looks at their memory. */
describe("an upload of 64 MiB", () => {
  let server: AppServer<ReturnType<typeof make>>;
  /** Highest value of the gauge at any call and any piece. */
  let most = 0;
  /** Bytes that the handler of items has seen. */
  let seen = 0;
  /** What a handler waits for before it reads on. */
  let slow = false;
  let gauge = (): number => 0;

  function look(): void {
    most = Math.max(most, gauge());
  }

  function make() {
    return millrace({
      procedures: {
        add: procedure({ input: z.object({ a: z.number(), b: z.number() }) }, ({ a, b }): number => {
          look();
          return a + b;
        }),
        items: procedure.upload({ items: bytes() }, async (pieces): Promise<number> => {
          let size = 0;
          for await (const piece of pieces) {
            look();
            size += piece.byteLength;
            seen = size;
            if (slow) await new Promise((resolve) => setTimeout(resolve, 0));
          }
          return size;
        }),
        stream: procedure({ input: bytes() }, async (input): Promise<number> => {
          let size = 0;
          const reader = (input as ReadableStream<Uint8Array>).getReader();
          for (let next = await reader.read(); !next.done; next = await reader.read()) {
            look();
            size += next.value.byteLength;
            if (slow) await new Promise((resolve) => setTimeout(resolve, 0));
          }
          return size;
        }),
      },
    });
  }

  beforeEach(async () => {
    most = seen = 0;
    slow = false;
    server = await AppServer.start(make());
    gauge = () => server.app.stats().heldBytes;
  });

  afterEach(() => server.stop());

  for (const way of ["items", "stream"] as const) {
    for (const [pace, size] of [["as fast as it goes", SIZE], ["to a slow handler", SIZE / 4]] as const) {
      it(`as ${way}, ${pace}: holds no more than its windows, and small calls go on`, async () => {
        slow = pace !== "as fast as it goes";
        const { call, ready } = server.client();
        await ready();
        let [calls, done] = [0, false];
        const small = (async () => {
          while (!done) assertEquals(await call.add({ a: ++calls, b: 0 }), calls);
        })();
        const received = await (way === "items" ? call.items(pieces(size)) : call.stream(byteStream(size)));
        done = true;
        await small;
        assertEquals(received, size);
        assertGreater(calls, 20);
        if (slow) assertGreater(most, PIECE.length);
        assertLess(most, MOST);
        assertEquals(server.app.stats().streams, 0);
      });
    }
  }

  it("asks its source for no more than may leave", async () => {
    const { call } = server.client();
    slow = true;
    let [asked, ahead] = [0, 0];
    const counted = (async function* () {
      for await (const piece of pieces(8 * MIB)) {
        asked += piece.length;
        ahead = Math.max(ahead, asked - seen);
        yield piece;
      }
    })();
    assertEquals(await call.items(counted), 8 * MIB);
    // What is on its way, what waits for the handler, and the piece in hand.
    assert(ahead <= MIB + MOST, `${ahead} bytes were made before they could leave`);
  });
});

async function* pieces(size: number): AsyncGenerator<Uint8Array> {
  for (let sent = 0; sent < size; sent += PIECE.length) yield PIECE;
}

function byteStream(size: number): ReadableStream<Uint8Array> {
  let sent = 0;
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      if (sent >= size) return controller.close();
      sent += PIECE.length;
      controller.enqueue(PIECE);
    },
  }, { highWaterMark: 0 });
}
