/**
 * Socket conformance: slow readers.
 */

import { assert, assertEquals, assertFalse, assertGreater } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { SendResult } from "../../src/mod.ts";
import { opcodes } from "./raw.ts";
import { runtimeName } from "./serve.ts";
import { assertSame, echo, fill, stuff, useServer } from "./socket_kit.ts";

const binary = opcodes.binary;

/** Registers this part of the suite. */
export function pressureConformance(): void {
  const kit = useServer();

  describe("a reader that stalls", () => {
    it("is cut with 4503 at the limit of the queue, and slows nobody", async () => {
      await kit.start({ ...echo, limits: { queue: 1 << 20 } });
      const { client: stalled, socket } = await kit.server.connect();
      const { client: healthy } = await kit.server.connect();
      stalled.pause();
      let frames = 0;
      let most = 0;
      let result: SendResult = "sent";
      while (result !== "closed") {
        result = socket.send(new Uint8Array(65_536));
        most = Math.max(most, socket.buffered);
        frames++;
      }
      assertGreater(frames, 16);
      assert(most <= (1 << 20) + 64 * 1_024, `buffered ${most}`);
      assertEquals(socket.open, false);
      assertEquals(socket.buffered, 0);
      assertEquals(kit.server.closed.size, 0, "the close handler ran inside send()");
      const { code, reason, id } = await kit.server.closed.next();
      assertEquals([code, reason, id], [4503, "too slow", socket.id]);
      assertFalse(kit.server.app.sockets.has(socket));
      healthy.send(binary, new Uint8Array([1]));
      assertSame((await healthy.next())!.payload, new Uint8Array([1]));
      stalled.resume();
      assertEquals((await stalled.closeFrame()).code, 4503);
    });

    it("gets one frame of any size into an empty queue", async () => {
      await kit.start({ limits: { queue: 1_000, runtimeBuffer: 1_000 } });
      const { client, socket } = await kit.server.connect();
      client.pause();
      assertEquals(fill(socket), "queued");
      assertEquals(socket.send(new Uint8Array(1)), "closed");
      assertEquals((await kit.server.closed.next()).code, 4503);
    });

    it("drains once it reads again, and drain is called when nothing waits", async () => {
      await kit.start({ limits: { queue: Infinity } });
      const { client, socket } = await kit.server.connect();
      client.pause();
      while (socket.send(new Uint8Array(65_536)) !== "queued");
      assertGreater(socket.buffered, 0);
      client.resume();
      assertEquals(await kit.server.drained.next(), socket);
      assertEquals(socket.buffered, 0);
      assertEquals(socket.send(new Uint8Array(1)), "sent");
    });

    it("is given up after the stall deadline, with 1006", async () => {
      await kit.start({ limits: { queue: Infinity, stall: 200 } });
      const { client, socket } = await kit.server.connect();
      client.pause();
      stuff(socket);
      assertEquals(await kit.server.closed.next(), { id: socket.id, code: 1006, reason: "stalled" });
      assertEquals(kit.server.app.sockets.size, 0);
      assertEquals(kit.server.app.lingering, runtimeName === "deno" ? 1 : 0);
      await client.destroy();
    });

    it("does not keep close() from completing", async () => {
      await kit.start({ limits: { queue: Infinity, closeTimeout: 100 } });
      const { client, socket } = await kit.server.connect();
      client.pause();
      stuff(socket);
      socket.close(4001, "enough");
      assertEquals(await kit.server.closed.next(), { id: socket.id, code: 4001, reason: "enough" });
      assertEquals(kit.server.app.sockets.size, 0);
    });
  });

  describe("requestDrain()", () => {
    it("calls drain once, in a later turn, when nothing waits", async () => {
      await kit.start();
      const { socket } = await kit.server.connect();
      socket.requestDrain();
      assertEquals(kit.server.drained.size, 0);
      assertEquals(await kit.server.drained.next(), socket);
      assertEquals(kit.server.drained.size, 0);
    });

    it("waits for what the runtime holds", async () => {
      await kit.start();
      const { client, socket } = await kit.server.connect();
      for (let i = 0; i < 20; i++) {
        assertEquals(socket.send(new Uint8Array(200_000)), "sent");
        socket.requestDrain();
        await kit.server.drained.next();
        assertEquals(socket.buffered, 0);
        assertEquals((await client.next())?.payload.byteLength, 200_000);
      }
    });

    it("asked for in the drain handler calls it again", async () => {
      let calls = 0;
      await kit.start({ drain: (socket) => void (++calls < 3 && socket.requestDrain()) });
      const { socket } = await kit.server.connect();
      socket.requestDrain();
      for (let i = 0; i < 3; i++) await kit.server.drained.next();
      assertEquals(calls, 3);
    });
  });
}
