import { assertEquals, assertThrows } from "@std/assert";
import { afterEach, describe, it } from "@std/testing/bdd";
import { Hono } from "hono";
import { basicAuth } from "hono/basic-auth";
import { cors } from "hono/cors";
import { etag } from "hono/etag";
import { logger } from "hono/logger";
import { poweredBy } from "hono/powered-by";
import { requestId } from "hono/request-id";
import { secureHeaders } from "hono/secure-headers";
import { timing } from "hono/timing";
import { z } from "zod";
import { millrace, procedure } from "../mod.ts";
import { hono } from "../rpc/hono.ts";
import { AppServer } from "./suites/app_server.ts";
import { same } from "./suites/check.ts";
import { hello } from "./suites/wire.ts";

describe("hono()", () => {
  let server: AppServer<ReturnType<typeof make>>;

  function make() {
    return millrace({
      path: "/elsewhere",
      authenticate: ({ token }) => (token === undefined ? {} : { subject: token }),
      procedures: {
        add: procedure({ input: z.object({ a: z.number(), b: z.number() }) }, ({ a, b }) => a + b),
        who: procedure((_, { connection }) => [connection.subject ?? null, connection.address]),
        countdown: procedure.stream({ input: z.number() }, async function* (from) {
          while (from > 0) yield from--;
        }),
        groups: { are: { "größer": procedure(() => "grown") } },
      },
    });
  }

  /** Serves a Hono app with the routes, behind whatever `before` adds. */
  async function start(before: (web: Hono) => void = () => {}) {
    const app = make();
    const web = new Hono();
    before(web);
    web.get("/", (c) => c.text("home"));
    web.get("/rpc", hono(app)).post("/rpc/:name", hono(app));
    web.notFound((c) => c.text("nothing here", 404));
    server = await AppServer.start(app, {
      path: "/rpc",
      web: { fetch: web.fetch, websocket: app.websocket },
    });
    return server;
  }

  afterEach(() => server.stop());

  async function text(response: Promise<Response>): Promise<[number, string]> {
    const { status, ...rest } = await response.then(async (got) => ({
      status: got.status,
      text: await got.text(),
    }));
    return [status, rest.text];
  }

  it("serves calls and streams on the route's path, beside other routes", async () => {
    await start();
    const client = server.client({ token: "ada" });
    assertEquals(await client.call.add({ a: 1, b: 2 }), 3);
    same(await client.call.who(), ["ada", "127.0.0.1"]);
    const got: number[] = [];
    for await (const n of client.call.countdown(3)) got.push(n);
    assertEquals(got, [3, 2, 1]);
    const base = server.url.slice(0, -"/rpc".length);
    assertEquals(await text(fetch(`${base}/`)), [200, "home"]);
    assertEquals(await text(fetch(`${base}/elsewhere`)), [404, "nothing here"]);
    assertEquals((await text(fetch(`${base}/rpc`)))[0], 426);
  });

  it("serves calls by POST on the route with the name", async () => {
    await start();
    const add = await server.post("add", '{"a":1,"b":2}');
    assertEquals([add.status, await add.json()], [200, 3]);
    const who = await server.post("who", undefined, { authorization: "Bearer ada" });
    assertEquals(await who.json(), ["ada", "127.0.0.1"]);
    assertEquals((await text(server.post("missing")))[0], 404);
    assertEquals(await text(server.post("groups.are.größer")), [200, '"grown"']);
    assertEquals((await text(server.post("countdown", "3")))[0], 400);
  });

  it("takes Bun's server as Hono's adapters hand it on too", async () => {
    const app = make();
    const web = new Hono().get("/rpc", hono(app));
    const fetch = (request: Request, info: unknown) =>
      web.fetch(request, "Bun" in globalThis ? { server: info } : info);
    server = await AppServer.start(app, { path: "/rpc", web: { fetch, websocket: app.websocket } });
    assertEquals(await server.client().call.add({ a: 1, b: 2 }), 3);
  });

  it("mounts nothing else", async () => {
    await start();
    assertThrows(() => hono({ websocket: {} }), TypeError, "Cannot mount the app");
  });

  describe("behind middleware", () => {
    const lines: string[] = [];
    const cases: Record<string, (web: Hono) => void> = {
      "logger": (web) => web.use(logger((line) => void lines.push(line))),
      "cors": (web) => web.use(cors()),
      "secureHeaders": (web) => web.use(secureHeaders()),
      "poweredBy": (web) => web.use(poweredBy()),
      "requestId": (web) => web.use(requestId()),
      "timing": (web) => web.use(timing()),
      "etag": (web) => web.use(etag()),
      "one that sets a header before": (web) =>
        web.use(async (c, next) => {
          c.header("x-mill", "before");
          await next();
        }),
      "one that sets a header after": (web) =>
        web.use(async (c, next) => {
          await next();
          c.header("x-mill", "after");
        }),
      "one that sets a header on the response": (web) =>
        web.use(async (c, next) => {
          await next();
          c.res.headers.set("x-mill", "on it");
        }),
      "all of them": (web) =>
        web.use(logger(() => {}), cors(), secureHeaders(), poweredBy(), requestId(), timing()),
    };
    for (const [name, before] of Object.entries(cases)) {
      it(name, async () => {
        await start(before);
        const wire = await server.wire();
        assertEquals([wire.status, wire.socket.headers.get("sec-websocket-protocol")], [101, "millrace.1"]);
        wire.send(hello());
        assertEquals((await wire.next())?.[0], 1);
        assertEquals(await server.client().call.add({ a: 1, b: 2 }), 3);
        const post = await server.post("add", '{"a":1,"b":2}');
        assertEquals([post.status, await post.json()], [200, 3]);
        assertEquals((await text(server.post("missing")))[0], 404);
      });
    }

    it("that refuses, nobody connects", async () => {
      await start((web) => void web.use(basicAuth({ username: "ada", password: "mill" })));
      const refused = await server.wire();
      assertEquals(refused.status, 401);
      const wire = await server.wire({ headers: { Authorization: `Basic ${btoa("ada:mill")}` } });
      assertEquals(wire.status, 101);
    });

    it("logs the handshake", async () => {
      lines.length = 0;
      await start((web) => void web.use(logger((line) => void lines.push(line))));
      await server.client().ready();
      assertEquals(lines[0], "<-- GET /rpc");
    });
  });

  it("keeps the app's own checks: origin, subprotocol, method", async () => {
    await start();
    assertEquals((await server.wire({ headers: { Origin: "https://evil.example" } })).status, 403);
    assertEquals((await server.wire({ protocols: ["chat"] })).status, 400);
    assertEquals((await text(server.post("add", "{}", { origin: "https://evil.example" })))[0], 403);
  });

  it("answers 503 when the app is shut down", async () => {
    await start();
    await server.app.shutdown();
    assertEquals([(await server.wire()).status, (await text(server.post("add")))[0]], [503, 503]);
  });
});
