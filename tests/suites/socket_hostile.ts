/**
 * Socket conformance: hostile input and failing handlers.
 */

import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { opcodes, type RawSocket } from "./raw.ts";
import { runtimeName } from "./serve.ts";
import { assertSame, echo, useServer } from "./socket_kit.ts";

const binary = opcodes.binary;

/** Registers this part of the suite. */
export function hostileConformance(): void {
  const kit = useServer();

  describe("input that breaks the rules", () => {
    it("is closed with 1003 when it is text", async () => {
      const { client } = await (await kit.start()).connect();
      client.send(opcodes.text, new TextEncoder().encode("hello"));
      assertEquals((await client.closeFrame()).code, 1003);
      client.sendClose(1003);
      assertEquals((await kit.server.closed.next()).code, 1003);
      assertEquals(kit.server.messages.size, 0);
    });

    for (const [size, name] of [[1_001, "a byte"], [100_000, "a lot"]] as const) {
      it(`is closed with 1009 when it is ${name} too big`, async () => {
        await kit.start({ limits: { message: 1_000 } });
        const { client } = await kit.server.connect();
        client.send(binary, new Uint8Array(1_000));
        assertEquals((await kit.server.messages.next()).byteLength, 1_000);
        client.send(binary, new Uint8Array(size));
        assertEquals((await client.closeFrame()).code, 1009);
        client.sendClose(1009);
        assertEquals((await kit.server.closed.next()).code, 1009);
        assertEquals(kit.server.messages.size, 0);
      });
    }

    it("is closed with 1009 when its fragments are too big together, each of them small", async () => {
      await kit.start({ limits: { message: 1_000 } });
      const { client } = await kit.server.connect();
      client.send(binary, new Uint8Array(900), { fin: false });
      client.send(opcodes.continuation, new Uint8Array(900), { fin: false });
      client.send(opcodes.continuation, new Uint8Array(900));
      assertEquals((await client.closeFrame()).code, 1009);
      client.sendClose(1009);
      assertEquals((await kit.server.closed.next()).code, 1009);
      assertEquals(kit.server.messages.size, 0);
    });

    it("is refused by Bun when it is not masked; Deno takes it", async () => {
      const { client } = await (await kit.start()).connect();
      client.send(binary, new Uint8Array([1]), { mask: false });
      if (runtimeName === "bun") assertEquals((await kit.server.closed.next()).code, 1002);
      else assertSame(await kit.server.messages.next(), new Uint8Array([1]));
    });

    it("is ignored behind a close frame", async () => {
      const { client } = await (await kit.start()).connect();
      client.sendClose(1000);
      client.send(binary, new Uint8Array([1]));
      client.sendClose(4000);
      assertEquals((await kit.server.closed.next()).code, 1000);
      await client.destroy();
      await kit.server.app.close();
      assertEquals([kit.server.messages.size, kit.server.closed.size], [0, 0]);
    });

    const broken: Record<string, (client: RawSocket) => void> = {
      "a reserved bit": (client) => client.send(binary, new Uint8Array(1), { rsv: 4 }),
      "an unknown opcode": (client) => client.send(5, new Uint8Array(1)),
      "a fragmented ping": (client) => client.send(opcodes.ping, new Uint8Array(1), { fin: false }),
      "a ping of 126 bytes": (client) => client.send(opcodes.ping, new Uint8Array(126)),
      "a continuation of nothing": (client) => client.send(opcodes.continuation, new Uint8Array(1)),
      "a length of 2^63": (client) => client.send(binary, new Uint8Array(0), { length: 2n ** 63n }),
      "a length of 2^64-1": (client) => client.send(binary, new Uint8Array(0), { length: 2n ** 64n - 1n }),
      "a close frame of one byte": (client) => client.send(opcodes.close, new Uint8Array(1)),
    };
    for (const [name, send] of Object.entries(broken)) {
      it(`ends the connection, and only that: ${name}`, async () => {
        const { client } = await (await kit.start(echo)).connect();
        const { client: other } = await kit.server.connect();
        send(client);
        const { code } = await kit.server.closed.next();
        assert([1002, 1006, 1009].includes(code), `close code ${code}`);
        await client.destroy();
        other.send(binary, new Uint8Array([1]));
        assertSame((await other.next())!.payload, new Uint8Array([1]));
      });
    }
  });

  describe("a handler that fails", () => {
    const failure = new Error("from a handler");
    const ways: Record<string, () => void> = {
      throws: () => {
        throw failure;
      },
      rejects: () => Promise.reject(failure),
    };
    for (const [way, fail] of Object.entries(ways)) {
      it(`${way} in open: reported, closed with 1011`, async () => {
        const { client } = await (await kit.start({ open: fail })).connect();
        await closesWith1011(client);
      });

      it(`${way} in message: reported, closed with 1011`, async () => {
        const { client } = await (await kit.start({ message: fail })).connect();
        client.send(binary, new Uint8Array(1));
        await closesWith1011(client);
      });

      it(`${way} in drain: reported, closed with 1011`, async () => {
        const { client, socket } = await (await kit.start({ drain: fail })).connect();
        socket.requestDrain();
        await closesWith1011(client);
      });

      it(`${way} in close: reported, nothing more`, async () => {
        const { client } = await (await kit.start({ close: fail })).connect();
        client.sendClose(1000);
        assertEquals(await kit.server.errors.next(), failure);
        assertEquals(kit.server.app.sockets.size, 0);
      });
    }

    async function closesWith1011(client: RawSocket): Promise<void> {
      assertEquals(await kit.server.errors.next(), failure);
      assertEquals(await client.closeFrame(), { code: 1011, reason: "internal error" });
      client.sendClose(1011);
      assertEquals((await kit.server.closed.next()).code, 1011);
    }
  });
}
