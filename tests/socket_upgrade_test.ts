import { assertEquals, assertLess, assertStringIncludes } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { acceptUpgrade, checkUpgrade, snapshot, wantsUpgrade } from "../src/upgrade.ts";
import { type HandshakeOptions, opcodes, RawSocket } from "./suites/raw.ts";
import { runtimeName } from "./suites/serve.ts";
import { TestServer } from "./suites/socket_server.ts";

const good: Record<string, string> = {
  "upgrade": "websocket",
  "connection": "Upgrade",
  "sec-websocket-version": "13",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
};

function check(changes: Record<string, string | undefined>, method = "GET"): number | undefined {
  const headers = new Headers();
  for (const [name, value] of Object.entries({ ...good, ...changes })) {
    if (value !== undefined) headers.append(name, value);
  }
  return checkUpgrade({ method, headers })?.status;
}

describe("checkUpgrade()", () => {
  it("passes a handshake in any of its spellings", () => {
    assertEquals(check({}), undefined);
    assertEquals(check({ upgrade: "WebSocket" }), undefined);
    assertEquals(check({ upgrade: "h2c, websocket" }), undefined);
    assertEquals(check({ connection: "keep-alive, Upgrade" }), undefined);
    assertEquals(check({ "sec-websocket-protocol": "a,b ,\tc" }), undefined);
    assertEquals(check({ "content-length": "0" }), undefined);
  });

  it("refuses everything else with its status", () => {
    for (const method of ["POST", "PUT", "HEAD", "OPTIONS", "get"]) {
      assertEquals(check({}, method), 405, method);
    }
    assertEquals(check({ upgrade: undefined }), 426);
    assertEquals(check({ upgrade: "h2c" }), 426);
    for (const version of [undefined, "", "8", "12", "013", "13, 13", "14"]) {
      assertEquals(check({ "sec-websocket-version": version }), 426, `version ${version}`);
    }
    assertEquals(check({ connection: undefined }), 400);
    assertEquals(check({ connection: "close" }), 400);
    const key = good["sec-websocket-key"]!;
    for (
      const bad of [
        undefined,
        "",
        "AAAA",
        key.slice(1),
        `${key}=`,
        `${key}, ${key}`,
        key.replace("=", "A"),
        "é".repeat(24),
      ]
    ) {
      assertEquals(check({ "sec-websocket-key": bad }), 400, `key ${bad}`);
    }
    assertEquals(check({ "content-length": "5" }), 400);
    assertEquals(check({ "transfer-encoding": "chunked" }), 400);
    for (const offers of ["a b", "a,a", "\u00ff\u00fe"]) {
      assertEquals(check({ "sec-websocket-protocol": offers }), 400, offers);
    }
  });

  it("tells clients of another version which one is spoken", () => {
    const refusal = checkUpgrade({
      method: "GET",
      headers: new Headers({ ...good, "sec-websocket-version": "8" }),
    });
    assertEquals(refusal?.headers.get("sec-websocket-version"), "13");
    assertEquals(refusal?.headers.get("upgrade"), "websocket");
  });
});

describe("wantsUpgrade()", () => {
  it("is about the Upgrade header alone", () => {
    assertEquals(wantsUpgrade({ headers: new Headers({ upgrade: "WebSocket" }) }), true);
    assertEquals(wantsUpgrade({ headers: new Headers() }), false);
  });
});

describe("snapshot()", () => {
  it("is a copy", () => {
    const request = new Request("http://app.example/a?b", { headers: { "x-one": "1" } });
    const copy = snapshot(request);
    request.headers.set("x-one", "2");
    assertEquals([copy.url, copy.method, copy.headers.get("x-one"), copy.address], [
      "http://app.example/a?b",
      "GET",
      "1",
      "",
    ]);
  });
});

describe("acceptUpgrade()", () => {
  it("says what is missing when fetch was called without the runtime's second argument", () => {
    const request = new Request("http://app.example/", { headers: good });
    const events = { opened() {}, received() {}, drained() {}, closed() {} };
    const accept = () =>
      acceptUpgrade(request, { info: undefined, snapshot: snapshot(request), idle: 0, events });
    if (runtimeName === "deno") {
      assertEquals(accept().status, 101); // Deno needs nothing but the request
      return;
    }
    let message = "";
    try {
      accept();
    } catch (error) {
      message = (error as Error).message;
    }
    assertStringIncludes(message, "pass Bun's server to fetch as its second argument");
  });
});

describe("the address", () => {
  it("comes from the second argument of fetch, also inside an environment of Hono", () => {
    const request = new Request("http://app.example/");
    const addressOf = (info: unknown) => snapshot(request, info).address;
    const bunServer = { upgrade: () => true, requestIP: () => ({ address: "::ffff:192.0.2.7" }) };
    const infos = runtimeName === "bun"
      ? [bunServer, { server: bunServer }]
      : [{ remoteAddr: { transport: "tcp", hostname: "192.0.2.7", port: 1 } }];
    for (const info of infos) assertEquals(addressOf(info), "192.0.2.7");
    const unix = {
      remoteAddr: { transport: "unix", path: "/tmp/x" },
      upgrade: () => true,
      requestIP: () => null,
    };
    for (const info of [unix, undefined, null, 1, {}, { server: {} }]) assertEquals(addressOf(info), "");
  });
});

