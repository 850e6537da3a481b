/**
 * Socket conformance: frames and reading.
 */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { SendResult } from "../../src/mod.ts";
import { opcodes } from "./raw.ts";
import { runtimeName } from "./serve.ts";
import { assertSame, echo, fill, framesOf, pattern, useServer } from "./socket_kit.ts";

const binary = opcodes.binary;

/** Registers this part of the suite. */
export function framesConformance(): void {
  const kit = useServer();

  describe("frames", () => {
    it("come back from an echo byte for byte, whatever their size", async () => {
      const { client } = await (await kit.start(echo)).connect();
      for (const size of [0, 1, 125, 126, 65_535, 65_536, 1 << 20]) {
        const sent = pattern(size, size);
        client.send(binary, sent, { key: new Uint8Array([1, 2, 3, 4]) });
        const frame = (await client.next())!;
        assertEquals(frame.opcode, binary);
        assertSame(frame.payload, sent);
      }
    });

    it("keep their order", async () => {
      const { client } = await (await kit.start(echo)).connect();
      for (let i = 0; i < 1_000; i++) client.send(binary, new Uint8Array([i & 255, i >> 8]));
      for (let i = 0; i < 1_000; i++) {
        assertSame((await client.next())!.payload, new Uint8Array([i & 255, i >> 8]));
      }
    });

    it("are the receiver's own, each in a buffer of its length", async () => {
      const { client } = await (await kit.start()).connect();
      client.send(binary, pattern(10, 1));
      client.send(binary, pattern(20, 2));
      for (const size of [10, 20]) {
        const frame = await kit.server.messages.next();
        assertEquals(frame.constructor, Uint8Array);
        assertEquals([frame.byteOffset, frame.byteLength, frame.buffer.byteLength], [0, size, size]);
      }
    });

    it("arrive whole when sent in fragments, with a ping between", async () => {
      const { client } = await (await kit.start()).connect();
      client.send(binary, pattern(3, 1), { fin: false });
      client.send(opcodes.ping, new Uint8Array([9]));
      client.send(opcodes.continuation, new Uint8Array([7]));
      assertSame(await kit.server.messages.next(), new Uint8Array([...pattern(3, 1), 7]));
      assertEquals((await client.next())?.opcode, opcodes.pong);
    });

    it("in the packet of the handshake arrive once, after open", async () => {
      await kit.start();
      const body = new Uint8Array([0x82, 0x81, 0, 0, 0, 0, 5]);
      const { client } = await kit.server.connect({ body });
      assertSame(await kit.server.messages.next(), new Uint8Array([5]));
      client.send(binary, new Uint8Array([6]));
      assertSame(await kit.server.messages.next(), new Uint8Array([6]));
    });

    it("sent from one buffer that is overwritten at once arrive as they were sent", async () => {
      await kit.start({ limits: { queue: Infinity } });
      const { client, socket } = await kit.server.connect();
      client.pause();
      const buffer = new Uint8Array(65_536);
      const results = new Set<SendResult>();
      for (let i = 0; i < 150; i++) results.add(socket.send(buffer.fill(i)));
      buffer.fill(255);
      assertEquals([...results], ["sent", "queued"]);
      client.resume();
      for (let i = 0; i < 150; i++) {
        assertSame((await client.next())!.payload, new Uint8Array(65_536).fill(i));
      }
    });

    it("may be of shared or resizable memory", async () => {
      const { client, socket } = await (await kit.start()).connect();
      for (const buffer of [new SharedArrayBuffer(3), new ArrayBuffer(3, { maxByteLength: 9 })]) {
        assertEquals(socket.send(new Uint8Array(buffer).fill(7)), "sent");
        assertSame((await client.next())!.payload, new Uint8Array([7, 7, 7]));
      }
    });

    it("that are shared are queued by reference, others as a copy", async () => {
      await kit.start({ limits: { queue: Infinity, runtimeBuffer: 1_000 } });
      const { client, socket } = await kit.server.connect();
      client.pause();
      fill(socket);
      const frame = pattern(10, 1);
      assertEquals(socket.send(frame), "queued");
      assertEquals(socket.send(frame, { shared: true }), "queued");
      frame.fill(9); // a broken promise, to see who kept a reference
      assertEquals(socket.send(new Uint8Array([0])), "queued");
      client.resume();
      const small = await framesOf(client, { until: 1, below: 65_536 });
      assertEquals(small, [pattern(10, 1), new Uint8Array(10).fill(9), new Uint8Array([0])]);
    });
  });

  describe("pause()", () => {
    it("stops reading on Bun and says false on Deno", async () => {
      await kit.start();
      const { client, socket } = await kit.server.connect();
      assertEquals(socket.pause(), runtimeName === "bun");
      client.send(binary, new Uint8Array([1]));
      if (runtimeName === "bun") socket.resume();
      assertSame(await kit.server.messages.next(), new Uint8Array([1]));
    });
  });
}
