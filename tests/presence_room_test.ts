// What a client watches never fills its socket: the whole of a channel waits until there is room, and comes then.
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { channel } from "../mod.ts";
import { Kind } from "../rpc/kinds.ts";
import { anything } from "./suites/pair.ts";
import { as, enter, presenceNode, watch } from "./suites/presence_node.ts";

/** Bytes of what a channel's members tell, and those that a socket may be given beside the one frame that goes beyond. */
const [WHOLE, MOST] = [110_000, 192 * 1024];

describe("who watches many channels, and reads slowly", () => {
  async function start() {
    const channels = { "board/:id": channel({ presence: anything }) } as never;
    const server = presenceNode({ channels });
    const lines = await Promise.all(Array.from({ length: 100 }, (_, i) => server.connect(as(`m${i}`))));
    for (let c = 0; c < 20; c++) {
      for (const line of lines) enter(line, c + 1, "x".repeat(1_000), `board/${c}`);
    }
    await server.settle();
    const eve = await server.connect(as("eve"));
    eve.pipe.stall();
    return { server, eve };
  }

  it("is told of each when there is room, and its socket holds little until then", async () => {
    const { server, eve } = await start();
    for (let c = 0; c < 20; c++) watch(eve, c + 1, null, `board/${c}`);
    await server.settle();
    assert(eve.pipe.buffered < MOST + 2 * WHOLE, `${eve.pipe.buffered}`);
    const told = new Set<unknown>();
    for (let i = 0; i < 200 && told.size < 20; i++) {
      eve.pipe.step(eve.pipe.frames.length);
      await server.settle();
      for (const [kind, n, , payload] of eve.take()) {
        if (kind === Kind.WATCHED && !(payload as { more?: true }).more) told.add(n);
      }
      assert(eve.pipe.buffered < MOST + 2 * WHOLE, `${eve.pipe.buffered}`);
    }
    assertEquals(told.size, 20);
  });

  it("costs no more when it watches again and again", async () => {
    const { server, eve } = await start();
    for (let c = 0; c < 100; c++) eve.send([Kind.WATCH, c + 1, "board/1", null], [Kind.UNWATCH, c + 1]);
    await server.settle();
    assert(eve.pipe.buffered < MOST + 2 * WHOLE, `${eve.pipe.buffered}`);
  });
});
