import { assert, assertEquals, assertThrows } from "@std/assert";
import { afterEach, describe, it } from "@std/testing/bdd";
import { type AppOptions, CallError, millrace, procedure } from "../mod.ts";
import { AppServer, NOTHING_LEFT } from "./suites/app_server.ts";
import { hello } from "./suites/wire.ts";

const procedures = { hello: procedure(() => "hello") };

describe("who may connect", () => {
  let server: AppServer<ReturnType<typeof make>>;

  function make(options: Partial<Omit<AppOptions<object, typeof procedures>, "channels">>) {
    return millrace({
      procedures,
      clientAddress: ({ headers, address }) => headers.get("x-address") ?? address,
      ...options,
    });
  }

  async function start(options: Partial<AppOptions<object, typeof procedures>>) {
    return server = await AppServer.start(make(options));
  }

  afterEach(() => server.stop());

  /** The status of a handshake. */
  async function handshake(headers: Record<string, string> = {}): Promise<number> {
    return (await server.wire({ headers })).status;
  }

  /** The status of a call by POST. */
  async function post(headers: Record<string, string> = {}): Promise<number> {
    const response = await server.post("hello", undefined, headers);
    await response.body?.cancel();
    return response.status;
  }

  describe("by rate", () => {
    const at = (address: string) => ({ "x-address": address });

    it("an address has 20 times its rate at once, then 429 with retry-after", async () => {
      await start({ limits: { connectionRate: 1 } });
      for (let i = 0; i < 20; i++) assertEquals(await handshake(at("192.0.2.1")), 101);
      const refused = await server.wire({ headers: at("192.0.2.1") });
      assertEquals([refused.status, refused.socket.headers.get("retry-after")], [429, "1"]);
      assertEquals(await post(at("192.0.2.1")), 429);
      assertEquals([await handshake(at("192.0.2.2")), await post(at("192.0.2.2"))], [101, 200]);
    });

    it("an IPv6 network of 2^64 addresses is one address", async () => {
      await start({ limits: { connectionRate: 1 } });
      for (let i = 0; i < 20; i++) assertEquals(await post(at(`2001:db8::${i}`)), 200);
      assertEquals([await post(at("2001:db8::ffff")), await post(at("2001:db8:1::1"))], [429, 200]);
    });

    it("failed authentications count more", async () => {
      await start({
        limits: { failureRate: 1 },
        authenticate: ({ token }) => {
          if (token !== "good") throw new CallError("UNAUTHENTICATED");
          return {};
        },
      });
      for (let i = 0; i < 10; i++) {
        assertEquals(await post({ ...at("192.0.2.1"), authorization: "Bearer bad" }), 401);
      }
      for (let i = 0; i < 10; i++) {
        const wire = await server.wire({ headers: at("192.0.2.1") });
        wire.send(hello({ token: "bad" }));
        assertEquals((await wire.end()).code, 4401);
      }
      const good = { authorization: "Bearer good" };
      assertEquals(await post({ ...at("192.0.2.1"), ...good }), 429);
      assertEquals(await handshake(at("192.0.2.1")), 429);
      assertEquals(await post({ ...at("192.0.2.2"), ...good }), 200);
    });

    it("loopback is not counted, since a proxy comes from there", async () => {
      await start({ limits: { connectionRate: 1 } });
      for (const address of ["127.0.0.1", "::1", "127.8.9.1"]) {
        for (let i = 0; i < 25; i++) assertEquals(await post(at(address)), 200, address);
      }
    });
  });

  describe("by Origin and Host", () => {
    it("a page of the same origin may, another may not, and no page at all may", async () => {
      await start({});
      const same = `http://127.0.0.1:${server.port}`;
      assertEquals([await handshake({ Origin: same }), await handshake()], [101, 101]);
      const others = [
        "https://evil.example",
        "null",
        `http://127.0.0.1:${server.port}.evil.example`,
        `http://127.0.0.1:${server.port + 1}`,
        `ftp://127.0.0.1:${server.port}`,
        "",
      ];
      for (const origin of others) {
        assertEquals([await handshake({ Origin: origin }), origin], [403, origin]);
        assertEquals(await post({ origin }), 403, origin);
      }
    });

    it("the list of the app decides", async () => {
      await start({ origins: ["https://app.example", "https://*.example.org"] });
      const allowed = ["https://app.example", "https://a.example.org", "https://a.b.example.org"];
      for (const origin of allowed) assertEquals(await handshake({ Origin: origin }), 101, origin);
      const refused = [
        "http://app.example",
        "https://example.org",
        "https://evilexample.org",
        "https://app.example.evil",
      ];
      for (const origin of refused) assertEquals(await handshake({ Origin: origin }), 403, origin);
    });

    it("a server for cookies asks for an Origin", async () => {
      await start({ requireOrigin: true });
      assertEquals([await handshake(), await post()], [403, 403]);
    });

    it("a Host that is not served gets 421", async () => {
      await start({ hosts: ["mill.example"] });
      assertEquals([await handshake(), await handshake({ Host: "mill.example" })], [421, 101]);
      assertEquals(await handshake({ Host: "mill.example:8443" }), 101);
    });

    it("a list that is wrongly written does not start", async () => {
      for (const origins of [["app.example"], ["https://app.example/"], ["*"], ["null"]]) {
        assertThrows(() => make({ origins }), TypeError, "Cannot allow origin");
      }
      assertThrows(() => make({ path: "rpc" }), TypeError, "Cannot serve path");
      assertThrows(() => make({ limits: { calls: 0 } }), RangeError);
      await start({});
    });
  });

  it("an app that cannot say who it is answers 500, and reports it", async () => {
    const errors: unknown[] = [];
    await start({
      onError: (error) => void errors.push(error),
      clientAddress: ({ headers }) => headers.get("x-address")!.trim(),
    });
    assertEquals([await handshake(), await post()], [500, 500]);
    assertEquals(errors.map((error) => error instanceof TypeError), [true, true]);
    assertEquals(await post({ "x-address": "192.0.2.1" }), 200);
  });

  it("a refused handshake leaves nothing behind", async () => {
    await start({ origins: ["https://app.example"] });
    for (let i = 0; i < 50; i++) assertEquals(await handshake({ Origin: "https://evil.example" }), 403);
    assertEquals(server.app.stats(), NOTHING_LEFT);
    assert(server.app.connections().size === 0);
  });
});
