import { assert, assertEquals, assertGreater } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { z } from "zod";
import { bytes, millrace, procedure } from "../mod.ts";
import { AppServer, NOTHING_LEFT } from "./suites/app_server.ts";
import { failure } from "./suites/check.ts";
import { call, hello, payload } from "./suites/wire.ts";

describe("the gauges", () => {
  let server: AppServer<ReturnType<typeof make>>;

  function make() {
    return millrace({
      path: "/rpc",
      procedures: {
        hello: procedure(() => "hello"),
        never: procedure(() => new Promise<never>(() => {})),
        unread: procedure({ input: z.unknown() }, () => new Promise<never>(() => {})),
        endless: procedure.stream({}, async function* () {
          for (let n = 0;; n++) yield `${n}`.padStart(1_000, "x");
        }),
        hold: procedure.upload({ items: bytes() }, async (items) => {
          for await (const _ of items) await new Promise<never>(() => {});
        }),
      },
    });
  }

  beforeEach(async () => {
    server = await AppServer.start(make(), { path: "/rpc" });
  });

  afterEach(() => server.stop());

  /** Waits until they are what is expected, the bytes aside. */
  async function gauges(expected: Partial<typeof NOTHING_LEFT>): Promise<void> {
    const read = () => ({ ...server.app.stats(), heldBytes: 0 });
    await server.until(read, { ...NOTHING_LEFT, ...expected });
  }

  it("are 0 at the start", () => assertEquals(server.app.stats(), NOTHING_LEFT));

  it("count sockets from the handshake on", async () => {
    const wire = await server.wire();
    await gauges({ connections: 1 });
    const client = server.client();
    await client.ready();
    await gauges({ connections: 2 });
    await wire.cut();
    await gauges({ connections: 1 });
    await client.close();
    await gauges({});
    assertEquals(server.app.stats(), NOTHING_LEFT);
  });

  for (const how of ["cancelled", "cut", "closed"] as const) {
    it(`count calls and streams until they have ended, ${how}`, async () => {
      const client = server.client();
      const wire = await server.wire();
      wire.send(hello());
      const ends = Array.from({ length: 3 }, () => client.call.never());
      const streams = Array.from({ length: 2 }, () => client.call.endless());
      const errors = ends.map((call) => failure(call));
      for (const stream of streams) await stream.next();
      await gauges({ connections: 2, calls: 5, streams: 2 });
      if (how === "cancelled") {
        ends.forEach((call) => call.cancel());
        for (const stream of streams) await stream.return();
        // What does not listen to its signal counts until it has ended: it never does.
        await gauges({ connections: 2, calls: 3, streams: 0 });
        await client.close();
      } else if (how === "closed") {
        await client.close();
      } else {
        server.app.connections().close(4403);
        await wire.end();
      }
      await Promise.all(errors);
      await wire.cut();
      await gauges({});
      assertEquals(server.app.stats(), NOTHING_LEFT);
    });
  }

  it("count bytes that wait for a handler, within the window, and forget them at a cut", async () => {
    const client = server.client({ backoff: { base: 1e6 }, limits: { session: 0 } });
    const upload = failure(client.call.hold((async function* () {
      while (true) yield new Uint8Array(50_000);
    })()));
    const full = () => server.app.stats().heldBytes > 200_000;
    await server.until(full, true);
    const { heldBytes, streams, calls } = server.app.stats();
    assert(heldBytes <= 256 * 1024 + 50_000, `${heldBytes} bytes are held`);
    assertEquals([streams, calls], [1, 1]);
    server.app.connections().close(4500);
    await upload;
    await gauges({});
    assertEquals(server.app.stats(), NOTHING_LEFT);
  });

  it("count bytes that wait for a peer which does not read", async () => {
    const wire = await server.wire();
    wire.send(hello());
    await wire.next();
    wire.socket.pause();
    wire.send([16, 1, 1, "endless", null, payload()]);
    await gauges({ connections: 1, calls: 1, streams: 1 });
    for (let i = 0; i < 20; i++) await server.until(() => server.app.stats().streams, 1);
    assert(server.app.stats().heldBytes < 2 << 20);
    await wire.cut();
    await gauges({});
    assertEquals(server.app.stats(), NOTHING_LEFT);
  });

  it("count unfinished messages", async () => {
    const wire = await server.wire();
    wire.send(hello());
    await wire.next();
    wire.send([9, 1, 1, 90_000, new Uint8Array(10_000)]);
    await server.until(() => server.app.stats().heldBytes >= 10_000, true);
    await wire.cut();
    await server.until(() => server.app.stats(), NOTHING_LEFT);
  });

  it("are back at 0 after a storm of everything", async () => {
    for (let round = 0; round < 3; round++) {
      const clients = Array.from({ length: 10 }, () => server.client({ backoff: { base: 1e6 } }));
      const calls = clients.flatMap(({ call }, i) => {
        const streaming = call.endless();
        const calls = [
          call.hello(),
          call.never(),
          call.unread({ of: new Response(new Uint8Array(1e6)).body }),
        ];
        if (i % 3 === 0) calls[1]!.cancel();
        if (i % 3 === 1) void streaming.return();
        else void streaming.next().catch(() => {});
        return calls.map((call) => call.result());
      });
      await Promise.all(clients.map((client) => client.call.hello()));
      assertGreater(server.app.stats().calls, 9);
      if (round === 1) server.app.connections().close(4403);
      else await Promise.all(clients.map((client) => client.close()));
      await Promise.all(calls);
      await gauges({});
      assertEquals(server.app.stats(), NOTHING_LEFT);
    }
  });

  it("do not count what a call by POST has left behind", async () => {
    const wire = await server.wire();
    wire.send(hello(), call(1, "hello"));
    await wire.nextOf(17);
    const response = await server.post("hello");
    assertEquals(await response.json(), "hello");
    await gauges({ connections: 1 });
  });
});
