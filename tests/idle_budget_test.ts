// The budget of a connection that does nothing: bytes of heap that the server keeps for it. A part that is made for every connection, and not
// when it is first used, fails here and not in a benchmark of ten thousand sockets.
import { assert, assertEquals, assertLess } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import process from "node:process";
import { MemoryBroker } from "../brokers/memory.ts";
import { channel, millrace, procedure } from "../mod.ts";
import { mounted } from "../rpc/mount.ts";
import type { Node } from "../rpc/node.ts";
import type { ServerConnection } from "../rpc/server_connection.ts";
import { sharedTimers } from "../rpc/shared_timers.ts";
import { LoopClock } from "./suites/lone_server.ts";
import { anything } from "./suites/pair.ts";
import { call, frameOf, hello } from "./suites/wire.ts";

const { Bun, gc } = globalThis as { readonly Bun?: { gc(full: boolean): void }; readonly gc?: () => void };

/**
 * Bytes that a connection may keep, welcomed with a session that is kept, without its socket. Measured: 1,530 and 1,850 on V8, 1,320 and 1,590 on
 * JavaScriptCore.
 */
const KEPT = { idle: 1_690, called: 2_030 };
/** Bytes of it that may be left when it has ended: code, and maps that do not shrink. */
const LEFT = 150;
const COUNT = 4_000;

/** Nobody is there, and nothing is kept of a frame. */
const NOWHERE = { send: () => {}, buffered: 0, requestDrain: () => {}, close: () => {} };

/** A server with connections in memory: all it has from the runtime is the heap. */
class IdleServer {
  readonly #clock = new LoopClock();
  readonly #node: Node;
  readonly #open: ServerConnection[] = [];
  readonly errors: unknown[] = [];
  #ids = 0;

  constructor() {
    const app = millrace({
      procedures: { echo: procedure({ input: anything }, (value) => value) },
      channels: { "board/:id": channel({ message: anything }) },
      onError: (error) => void this.errors.push(error),
    });
    this.#node = mounted(app).makeNode({
      clock: sharedTimers(this.#clock),
      date: () => this.#clock.now(),
      newSession: () => this.#session(),
      authenticationFailed: () => {},
      broker: new MemoryBroker(),
    });
  }

  /** Opens connections that greet, and call if they do. */
  open(count: number, { calls }: { calls: boolean }): void {
    for (let i = 0; i < count; i++) {
      const request = { url: "", method: "GET", headers: NO_HEADERS, address: "" };
      const connection = this.#node.open(NOWHERE, { id: String(++this.#ids), request, token: undefined });
      connection.receive(frameOf(hello({ resumable: true, producer: new Uint8Array(16).fill(i) })));
      if (calls) connection.receive(frameOf(call(1, "echo", { n: i })));
      this.#clock.turn();
      if (calls) connection.receive(frameOf([4, 1])); // ACK: nothing is kept to be sent again
      this.#clock.turn();
      this.#open.push(connection);
    }
    const { size } = this.#node.connections();
    assertEquals([size, this.errors], [this.#open.length, []]);
  }

  /** All of them are gone, and so are their sessions. */
  end(): void {
    // One by one: JavaScriptCore looks for references on the stack, and an array of all would be found there by chance.
    for (let one = this.#open.pop(); one !== undefined; one = this.#open.pop()) {
      this.#node.closed(one, 1000, "");
    }
    this.#clock.turn();
    assertEquals(this.#node.connections().size, 0);
  }

  #session(): Uint8Array {
    const id = new Uint8Array(16);
    new DataView(id.buffer).setUint32(0, ++this.#ids);
    return id;
  }
}

const NO_HEADERS = new Headers();

/** Bytes of the heap that are in use, when all that can be collected was. */
async function heap(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    if (Bun !== undefined) Bun.gc(true);
    else gc!();
    await new Promise((resolve) => setTimeout(resolve, 5)); // buffers are freed in turns of their own
  }
  if (Bun === undefined) return process.memoryUsage().heapUsed;
  const { heapStats } = await import("bun:jsc" as string) as { heapStats(): { heapSize: number } };
  return heapStats().heapSize;
}

/** The same, looked at again while it is more than `most`: what the stack or an old turn still refers to goes later. */
async function heapAt(most: number): Promise<number> {
  let used = await heap();
  for (let again = 0; again < 20 && used > most; again++) used = await heap();
  return used;
}

describe("what an idle connection keeps on the server", () => {
  for (const [name, calls] of [["idle", false], ["called", true]] as const) {
    const what = calls ? "has made one call, which was acknowledged" : "has greeted";
    it(`that ${what}: at most ${KEPT[name]} bytes, and nothing after its end`, async () => {
      const server = new IdleServer();
      server.open(500, { calls }); // code and maps
      server.end();
      const before = await heap();
      server.open(COUNT, { calls });
      const kept = (await heap() - before) / COUNT;
      server.end();
      const left = (await heapAt(before + LEFT * COUNT) - before) / COUNT;
      assert(kept > 800, `only ${kept.toFixed(0)} bytes: nothing was counted`);
      assertLess(kept, KEPT[name], `${kept.toFixed(0)} bytes each`);
      assertLess(left, LEFT, `${left.toFixed(0)} bytes of each are left`);
    });
  }
});
