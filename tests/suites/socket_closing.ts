/**
 * Socket conformance: closing.
 */

import { assertEquals, assertLess } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { opcodes } from "./raw.ts";
import { stuff, useServer } from "./socket_kit.ts";

const binary = opcodes.binary;

/** Registers this part of the suite. */
export function closingConformance(): void {
  const kit = useServer();

  describe("closing", () => {
    it("by the client carries its code and reason to the handler, and is answered", async () => {
      const { client, socket } = await (await kit.start()).connect();
      client.sendClose(4002, "bye ✓");
      assertEquals(await kit.server.closed.next(), { id: socket.id, code: 4002, reason: "bye ✓" });
      assertEquals((await client.closeFrame()).code, 4002);
      await client.ended;
      assertEquals([socket.open, socket.send(new Uint8Array(1)), socket.buffered], [false, "closed", 0]);
    });

    it("by the client without a code is 1005", async () => {
      const { client } = await (await kit.start()).connect();
      client.sendClose();
      assertEquals((await kit.server.closed.next()).code, 1005);
    });

    it("by a cut connection is 1006, once", async () => {
      const { client } = await (await kit.start()).connect();
      await client.destroy();
      assertEquals((await kit.server.closed.next()).code, 1006);
      await kit.server.app.close();
      assertEquals(kit.server.closed.size, 0);
    });

    it("by the server carries its code and reason both ways, after everything queued", async () => {
      await kit.start({ limits: { queue: Infinity } });
      const { client, socket } = await kit.server.connect();
      client.pause();
      let frames = 0;
      while (socket.send(new Uint8Array(65_536).fill(frames++)) !== "queued");
      socket.close(4003, "done");
      assertEquals([socket.open, socket.send(new Uint8Array(1))], [false, "closed"]);
      assertEquals(kit.server.closed.size, 0);
      client.resume();
      for (let i = 0; i < frames; i++) assertEquals((await client.next())?.payload[0], i);
      assertEquals(await client.closeFrame(), { code: 4003, reason: "done" });
      client.sendClose(4003);
      assertEquals(await kit.server.closed.next(), { id: socket.id, code: 4003, reason: "done" });
    });

    it("by the server completes though the peer never answers", async () => {
      await kit.start({ limits: { closeTimeout: 100 } });
      const { client, socket } = await kit.server.connect();
      socket.close(4004);
      assertEquals((await kit.server.closed.next()).code, 4004);
      assertEquals(kit.server.app.sockets.size, 0);
      assertEquals((await client.closeFrame()).code, 4004);
    });

    it("calls the handler once, not within close() or terminate()", async () => {
      await kit.start();
      for (const way of ["close", "terminate"] as const) {
        const { client, socket } = await kit.server.connect();
        socket[way]();
        socket[way]();
        socket.close(4000);
        assertEquals(kit.server.closed.size, 0);
        client.sendClose(1000);
        assertEquals((await kit.server.closed.next()).code, way === "close" ? 1000 : 1006);
        assertEquals(kit.server.closed.size, 0);
      }
    });

    it("in the open handler works", async () => {
      await kit.start({ open: (socket) => socket.close(4005, "no") });
      const { client } = await kit.server.connect();
      assertEquals(await client.closeFrame(), { code: 4005, reason: "no" });
      client.sendClose(4005);
      assertEquals((await kit.server.closed.next()).code, 4005);
    });

    it("cuts a long reason between characters", async () => {
      const { client, socket } = await (await kit.start()).connect();
      socket.close(4000, "é".repeat(100));
      assertEquals((await client.closeFrame()).reason, "é".repeat(61));
    });

    it("ignores what still arrives", async () => {
      const { client, socket } = await (await kit.start()).connect();
      socket.close();
      client.send(binary, new Uint8Array(1));
      client.sendClose(1000);
      await kit.server.closed.next();
      assertEquals(kit.server.messages.size, 0);
    });
  });

  describe("close() of the server", () => {
    it("closes every socket with the code, answers 503, and resolves when the handlers were called", async () => {
      await kit.start({ limits: { closeTimeout: 200 } });
      const { client: polite } = await kit.server.connect();
      const { client: silent } = await kit.server.connect();
      const done = kit.server.app.close({ code: 1012, reason: "restart" });
      const refused = await kit.server.handshake();
      assertEquals([refused.status, refused.headers.get("retry-after")], [503, "1"]);
      assertEquals(await polite.closeFrame(), { code: 1012, reason: "restart" });
      polite.sendClose(1012);
      assertEquals((await silent.closeFrame()).code, 1012);
      await done;
      assertEquals(kit.server.closed.size, 2);
      assertEquals([(await kit.server.closed.next()).code, (await kit.server.closed.next()).code], [
        1012,
        1012,
      ]);
      assertEquals(kit.server.app.sockets.size, 0);
    });

    it("terminates at the deadline", async () => {
      await kit.start({ limits: { queue: Infinity } });
      const { client, socket } = await kit.server.connect();
      client.pause();
      stuff(socket);
      const started = performance.now();
      await kit.server.app.close({ deadline: 50 });
      assertLess(performance.now() - started, 2_000);
      assertEquals(kit.server.closed.size, 1);
    });
  });
}
