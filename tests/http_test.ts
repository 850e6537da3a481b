import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { z } from "zod";
import { CallError, CODES } from "../rpc/errors.ts";
import { bytes, type CallErrorCode, define, type Limits } from "../mod.ts";
import { decode, encode } from "../msgpack/mod.ts";
import { AppServer } from "./suites/app_server.ts";
import { Mailbox } from "./suites/mailbox.ts";
import { RawSocket } from "./suites/raw.ts";

const { procedure, millrace } = define<{ name: string }>();

const MSGPACK = { "content-type": "application/msgpack" };

describe("a call by POST", () => {
  const errors = new Mailbox<unknown>();
  const ran: unknown[] = [];
  let given: unknown;
  const entered = new Mailbox<true>();
  let gate = Promise.withResolvers<string>();
  let gauge = (): number => 0;
  let server: AppServer<ReturnType<typeof make>>;

  function make(limits: Partial<Limits> = {}) {
    return millrace({
      path: "/rpc",
      limits,
      authenticate: ({ token, request }) => {
        if (token === "bad") throw new CallError("UNAUTHENTICATED");
        if (token === "banned") throw new CallError("FORBIDDEN", "you are banned");
        if (token === "slow") return new Promise<never>(() => {});
        if (token === "broken") throw new Error("the database is down");
        return {
          name: token ?? `nobody from ${request.address}`,
          ...(token === undefined ? {} : { subject: token }),
        };
      },
      onError: (error) => errors.push(error),
      procedures: {
        add: procedure({ input: z.object({ a: z.number(), b: z.number() }) }, ({ a, b }) => a + b),
        echo: procedure({ input: z.unknown() }, (value) => {
          ran.push(value);
          return value;
        }),
        nothing: procedure(() => {}),
        gated: procedure(() => {
          entered.push(true);
          return gate.promise;
        }),
        who: procedure((_, { name, connection, procedure }) => [name, connection.subject ?? null, procedure]),
        rename: procedure({
          input: z.string(),
          errors: { TAKEN: z.object({ by: z.string() }), RAW: z.unknown() },
        }, (name, { errors }) => {
          throw name === "raw" ? errors.RAW(new Uint8Array([1, 2])) : errors.TAKEN({ by: name });
        }),
        fail: procedure({ input: z.string() }, (code) => {
          throw new CallError(code, "on purpose");
        }),
        crash: procedure(() => {
          throw new Error("the secret");
        }),
        slow: procedure((_, { signal }) =>
          new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)))
        ),
        secret: procedure({ allow: ({ name }) => name === "admin" }, () => "secret"),
        groups: { of: { names: procedure(() => "deep") }, "größer": procedure(() => "grown") },
        stream: procedure.stream({}, async function* () {
          yield 1;
        }),
        upload: procedure.upload({ items: z.number() }, () => 0),
        download: procedure({ output: bytes() }, () => new ReadableStream<Uint8Array>()),
        calls: procedure((): number => gauge()),
        given: procedure(() => given),
      },
    });
  }

  beforeEach(async () => {
    ran.length = 0;
    gauge = () => server.app.stats().calls;
    server = await AppServer.start(make(), { path: "/rpc" });
  });

  afterEach(async () => {
    await server.stop();
    assertEquals(errors.size, 0, "errors that nobody looked at");
    assertEquals(server.app.stats().calls, 0);
  });

  async function restart(limits: Partial<Limits>) {
    await server.stop();
    server = await AppServer.start(make(limits), { path: "/rpc" });
  }

  /** Status and decoded body of a call in JSON; a text that is none is given as it is. */
  async function json(
    name: string,
    body?: BodyInit,
    headers?: Record<string, string>,
  ): Promise<[number, unknown]> {
    const response = await server.post(name, body, headers);
    const text = await response.text();
    const isJson = response.headers.get("content-type") === "application/json";
    return [response.status, isJson ? JSON.parse(text) : text];
  }

  /** Status and decoded body of a call in MessagePack. */
  async function packed(name: string, input?: unknown, headers = {}): Promise<[number, unknown]> {
    const body = input === undefined ? undefined : encode(input) as Uint8Array<ArrayBuffer>;
    const response = await server.post(name, body, { ...MSGPACK, ...headers });
    const answer = new Uint8Array(await response.arrayBuffer());
    assertEquals(
      response.headers.get("content-type"),
      response.status === 204 ? null : MSGPACK["content-type"],
    );
    return [response.status, answer.length === 0 ? undefined : decode(answer)];
  }

  describe("answers", () => {
    it("in the type of the question, for the caller alone", async () => {
      const response = await server.post("add", '{"a":1,"b":2}', {
        "content-type": "Application/JSON; charset=utf-8",
      });
      assertEquals([response.status, await response.json()], [200, 3]);
      const { headers } = response;
      assertEquals(headers.get("content-type"), "application/json");
      assertEquals([headers.get("cache-control"), headers.get("x-content-type-options")], [
        "no-store",
        "nosniff",
      ]);
      assertEquals(await packed("add", { a: 1, b: 2 }), [200, 3]);
    });

    it("204 without a body where there is no value", async () => {
      assertEquals([await json("nothing"), await packed("nothing")], [[204, ""], [204, undefined]]);
      assertEquals(await packed("echo", null), [200, null]);
    });

    it("every value in MessagePack, and what JSON holds in JSON", async () => {
      for (const value of [0, -1.5, "水車", true, [1, [2]], { a: { b: null } }]) {
        assertEquals(await json("echo", JSON.stringify(value)), [200, value]);
        assertEquals(await packed("echo", value), [200, value]);
      }
      for (const value of [2n ** 60n, new Date(5), new Uint8Array([1, 2]), NaN, { b: new Uint8Array(1) }]) {
        assertEquals(await packed("echo", value), [200, value]);
      }
    });

    it("by names of groups, as they are and percent-encoded", async () => {
      assertEquals(await json("groups.of.names"), [200, "deep"]);
      assertEquals(await json("groups%2Eof%2Enames"), [200, "deep"]);
      assertEquals(await json("groups.größer"), [200, "grown"]);
      assertEquals((await json("groups.gr%ZZ"))[0], 404);
    });

    it("with who calls", async () => {
      assertEquals(await json("who"), [200, ["nobody from 127.0.0.1", null, "who"]]);
      assertEquals(await json("who", undefined, { authorization: "bearer  ada " }), [200, [
        "ada",
        "ada",
        "who",
      ]]);
      assertEquals((await json("who", undefined, { authorization: "Basic ada" }))[1], [
        "nobody from 127.0.0.1",
        null,
        "who",
      ]);
    });

    it("are counted while they run", async () => {
      assertEquals(await json("calls"), [200, 1]);
      assertEquals(server.app.stats().calls, 0);
    });
  });

  describe("errors become statuses", () => {
    const throwable = Object.entries(CODES).filter(([, { throwable }]) => throwable);
    for (const [code, { status, retryable, ambiguous }] of throwable) {
      it(`${code}: ${status}`, async () => {
        const told = { code, message: "on purpose", retryable, ambiguous };
        assertEquals(await json("fail", JSON.stringify(code)), [status, told]);
        assertEquals(await packed("fail", code), [status, told]);
      });
    }

    it("what callers are not told: 500, and reported", async () => {
      for (const code of ["DISCONNECTED", "CANCELLED", "WHATEVER"]) {
        assertEquals((await json("fail", JSON.stringify(code)))[0], 500);
        assertEquals((await errors.next() as CallError).code, code);
      }
      const [status, answer] = await json("crash");
      assertEquals([status, (answer as { code: string }).code], [500, "INTERNAL"]);
      assert(!JSON.stringify(answer).includes("secret"));
      assertEquals((await errors.next() as Error).message, "the secret");
    });

    it("declared ones: 422 with their data", async () => {
      const told = {
        code: "TAKEN",
        message: "TAKEN",
        retryable: false,
        ambiguous: false,
        data: { by: "ada" },
      };
      assertEquals([await json("rename", '"ada"'), await packed("rename", "ada")], [[422, told], [
        422,
        told,
      ]]);
    });

    it("declared ones with data that JSON cannot hold: without it", async () => {
      const told = { code: "RAW", message: "RAW", retryable: false, ambiguous: false };
      assertEquals(await json("rename", '"raw"'), [422, told]);
      assertEquals(await packed("rename", "raw"), [422, { ...told, data: new Uint8Array([1, 2]) }]);
    });

    it("a wrong input: 400 with issues", async () => {
      const [status, answer] = await json("add", '{"a":"1","b":2}');
      const { code, issues } = answer as { code: string; issues: { path: unknown[] }[] };
      assertEquals([status, code, issues.map(({ path }) => path)], [400, "BAD_INPUT", [["a"]]]);
    });

    it("missing and forbidden: the same 404, before the input is looked at", async () => {
      const missing = await json("missing", "{}");
      assertEquals([missing[0], await json("secret", "{}")], [404, missing]);
      assertEquals(await json("secret", "[["), await json("missing", "[["));
      assertEquals((await json("secret", undefined, { authorization: "Bearer admin" }))[1], "secret");
    });

    it("of another shape: 400", async () => {
      for (const name of ["stream", "upload", "download"]) {
        const [status, answer] = await json(name);
        assertEquals([name, status, (answer as { code: string }).code], [name, 400, "WRONG_SHAPE"]);
        assertEquals((await packed(name))[0], 400);
      }
      const [, told] = await packed("download");
      assertEquals((told as { message: string }).message, "The answer holds a stream: call over a socket");
      assertEquals(server.app.stats().streams, 0);
    });

    it("what JSON cannot hold: 400, rather than something else in silence", async () => {
      const values = { bigint: 2n ** 60n, bytes: new Uint8Array(2), deep: [{ n: Infinity }], number: NaN };
      for (const [name, value] of Object.entries(values)) {
        given = value;
        const [status, answer] = await json("given");
        assertEquals([name, status, (answer as { code: string }).code], [name, 400, "WRONG_SHAPE"]);
        assertEquals(await packed("given"), [200, value]);
      }
    });
  });

  describe("is authenticated by the same function", () => {
    it("refused: 401 or 403, and the body is not read", async () => {
      const bad = { authorization: "Bearer bad" };
      assertEquals((await json("echo", '"x"', bad))[0], 401);
      const [status, answer] = await json("echo", '"x"', { authorization: "Bearer banned" });
      assertEquals([status, (answer as { message: string }).message], [403, "you are banned"]);
      const socket = await RawSocket.open(server.port, {
        method: "POST",
        path: "/rpc/echo",
        headers: {
          "Upgrade": undefined,
          "Connection": "close",
          "Content-Type": "application/json",
          "Content-Length": "1000000",
          "Authorization": "Bearer bad",
        },
      });
      assertEquals([socket.status, ran], [401, []]);
      await socket.destroy();
    });

    it("that does not answer: 504, and it did not run", async () => {
      await restart({ hello: 30 });
      const [status, answer] = await json("echo", '"x"', { authorization: "Bearer slow" });
      const { code, ambiguous } = answer as Record<string, unknown>;
      assertEquals([status, code, ambiguous, ran], [504, "DEADLINE", false, []]);
    });

    it("an error of its own: 401, reported, and its text stays here", async () => {
      const [status, answer] = await json("echo", '"x"', { authorization: "Bearer broken" });
      assertEquals([status, JSON.stringify(answer).includes("database")], [401, false]);
      assertStringIncludes(`${await errors.next()}`, "the database is down");
    });
  });

  describe("is refused before it runs", () => {
    it("with another content type: 415", async () => {
      for (const type of ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""]) {
        assertEquals((await json("echo", '"x"', { "content-type": type }))[0], 415, type);
      }
      assertEquals(ran, []);
    });

    it("with a body that is no value: 400", async () => {
      for (
        const body of [
          "{",
          "nope",
          "\xff",
          '"\\ud800"',
          `${"[".repeat(40)}${"]".repeat(40)}`,
          '{"__proto__":1}',
        ]
      ) {
        const [status, answer] = await json("echo", new TextEncoder().encode(body));
        assertEquals([body, status, (answer as { code: string }).code], [body, 400, "BAD_MESSAGE"]);
      }
      for (
        const body of [[0xc1], [1, 2], [0xa2, 0xff, 0xfe], [0xd6, 1, 0, 0, 0, 1], [0xdd, 255, 255, 255, 255]]
      ) {
        const response = await server.post("echo", new Uint8Array(body), MSGPACK);
        assertEquals([body, response.status], [body, 400]);
        await response.body?.cancel();
      }
      assertEquals(ran, []);
    });

    it("with a body over the limit: 413, however it is sent", async () => {
      await restart({ message: 5_000 });
      assertEquals((await json("echo", `"${"x".repeat(4_900)}"`))[0], 200);
      const long = `"${"x".repeat(6_000)}"`;
      assertEquals((await json("echo", long))[0], 413);
      const pieces = new ReadableStream<Uint8Array>({
        pull(controller) {
          controller.enqueue(new TextEncoder().encode("x".repeat(1_000)));
        },
      });
      const init = {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: pieces,
        duplex: "half",
      };
      const response = await fetch(`${server.url}/echo`, init as RequestInit).catch(() => undefined);
      if (response !== undefined) assertEquals(response.status, 413);
      await response?.body?.cancel();
      assertEquals(ran.length, 1);
    });

    it("with a body that takes too long: 504, and it did not run", async () => {
      await restart({ hello: 30 });
      const body = new ReadableStream<Uint8Array>({
        start: (controller) => controller.enqueue(new TextEncoder().encode('"x')),
      });
      const init = { method: "POST", headers: { "content-type": "application/json" }, body, duplex: "half" };
      const response = await fetch(`${server.url}/echo`, init as RequestInit);
      const { code, ambiguous } = await response.json() as Record<string, unknown>;
      assertEquals([response.status, code, ambiguous, ran], [504, "DEADLINE", false, []]);
    });

    it("with a timeout that is none: 400", async () => {
      for (const timeout of ["soon", "-1", "1.5", "1e3", ""]) {
        assertEquals((await json("echo", '"x"', { "millrace-timeout": timeout }))[0], 400, timeout);
      }
    });

    it("on another path, or with another method: 404", async () => {
      for (
        const [method, path] of [["GET", "/rpc/echo"], ["PUT", "/rpc/echo"], ["POST", "/rpcecho"], [
          "POST",
          "/",
        ]]
      ) {
        const response = await fetch(new URL(path!, server.url), { method: method! });
        assertEquals([method, path, response.status], [method, path, 404]);
        await response.body?.cancel();
      }
      assertEquals((await json("")).at(0), 404);
    });
  });

  it("over the limit of the app: 429, and there is room again when others have ended", async () => {
    await restart({ posts: 2 });
    gate = Promise.withResolvers();
    const running = [json("gated"), json("gated")];
    await Promise.all([entered.next(), entered.next()]);
    const [status, answer] = await json("echo", '"x"');
    const { code, retryable } = answer as Record<string, unknown>;
    assertEquals([status, code, retryable, ran], [429, "RESOURCE_EXHAUSTED", true, []]);
    gate.resolve("done");
    assertEquals(await Promise.all(running), [[200, "done"], [200, "done"]]);
    assertEquals(await json("echo", '"x"'), [200, "x"]);
  });

  it("ends at its timeout: 504", async () => {
    const [status, answer] = await json("slow", undefined, { "millrace-timeout": "10" });
    const { code, ambiguous } = answer as Record<string, unknown>;
    assertEquals([status, code as CallErrorCode, ambiguous], [504, "DEADLINE", true]);
  });
});
