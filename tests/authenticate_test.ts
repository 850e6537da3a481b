import { assert, assertEquals, assertInstanceOf, assertStringIncludes, assertThrows } from "@std/assert";
import { afterEach, describe, it } from "@std/testing/bdd";
import { z } from "zod";
import { type AuthenticateInput, CallError, define, type Identity, type Limits } from "../mod.ts";
import { AppServer } from "./suites/app_server.ts";
import { failure, told } from "./suites/check.ts";
import { Mailbox } from "./suites/mailbox.ts";
import { call, hello, payload } from "./suites/wire.ts";

type Answer = Identity & { readonly role: string };
type Ask = (given: AuthenticateInput) => Answer | Promise<Answer>;

const { procedure, millrace } = define<{ role: string }>();

const WELCOME = 1;
const NAME = 8;
const RESULT = 17;
const ERROR = 18;

describe("authenticate", () => {
  const errors = new Mailbox<unknown>();
  const ran: number[] = [];
  let server: AppServer<ReturnType<typeof make>>;

  function make(authenticate: Ask, limits: Partial<Limits> = {}) {
    return millrace({
      authenticate,
      limits,
      onError: (error) => errors.push(error),
      procedures: {
        role: procedure((_, { role, connection }) => [role, connection.subject]),
        run: procedure({ input: z.number() }, (n) => void ran.push(n)),
        never: procedure(() => new Promise<never>(() => {})),
        secret: procedure({ allow: ({ role }) => role === "admin" }, () => "secret"),
        slowly: procedure(
          { allow: async ({ role }) => await Promise.resolve(role === "admin") },
          () => "secret",
        ),
      },
    });
  }

  async function start(authenticate: Ask, limits?: Partial<Limits>) {
    ran.length = 0;
    return server = await AppServer.start(make(authenticate, limits));
  }

  afterEach(async () => {
    await server.stop();
    assertEquals(errors.size, 0, "no error is left unlooked at");
  });

  describe("the token", () => {
    const named: Ask = ({ token }) => ({ role: token ?? "nobody" });

    it("arrives from the first message and from the subprotocol", async () => {
      await start(named);
      assertEquals((await server.client({ token: "ada" }).call.role())[0], "ada");
      assertEquals(
        (await server.client({ token: "a.b-c_d", tokenIn: "subprotocol" }).call.role())[0],
        "a.b-c_d",
      );
      assertEquals((await server.client().call.role())[0], "nobody");
    });

    it("of the first message counts where both are given", async () => {
      await start(named);
      const wire = await server.wire({ protocols: ["auth.first", "millrace.1"] });
      wire.send(hello({ token: "second" }), call(1, "role"));
      assertEquals((await wire.nextOf(RESULT))[3], ["second", null]);
    });

    it("is never echoed in the answer of the handshake", async () => {
      await start(named);
      for (const protocols of [["auth.secret", "millrace.1"], ["millrace.1", "auth.secret"]]) {
        const wire = await server.wire({ protocols });
        assertEquals(wire.status, 101);
        assertEquals(wire.socket.headers.get("sec-websocket-protocol"), "millrace.1");
        for (const [, value] of wire.socket.headers) assert(!value.includes("secret"), value);
        wire.send(hello(), call(1, "role"));
        assertEquals((await wire.nextOf(RESULT))[3], ["secret", null]);
      }
    });

    it("alone is no subprotocol: the handshake is refused", async () => {
      await start(named);
      assertEquals((await server.wire({ protocols: ["auth.secret"] })).status, 400);
      assertEquals((await server.wire({ protocols: ["millrace.2"] })).status, 400);
      assertEquals((await server.wire({ protocols: [] })).status, 101);
    });

    it("that is no text closes with 4400", async () => {
      await start(named);
      const wire = await server.wire();
      wire.send(hello({ token: 1 }));
      assertEquals((await wire.end()).code, 4400);
    });

    it("comes with a copy of the request", async () => {
      const seen = new Mailbox<AuthenticateInput["request"]>();
      await start(({ request }) => {
        seen.push(request);
        return { role: "" };
      });
      const wire = await server.wire({ path: "/?x=1", headers: { "X-Color": "blue" } });
      wire.send(hello());
      const request = await seen.next();
      assertEquals([request.method, new URL(request.url).search], ["GET", "?x=1"]);
      assertEquals([request.headers.get("x-color"), request.address], ["blue", "127.0.0.1"]);
    });
  });

  describe("a refusal", () => {
    const ways: Record<string, { error: unknown; code: number; reported: boolean }> = {
      "a CallError": {
        error: new CallError("UNAUTHENTICATED", "the key is 42"),
        code: 4401,
        reported: false,
      },
      "FORBIDDEN": { error: new CallError("FORBIDDEN", "the key is 42"), code: 4403, reported: false },
      "another CallError": { error: new CallError("INTERNAL", "the key is 42"), code: 4401, reported: false },
      "an Error": { error: new Error("the key is 42"), code: 4401, reported: true },
      "anything": { error: undefined, code: 4401, reported: true },
    };
    for (const [name, { error, code, reported }] of Object.entries(ways)) {
      for (const later of [false, true]) {
        it(`by ${name}${later ? ", later," : ""} closes with ${code} and tells nothing`, async () => {
          await start(async () => {
            if (later) await Promise.resolve();
            throw error;
          });
          const wire = await server.wire();
          wire.send(hello(), call(1, "run", 1));
          const end = await wire.end();
          assertEquals([end.code, wire.frames.length], [code, 0]);
          assert(!end.reason.includes("42"), end.reason);
          assertEquals(ran, []);
          if (reported) assertEquals(await errors.next(), error);
        });
      }
    }

    it("ends calls behind HELLO as not run, and is final", async () => {
      await start(() => {
        throw new CallError("UNAUTHENTICATED");
      });
      const client = server.client({ token: "bad" });
      assertEquals(told(await failure(client.call.run(1))), { code: "UNAUTHENTICATED" });
      assertEquals([client.state.status, ran], ["closed", []]);
    });

    it("asks a token function once more, and no third time", async () => {
      const tokens: (string | undefined)[] = [];
      await start(({ token }) => {
        tokens.push(token);
        throw new CallError("UNAUTHENTICATED");
      });
      let asked = 0;
      const client = server.client({ token: () => `token ${++asked}` });
      assertEquals((await failure(client.ready())).code, "UNAUTHENTICATED");
      assertEquals(tokens, ["token 1", "token 2"]);
    });

    it("of the first token is got over with the second", async () => {
      await start(({ token }) => {
        if (token === "1") throw new CallError("UNAUTHENTICATED");
        return { role: token ?? "" };
      });
      let asked = 0;
      const client = server.client({ token: () => `${++asked}` });
      await client.ready();
      assertEquals((await client.call.role())[0], "2");
    });
  });

  describe("calls right behind HELLO", () => {
    it("wait for a slow answer and then run in order", async () => {
      const gate = Promise.withResolvers<Answer>();
      const asked = Promise.withResolvers<void>();
      await start(() => {
        asked.resolve();
        return gate.promise;
      });
      const wire = await server.wire();
      wire.send(hello(), call(1, "run", 1), call(2, "run", 2));
      await asked.promise;
      wire.send(call(3, "run", 3));
      wire.send([64, "optional"], call(4, "role"));
      assertEquals(ran, []);
      gate.resolve({ role: "late", subject: "7" });
      assertEquals((await wire.next())?.[0], WELCOME);
      for (const id of [1, 2, 3]) assertEquals((await wire.nextOf(RESULT)).slice(0, 3), [RESULT, id, id]);
      assertEquals((await wire.nextOf(RESULT))[3], ["late", "7"]);
      assertEquals(ran, [1, 2, 3]);
    });

    it("may be 64 KiB together, and no more", async () => {
      for (const [bytes, code] of [[60_000, 0], [66_000, 1009]] as const) {
        const gate = Promise.withResolvers<Answer>();
        await start(() => gate.promise);
        const wire = await server.wire();
        wire.send(hello());
        for (let id = 1; id <= 4; id++) {
          wire.send(call(id, "run", 1), [64, new Uint8Array(bytes / 4 - 100)]);
        }
        if (code === 0) {
          wire.send(call(5, "role"));
          gate.resolve({ role: "" });
          assertEquals((await wire.nextOf(RESULT))[2], 1);
        } else {
          assertEquals((await wire.end()).code, code);
          assertEquals(ran, []);
          gate.resolve({ role: "" });
        }
        await server.stop();
      }
    });

    it("over 64 KiB in the frame of HELLO close with 1009", async () => {
      await start(() => ({ role: "" }));
      const wire = await server.wire();
      wire.send(hello(), [64, new Uint8Array(65_536)]);
      assertEquals((await wire.end()).code, 1009);
    });

    it("do not run when the client has gone meanwhile", async () => {
      const gate = Promise.withResolvers<Answer>();
      const asked = Promise.withResolvers<void>();
      await start(() => {
        asked.resolve();
        return gate.promise;
      });
      const wire = await server.wire();
      wire.send(hello(), call(1, "run", 1));
      await asked.promise;
      await wire.cut();
      await server.until(() => server.app.stats().connections, 0);
      gate.resolve({ role: "" });
      await server.stop();
      assertEquals(ran, []);
    });
  });

  describe("the greeting", () => {
    it("must come in time: 4508", async () => {
      await start(() => ({ role: "" }), { hello: 20 });
      assertEquals(await (await server.wire()).end(), { code: 4508, reason: "no hello in time" });
    });

    it("must be answered in time: 4508", async () => {
      await start(() => new Promise<Answer>(() => {}), { hello: 20 });
      const wire = await server.wire();
      wire.send(hello(), call(1, "run", 1));
      assertEquals([(await wire.end()).code, ran], [4508, []]);
    });

    it("is of version 1, comes once, and first", async () => {
      await start(() => ({ role: "" }));
      const old = await server.wire();
      old.send([0, 2, null, 0, payload({})]);
      assertEquals((await old.end()).code, 4406);
      const twice = await server.wire();
      twice.send(hello(), hello());
      assertEquals((await twice.end()).code, 4400);
      const late = await server.wire();
      late.send(call(1, "run", 1));
      assertEquals([(await late.end()).code, ran], [4400, []]);
    });
  });

  describe("allow", () => {
    it("answers missing and forbidden in the same bytes", async () => {
      await start(({ token }) => ({ role: token ?? "" }));
      const answers: string[] = [];
      for (const method of ["missing", "secret", "slowly", "__proto__", "constructor", "toString"]) {
        const wire = await server.wire();
        wire.send(hello());
        await wire.nextOf(WELCOME);
        wire.send(call(1, method));
        await wire.nextOf(ERROR);
        answers.push(wire.frames.at(-1)!.join());
      }
      assertEquals(answers, answers.map(() => answers[0]!));
    });

    it("keeps the number of a procedure from those who may not know it, and lets the others in", async () => {
      await start(({ token }) => ({ role: token ?? "" }));
      const wire = await server.wire();
      wire.send(hello({ token: "admin" }), call(1, "secret"), call(2, "slowly"), call(3, "role"));
      assertEquals((await wire.nextOf(RESULT))[3], "secret");
      assertEquals((await wire.nextOf(NAME))[2], "role");
    });
  });

  describe("names that handlers know already", () => {
    for (const name of ["signal", "client", "connection", "errors", "procedure", "timeLeft"]) {
      it(`as a member of the context are a fault of the server: ${name}`, async () => {
        await start(() => ({ role: "", [name]: 1 }) as Answer);
        const wire = await server.wire();
        wire.send(hello(), call(1, "run", 1));
        assertEquals([(await wire.end()).code, ran], [1011, []]);
        const error = await errors.next();
        assertInstanceOf(error, TypeError);
        assertStringIncludes((error as TypeError).message, `"${name}"`);
        const response = await server.post("run", "1");
        assertEquals([response.status, ran], [500, []]);
        await response.body?.cancel();
        assertInstanceOf(await errors.next(), TypeError);
      });
    }
  });

  describe("a subject that is no text, so that strangers would share their keys, is a fault of the server", () => {
    const wrong: [string, unknown][] = [
      ["an object", { name: "ada" }],
      ["null", null],
      ["a number", 7],
      ["a symbol", Symbol("ada")],
      ["a text that cannot be encoded", "\ud800"],
    ];
    for (const [what, subject] of wrong) {
      it(what, async () => {
        await start(() => ({ role: "", subject }) as Answer);
        const wire = await server.wire();
        wire.send(hello(), call(1, "run", 1));
        assertEquals([(await wire.end()).code, ran], [1011, []]);
        assertStringIncludes(`${await errors.next()}`, "Cannot use the subject");
        const response = await server.post("run", "1");
        assertEquals([response.status, ran], [500, []]);
        await response.body?.cancel();
        assertInstanceOf(await errors.next(), TypeError);
        assertThrows(
          () => server.app.caller({ role: "", subject } as Answer),
          TypeError,
          "Cannot use the subject",
        );
      });
    }
  });
});
