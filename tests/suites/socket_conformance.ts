/**
 * What a server of `./socket` does, whatever runtime it runs on. `serve.ts` picks the runtime of this process; a
 * difference between the two is a visible condition here.
 */

import { assert, assertEquals, assertFalse, assertGreater, assertLess } from "@std/assert";
import { afterEach, describe, it } from "@std/testing/bdd";
import type { SendResult, Socket, SocketServerOptions } from "../../src/mod.ts";
import { opcodes, RawSocket } from "./raw.ts";
import { runtimeName } from "./serve.ts";
import { TestServer } from "./socket_server.ts";

const binary = opcodes.binary;

/** Registers the suite. */
export function socketConformance(): void {
  let server: TestServer;

  async function start(options: Partial<SocketServerOptions<undefined>> = {}): Promise<TestServer> {
    return server = await TestServer.start(options);
  }

  afterEach(() => server.stop());

  describe("frames", () => {
    it("come back from an echo byte for byte, whatever their size", async () => {
      const { client } = await (await start(echo)).connect();
      for (const size of [0, 1, 125, 126, 65_535, 65_536, 1 << 20]) {
        const sent = pattern(size, size);
        client.send(binary, sent, { key: new Uint8Array([1, 2, 3, 4]) });
        const frame = (await client.next())!;
        assertEquals(frame.opcode, binary);
        assertSame(frame.payload, sent);
      }
    });

    it("keep their order", async () => {
      const { client } = await (await start(echo)).connect();
      for (let i = 0; i < 1_000; i++) client.send(binary, new Uint8Array([i & 255, i >> 8]));
      for (let i = 0; i < 1_000; i++) {
        assertSame((await client.next())!.payload, new Uint8Array([i & 255, i >> 8]));
      }
    });

    it("are the receiver's own, each in a buffer of its length", async () => {
      const { client } = await (await start()).connect();
      client.send(binary, pattern(10, 1));
      client.send(binary, pattern(20, 2));
      for (const size of [10, 20]) {
        const frame = await server.messages.next();
        assertEquals(frame.constructor, Uint8Array);
        assertEquals([frame.byteOffset, frame.byteLength, frame.buffer.byteLength], [0, size, size]);
      }
    });

    it("arrive whole when sent in fragments, with a ping between", async () => {
      const { client } = await (await start()).connect();
      client.send(binary, pattern(3, 1), { fin: false });
      client.send(opcodes.ping, new Uint8Array([9]));
      client.send(opcodes.continuation, new Uint8Array([7]));
      assertSame(await server.messages.next(), new Uint8Array([...pattern(3, 1), 7]));
      assertEquals((await client.next())?.opcode, opcodes.pong);
    });

    it("in the packet of the handshake arrive once, after open", async () => {
      await start();
      const body = new Uint8Array([0x82, 0x81, 0, 0, 0, 0, 5]);
      const { client } = await server.connect({ body });
      assertSame(await server.messages.next(), new Uint8Array([5]));
      client.send(binary, new Uint8Array([6]));
      assertSame(await server.messages.next(), new Uint8Array([6]));
    });

    it("sent from one buffer that is overwritten at once arrive as they were sent", async () => {
      await start({ limits: { queue: Infinity } });
      const { client, socket } = await server.connect();
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
      const { client, socket } = await (await start()).connect();
      for (const buffer of [new SharedArrayBuffer(3), new ArrayBuffer(3, { maxByteLength: 9 })]) {
        assertEquals(socket.send(new Uint8Array(buffer).fill(7)), "sent");
        assertSame((await client.next())!.payload, new Uint8Array([7, 7, 7]));
      }
    });

    it("that are shared are queued by reference, others as a copy", async () => {
      await start({ limits: { queue: Infinity, runtimeBuffer: 1_000 } });
      const { client, socket } = await server.connect();
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

  describe("a reader that stalls", () => {
    it("is cut with 4503 at the limit of the queue, and slows nobody", async () => {
      await start({ ...echo, limits: { queue: 1 << 20 } });
      const { client: stalled, socket } = await server.connect();
      const { client: healthy } = await server.connect();
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
      assertEquals(server.closed.size, 0, "the close handler ran inside send()");
      const { code, reason, id } = await server.closed.next();
      assertEquals([code, reason, id], [4503, "too slow", socket.id]);
      assertFalse(server.app.sockets.has(socket));
      healthy.send(binary, new Uint8Array([1]));
      assertSame((await healthy.next())!.payload, new Uint8Array([1]));
      stalled.resume();
      assertEquals((await stalled.closeFrame()).code, 4503);
    });

    it("gets one frame of any size into an empty queue", async () => {
      await start({ limits: { queue: 1_000, runtimeBuffer: 1_000 } });
      const { client, socket } = await server.connect();
      client.pause();
      assertEquals(fill(socket), "queued");
      assertEquals(socket.send(new Uint8Array(1)), "closed");
      assertEquals((await server.closed.next()).code, 4503);
    });

    it("drains once it reads again, and drain is called when nothing waits", async () => {
      await start({ limits: { queue: Infinity } });
      const { client, socket } = await server.connect();
      client.pause();
      while (socket.send(new Uint8Array(65_536)) !== "queued");
      assertGreater(socket.buffered, 0);
      client.resume();
      assertEquals(await server.drained.next(), socket);
      assertEquals(socket.buffered, 0);
      assertEquals(socket.send(new Uint8Array(1)), "sent");
    });

    it("is given up after the stall deadline, with 1006", async () => {
      await start({ limits: { queue: Infinity, stall: 200 } });
      const { client, socket } = await server.connect();
      client.pause();
      stuff(socket);
      assertEquals(await server.closed.next(), { id: socket.id, code: 1006, reason: "stalled" });
      assertEquals(server.app.sockets.size, 0);
      assertEquals(server.app.lingering, runtimeName === "deno" ? 1 : 0);
      await client.destroy();
    });

    it("does not keep close() from completing", async () => {
      await start({ limits: { queue: Infinity, closeTimeout: 100 } });
      const { client, socket } = await server.connect();
      client.pause();
      stuff(socket);
      socket.close(4001, "enough");
      assertEquals(await server.closed.next(), { id: socket.id, code: 4001, reason: "enough" });
      assertEquals(server.app.sockets.size, 0);
    });
  });

  describe("requestDrain()", () => {
    it("calls drain once, in a later turn, when nothing waits", async () => {
      await start();
      const { socket } = await server.connect();
      socket.requestDrain();
      assertEquals(server.drained.size, 0);
      assertEquals(await server.drained.next(), socket);
      assertEquals(server.drained.size, 0);
    });

    it("waits for what the runtime holds", async () => {
      await start();
      const { client, socket } = await server.connect();
      for (let i = 0; i < 20; i++) {
        assertEquals(socket.send(new Uint8Array(200_000)), "sent");
        socket.requestDrain();
        await server.drained.next();
        assertEquals(socket.buffered, 0);
        assertEquals((await client.next())?.payload.byteLength, 200_000);
      }
    });

    it("asked for in the drain handler calls it again", async () => {
      let calls = 0;
      await start({ drain: (socket) => void (++calls < 3 && socket.requestDrain()) });
      const { socket } = await server.connect();
      socket.requestDrain();
      for (let i = 0; i < 3; i++) await server.drained.next();
      assertEquals(calls, 3);
    });
  });

  describe("closing", () => {
    it("by the client carries its code and reason to the handler, and is answered", async () => {
      const { client, socket } = await (await start()).connect();
      client.sendClose(4002, "bye ✓");
      assertEquals(await server.closed.next(), { id: socket.id, code: 4002, reason: "bye ✓" });
      assertEquals((await client.closeFrame()).code, 4002);
      await client.ended;
      assertEquals([socket.open, socket.send(new Uint8Array(1)), socket.buffered], [false, "closed", 0]);
    });

    it("by the client without a code is 1005", async () => {
      const { client } = await (await start()).connect();
      client.sendClose();
      assertEquals((await server.closed.next()).code, 1005);
    });

    it("by a cut connection is 1006, once", async () => {
      const { client } = await (await start()).connect();
      await client.destroy();
      assertEquals((await server.closed.next()).code, 1006);
      await server.app.close();
      assertEquals(server.closed.size, 0);
    });

    it("by the server carries its code and reason both ways, after everything queued", async () => {
      await start({ limits: { queue: Infinity } });
      const { client, socket } = await server.connect();
      client.pause();
      let frames = 0;
      while (socket.send(new Uint8Array(65_536).fill(frames++)) !== "queued");
      socket.close(4003, "done");
      assertEquals([socket.open, socket.send(new Uint8Array(1))], [false, "closed"]);
      assertEquals(server.closed.size, 0);
      client.resume();
      for (let i = 0; i < frames; i++) assertEquals((await client.next())?.payload[0], i);
      assertEquals(await client.closeFrame(), { code: 4003, reason: "done" });
      client.sendClose(4003);
      assertEquals(await server.closed.next(), { id: socket.id, code: 4003, reason: "done" });
    });

    it("by the server completes though the peer never answers", async () => {
      await start({ limits: { closeTimeout: 100 } });
      const { client, socket } = await server.connect();
      socket.close(4004);
      assertEquals((await server.closed.next()).code, 4004);
      assertEquals(server.app.sockets.size, 0);
      assertEquals((await client.closeFrame()).code, 4004);
    });

    it("calls the handler once, not within close() or terminate()", async () => {
      await start();
      for (const way of ["close", "terminate"] as const) {
        const { client, socket } = await server.connect();
        socket[way]();
        socket[way]();
        socket.close(4000);
        assertEquals(server.closed.size, 0);
        client.sendClose(1000);
        assertEquals((await server.closed.next()).code, way === "close" ? 1000 : 1006);
        assertEquals(server.closed.size, 0);
      }
    });

    it("in the open handler works", async () => {
      await start({ open: (socket) => socket.close(4005, "no") });
      const { client } = await server.connect();
      assertEquals(await client.closeFrame(), { code: 4005, reason: "no" });
      client.sendClose(4005);
      assertEquals((await server.closed.next()).code, 4005);
    });

    it("cuts a long reason between characters", async () => {
      const { client, socket } = await (await start()).connect();
      socket.close(4000, "é".repeat(100));
      assertEquals((await client.closeFrame()).reason, "é".repeat(61));
    });

    it("ignores what still arrives", async () => {
      const { client, socket } = await (await start()).connect();
      socket.close();
      client.send(binary, new Uint8Array(1));
      client.sendClose(1000);
      await server.closed.next();
      assertEquals(server.messages.size, 0);
    });
  });

  describe("input that breaks the rules", () => {
    it("is closed with 1003 when it is text", async () => {
      const { client } = await (await start()).connect();
      client.send(opcodes.text, new TextEncoder().encode("hello"));
      assertEquals((await client.closeFrame()).code, 1003);
      client.sendClose(1003);
      assertEquals((await server.closed.next()).code, 1003);
      assertEquals(server.messages.size, 0);
    });

    for (const [size, name] of [[1_001, "a byte"], [100_000, "a lot"]] as const) {
      it(`is closed with 1009 when it is ${name} too big`, async () => {
        await start({ limits: { message: 1_000 } });
        const { client } = await server.connect();
        client.send(binary, new Uint8Array(1_000));
        assertEquals((await server.messages.next()).byteLength, 1_000);
        client.send(binary, new Uint8Array(size));
        assertEquals((await client.closeFrame()).code, 1009);
        client.sendClose(1009);
        assertEquals((await server.closed.next()).code, 1009);
        assertEquals(server.messages.size, 0);
      });
    }

    it("is closed with 1009 when its fragments are too big together, each of them small", async () => {
      await start({ limits: { message: 1_000 } });
      const { client } = await server.connect();
      client.send(binary, new Uint8Array(900), { fin: false });
      client.send(opcodes.continuation, new Uint8Array(900), { fin: false });
      client.send(opcodes.continuation, new Uint8Array(900));
      assertEquals((await client.closeFrame()).code, 1009);
      client.sendClose(1009);
      assertEquals((await server.closed.next()).code, 1009);
      assertEquals(server.messages.size, 0);
    });

    it("is refused by Bun when it is not masked; Deno takes it", async () => {
      const { client } = await (await start()).connect();
      client.send(binary, new Uint8Array([1]), { mask: false });
      if (runtimeName === "bun") assertEquals((await server.closed.next()).code, 1002);
      else assertSame(await server.messages.next(), new Uint8Array([1]));
    });

    it("is ignored behind a close frame", async () => {
      const { client } = await (await start()).connect();
      client.sendClose(1000);
      client.send(binary, new Uint8Array([1]));
      client.sendClose(4000);
      assertEquals((await server.closed.next()).code, 1000);
      await client.destroy();
      await server.app.close();
      assertEquals([server.messages.size, server.closed.size], [0, 0]);
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
        const { client } = await (await start(echo)).connect();
        const { client: other } = await server.connect();
        send(client);
        const { code } = await server.closed.next();
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
        const { client } = await (await start({ open: fail })).connect();
        await closesWith1011(client);
      });

      it(`${way} in message: reported, closed with 1011`, async () => {
        const { client } = await (await start({ message: fail })).connect();
        client.send(binary, new Uint8Array(1));
        await closesWith1011(client);
      });

      it(`${way} in drain: reported, closed with 1011`, async () => {
        const { client, socket } = await (await start({ drain: fail })).connect();
        socket.requestDrain();
        await closesWith1011(client);
      });

      it(`${way} in close: reported, nothing more`, async () => {
        const { client } = await (await start({ close: fail })).connect();
        client.sendClose(1000);
        assertEquals(await server.errors.next(), failure);
        assertEquals(server.app.sockets.size, 0);
      });
    }

    async function closesWith1011(client: RawSocket): Promise<void> {
      assertEquals(await server.errors.next(), failure);
      assertEquals(await client.closeFrame(), { code: 1011, reason: "internal error" });
      client.sendClose(1011);
      assertEquals((await server.closed.next()).code, 1011);
    }
  });

  describe("the upgrade", () => {
    it("hands over a copy of the request that stays readable, and gives data, protocol and headers", async () => {
      const withData = await TestServer.start<{ user: string }>({
        path: "/chat",
        upgrade: async (request) => {
          await Promise.resolve();
          queueMicrotask(() => request.headers.get("x-user"));
          return {
            data: {
              user: `${request.headers.get("x-user")} at ${request.address} ${new URL(request.url).search}`,
            },
            protocol: "b",
            headers: [["set-cookie", "one=1"], ["set-cookie", "two=2"]],
          };
        },
      });
      server = withData as unknown as TestServer;
      const headers = { "X-User": "ada", "Sec-WebSocket-Protocol": "a,b ,\tc" };
      const { client, socket } = await withData.connect({ path: "/chat?x=1", headers });
      assertEquals(socket.data, { user: "ada at 127.0.0.1 ?x=1" });
      assertEquals(socket.address, "127.0.0.1");
      assertEquals(client.headers.get("sec-websocket-protocol"), "b");
      assertEquals(client.headers.getSetCookie(), ["one=1", "two=2"]);
      assertEquals(client.headers.get("sec-websocket-accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    });

    it("selects no subprotocol unless told to: an offer may be a secret", async () => {
      await start();
      const { client } = await server.connect({ headers: { "Sec-WebSocket-Protocol": "secret-token, b" } });
      assertEquals(client.headers.get("sec-websocket-protocol"), null);
    });

    it("refuses with the response that upgrade() returns", async () => {
      await start({ upgrade: () => new Response("no", { status: 401 }) });
      assertEquals((await server.handshake()).status, 401);
      assertEquals(server.opened.size, 0);
    });

    it("answers 500 and reports when upgrade() fails or selects what was not offered", async () => {
      for (
        const upgrade of [
          () => Promise.reject(new Error("broken")),
          () => ({ data: undefined, protocol: "x" }),
          () => ({ data: undefined, headers: { "Sec-WebSocket-Protocol": "x" } }),
        ]
      ) {
        await start({ upgrade });
        assertEquals((await server.handshake()).status, 500);
        assert(await server.errors.next() instanceof Error);
        assertEquals(server.app.sockets.size, 0);
        await server.stop();
      }
    });

    it("leaves nothing behind when the client goes away meanwhile", async () => {
      const gone = Promise.withResolvers<void>();
      const asked = Promise.withResolvers<void>();
      await start({
        upgrade: async () => {
          asked.resolve();
          await gone.promise;
          return { data: undefined };
        },
      });
      const client = RawSocket.start(server.port);
      await asked.promise;
      await client.destroy();
      gone.resolve();
      await server.app.close();
      assertEquals([server.app.sockets.size, server.app.lingering], [0, 0]);
    });
  });

  describe("close() of the server", () => {
    it("closes every socket with the code, answers 503, and resolves when the handlers were called", async () => {
      await start({ limits: { closeTimeout: 200 } });
      const { client: polite } = await server.connect();
      const { client: silent } = await server.connect();
      const done = server.app.close({ code: 1012, reason: "restart" });
      const refused = await server.handshake();
      assertEquals([refused.status, refused.headers.get("retry-after")], [503, "1"]);
      assertEquals(await polite.closeFrame(), { code: 1012, reason: "restart" });
      polite.sendClose(1012);
      assertEquals((await silent.closeFrame()).code, 1012);
      await done;
      assertEquals(server.closed.size, 2);
      assertEquals([(await server.closed.next()).code, (await server.closed.next()).code], [1012, 1012]);
      assertEquals(server.app.sockets.size, 0);
    });

    it("terminates at the deadline", async () => {
      await start({ limits: { queue: Infinity } });
      const { client, socket } = await server.connect();
      client.pause();
      stuff(socket);
      const started = performance.now();
      await server.app.close({ deadline: 50 });
      assertLess(performance.now() - started, 2_000);
      assertEquals(server.closed.size, 1);
    });
  });

  describe("pause()", () => {
    it("stops reading on Bun and says false on Deno", async () => {
      await start();
      const { client, socket } = await server.connect();
      assertEquals(socket.pause(), runtimeName === "bun");
      client.send(binary, new Uint8Array([1]));
      if (runtimeName === "bun") socket.resume();
      assertSame(await server.messages.next(), new Uint8Array([1]));
    });
  });
}

const echo: Partial<SocketServerOptions<undefined>> = { message: (socket, frame) => void socket.send(frame) };

/** `size` bytes that differ by place and seed. */
function pattern(size: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let i = 0; i < size; i++) bytes[i] = (i * 31 + seed) & 255;
  return bytes;
}

/** Compares by loop: `assertEquals` on a mebibyte takes seconds. */
function assertSame(actual: Uint8Array, expected: Uint8Array): void {
  assertEquals(actual.byteLength, expected.byteLength);
  for (let i = 0; i < actual.byteLength; i++) {
    if (actual[i] !== expected[i]) assertEquals(`byte ${i}: ${actual[i]}`, `byte ${i}: ${expected[i]}`);
  }
}

/** Sends frames of 64 KiB until one is queued. */
function fill(socket: Socket): SendResult {
  const frame = new Uint8Array(65_536);
  let result = socket.send(frame, { shared: true });
  while (result === "sent") result = socket.send(frame, { shared: true });
  return result;
}

/** Sends 16 MiB, more than the kernel takes for a peer that does not read. */
function stuff(socket: Socket): void {
  const frame = new Uint8Array(65_536);
  for (let i = 0; i < 256; i++) socket.send(frame, { shared: true });
}

/** The payloads shorter than `below`, up to one of `until` bytes. */
async function framesOf(
  client: RawSocket,
  { until, below }: { until: number; below: number },
): Promise<Uint8Array[]> {
  const found: Uint8Array[] = [];
  while (found.at(-1)?.byteLength !== until) {
    const frame = await client.next();
    if (frame === undefined) break;
    if (frame.payload.byteLength < below) found.push(frame.payload);
  }
  return found;
}