describe("a handshake over TCP", () => {
  let server: TestServer;
  beforeEach(async () => {
    server = await TestServer.start({ path: "/chat", hosts: ["127.0.0.1", "localhost"] });
  });
  afterEach(() => server.stop());

  async function status(options: HandshakeOptions): Promise<number> {
    return (await server.handshake({ path: "/chat", ...options })).status;
  }

  it("is answered by the status of what is wrong with it", async () => {
    const key = good["sec-websocket-key"]!;
    const rows: [string, HandshakeOptions, readonly number[]][] = [
      ["A7 no Upgrade", { headers: { Upgrade: undefined } }, [426]],
      ["A7 plain GET", { headers: { Upgrade: undefined, Connection: "close" } }, [426]],
      ["A8 version 8", { headers: { "Sec-WebSocket-Version": "8" } }, [426]],
      ["A8 no version", { headers: { "Sec-WebSocket-Version": undefined } }, [426]],
      ["A9 no key", { headers: { "Sec-WebSocket-Key": undefined } }, [400]],
      ["A9 short key", { headers: { "Sec-WebSocket-Key": "AAAA" } }, [400]],
      ["A9 two keys", { headers: { "Sec-WebSocket-Key": [key, key] } }, [400, 426]],
      ["A10 POST", { method: "POST", headers: { "Content-Length": "0" } }, [400, 405]],
      ["A10 a body", { headers: { "Content-Length": "4" }, body: new Uint8Array(4) }, [400]],
      ["A6 bytes that are no token", { headers: { "Sec-WebSocket-Protocol": "\u00ff\u00fe" } }, [400]],
      ["A16 extension out of range", {
        headers: { "Sec-WebSocket-Extensions": "permessage-deflate; server_max_window_bits=999" },
      }, [101]],
      ["another path", { path: "/" }, [404]],
      ["another path that ends alike", { path: "/x/chat" }, [404]],
      ["E1 a page of another origin", { headers: { Origin: "https://evil.example" } }, [403]],
      ["E2 the origin null", { headers: { Origin: "null" } }, [403]],
      ["E4 another host", { headers: { Host: "attacker.test" } }, [421]],
      ["its own origin", { headers: { Origin: `http://127.0.0.1:${server.port}` } }, [101]],
    ];
    for (const [name, options, expected] of rows) {
      const got = await status(options);
      assertEquals(expected.includes(got), true, `${name}: ${got}`);
      if (got === 101) await server.opened.next();
    }
  });

  it("in HTTP/1.0 or with two hosts is never upgraded on another host's behalf", async () => {
    const old = await status({ http: "HTTP/1.0" });
    if (old === 101) await server.opened.next();
    assertEquals([101, 400, 405, 426, 505, 0].includes(old), true, `HTTP/1.0: ${old}`);
    const two = await status({ headers: { Host: ["127.0.0.1", "attacker.test"] } });
    assertEquals([400, 421].includes(two), true, `two hosts: ${two}`);
  });

  it("is routed by its path alone, whatever host an absolute target names (A12)", async () => {
    const got = await status({ path: "http://attacker.test/chat", headers: { Host: "attacker.test" } });
    assertEquals([400, 404, 421].includes(got), true, `${got}`);
  });

  it("takes time in proportion to its headers (A1, A2, A3)", async () => {
    const long = 12_000;
    for (
      const headers of [
        { "Sec-WebSocket-Protocol": "b" + " ".repeat(long) + "x" },
        { "Sec-WebSocket-Extensions": 'a;b="' + "\\c".repeat(long / 2) + '"' },
        { "Connection": "Upgrade," + " ".repeat(long) + "x" },
        { "Upgrade": "websocket," + " ".repeat(long) + "x" },
      ]
    ) {
      const started = performance.now();
      const got = await status({ headers });
      assertLess(performance.now() - started, 1_000);
      if (got === 101) await server.opened.next();
    }
  });

  it("with a URL or headers beyond measure is refused, and the next one is served (A4, A5, A15)", async () => {
    const many = Object.fromEntries(Array.from({ length: 2_000 }, (_, i) => [`X-${i}`, "x"]));
    for (
      const options of [{ path: `/chat?${"x".repeat(1 << 20)}` }, {
        headers: { "X-Big": "x".repeat(1 << 20) },
      }, { headers: many }]
    ) {
      const got = await status(options);
      assertEquals(got !== 101 && got < 500, true, `${got}`);
    }
    assertEquals(await status({}), 101);
    await server.opened.next();
  });

  it("followed by a second request in the same packet does not route that (A11)", async () => {
    const smuggled = new TextEncoder().encode("GET /admin HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    const client = await server.handshake({ path: "/chat", body: smuggled });
    if (client.status === 101) {
      await server.opened.next();
      assertEquals((await client.next())?.opcode ?? opcodes.close, opcodes.close);
    }
  });

  it("that fails a thousand times leaves nothing behind (A17)", async () => {
    for (let i = 0; i < 1_000; i += 20) {
      const some = Array.from(
        { length: 20 },
        () => RawSocket.open(server.port, { path: "/chat", headers: { Origin: "null" } }),
      );
      for (const client of await Promise.all(some)) {
        assertEquals(client.status, 403);
        await client.destroy();
      }
    }
    assertEquals([server.app.sockets.size, server.app.lingering, server.opened.size], [0, 0, 0]);
  });
});
