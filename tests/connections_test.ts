import { assert, assertEquals, assertThrows } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { type AppConnection, define, type ErrorPlace } from "../mod.ts";
import { AppServer, NOTHING_LEFT } from "./suites/app_server.ts";
import { failure, told } from "./suites/check.ts";
import { Mailbox } from "./suites/mailbox.ts";
import { call, hello } from "./suites/wire.ts";

interface End {
  readonly subject: string | undefined;
  readonly code: number;
  readonly reason: string;
}

const { procedure, millrace } = define<{ name: string }>();
type Connection = AppConnection<{ name: string }>;

describe("connections", () => {
  const connected = new Mailbox<Connection>();
  const disconnected = new Mailbox<End>();
  const errors = new Mailbox<{ error: unknown; place: ErrorPlace }>();
  let atConnect: (connection: Connection) => void | Promise<void>;
  let atDisconnect: () => void | Promise<void>;
  let atError: () => void;
  let server: AppServer<ReturnType<typeof make>>;
  const ran: string[] = [];

  function make() {
    return millrace({
      authenticate: ({ token }) => ({
        name: token ?? "nobody",
        ...(token === undefined ? {} : { subject: token.split(" ")[0]! }),
      }),
      onConnect: (connection) => {
        connected.push(connection);
        return atConnect(connection);
      },
      onDisconnect: ({ subject }, { code, reason }) => {
        disconnected.push({ subject, code, reason });
        return atDisconnect();
      },
      onError: (error, place) => {
        errors.push({ error, place });
        atError();
      },
      procedures: {
        hello: procedure((_, { name }) => void ran.push(name)),
        who: procedure((_, { connection }) => connection.id),
        never: procedure(() => new Promise<never>(() => {})),
        leave: procedure((_, { connection }) => connection.close(4500, "as you wish")),
        fail: procedure(() => {
          throw new Error("handler");
        }),
      },
    });
  }

  beforeEach(async () => {
    atConnect = atDisconnect = atError = () => {};
    ran.length = 0;
    server = await AppServer.start(make());
  });

  afterEach(async () => {
    await server.stop();
    assertEquals(errors.size, 0, "errors that nobody looked at");
    assertEquals(server.app.stats(), NOTHING_LEFT);
    assertEquals(server.app.connections().size, 0);
    for (const box of [connected, disconnected]) while (box.size > 0) await box.next();
  });

  it("are listed by subject, with what is known of each, at one moment", async () => {
    for (const token of ["ada phone", "ada desk", "bob"]) await server.client({ token }).ready();
    await server.client().ready();
    const { app } = server;
    const sizes = ["ada", "bob", "eve"].map((subject) => app.connections({ subject }).size);
    assertEquals([app.connections().size, app.connections({}).size, ...sizes], [4, 4, 2, 1, 0]);
    const ada = app.connections({ subject: "ada" });
    assertEquals([...ada].map(({ context }) => context.name).sort(), ["ada desk", "ada phone"]);
    assertEquals([...ada].map(({ subject, address }) => [subject, address]), [
      ["ada", "127.0.0.1"],
      ["ada", "127.0.0.1"],
    ]);
    assertEquals(new Set([...app.connections()].map(({ id }) => id)).size, 4);
    const client = server.client({ token: "bob two" });
    await client.ready();
    assertEquals([app.connections().size, ada.size], [5, 2]);
    assertEquals([...app.connections({ subject: "bob" })].at(-1)!.id, await client.call.who());
  });

  it("are not listed before they are authenticated", async () => {
    const silent = await server.wire();
    assertEquals([server.app.connections().size, connected.size], [0, 0]);
    silent.send(hello());
    await connected.next();
    assertEquals(server.app.connections().size, 1);
    await silent.cut();
    assertEquals((await disconnected.next()).code, 1006);
  });

  it("close by subject: final with a final code, with 4500 they come back", async () => {
    const [ada, bob] = [
      server.client({ token: "ada" }),
      server.client({ token: "bob", backoff: { base: 1 } }),
    ];
    await Promise.all([ada.ready(), bob.ready()]);
    const call = failure(ada.call.never());
    await ada.call.who();
    server.app.connections({ subject: "ada" }).close(4403, "banned");
    assertEquals(await disconnected.next(), { subject: "ada", code: 4403, reason: "banned" });
    assertEquals(told(await call), { code: "FORBIDDEN", ambiguous: true });
    assertEquals([ada.state.status, ada.state.reason], ["closed", { code: 4403, reason: "banned" }]);
    const lost = Promise.withResolvers<void>();
    bob.on("state", ({ status }) => status === "reconnecting" && lost.resolve());
    server.app.connections({ subject: "bob" }).close(4500);
    await lost.promise;
    assertEquals((await disconnected.next()).code, 4500);
    await bob.call.who();
    assertEquals([bob.state.status, server.app.connections().size], ["open", 1]);
    server.app.connections().close();
    assertEquals(await disconnected.next(), { subject: "bob", code: 1000, reason: "" });
  });

  it("refuse a code that may not be sent, and stay as they are", async () => {
    const client = server.client();
    await client.ready();
    for (const code of [0, 999, 1005, 1006, 2000, 5000, 1.5, NaN]) {
      assertThrows(() => server.app.connections().close(code), RangeError, "Cannot close with code");
    }
    await client.call.who();
    assertEquals([client.state.status, disconnected.size], ["open", 0]);
  });

  it("close from a handler, once, and what was answered before still leaves", async () => {
    const wire = await server.wire();
    wire.send(hello(), call(1, "who"), call(2, "leave"), call(3, "hello"));
    assertEquals(await wire.end(), { code: 4500, reason: "as you wish" });
    const kinds: unknown[] = [];
    for (let message = await wire.next(); message !== undefined; message = await wire.next()) {
      kinds.push(message[0]);
    }
    assertEquals(kinds.filter((kind) => kind !== 8), [1, 17]);
    assertEquals((await disconnected.next()).code, 4500);
    assertEquals([ran, disconnected.size], [[], 0]);
  });

  describe("onDisconnect tells who closed first, and why", () => {
    it("the client", async () => {
      const client = server.client();
      await client.ready();
      await client.close();
      assertEquals(await disconnected.next(), { subject: undefined, code: 1000, reason: "" });
    });

    it("the client, with a code and a reason of its own", async () => {
      const wire = await server.wire();
      wire.send(hello());
      await wire.next();
      wire.socket.sendClose(4321, "enough");
      assertEquals(await disconnected.next(), { subject: undefined, code: 4321, reason: "enough" });
    });

    it("the network", async () => {
      const wire = await server.wire();
      wire.send(hello());
      await wire.next();
      await wire.cut();
      assertEquals((await disconnected.next()).code, 1006);
    });

    it("the rules", async () => {
      const wire = await server.wire();
      wire.send(hello(), [16, 5]);
      assertEquals((await wire.end()).code, 4400);
      assertEquals((await disconnected.next()).code, 4400);
    });
  });

  describe("hooks that fail are reported, and nothing else happens", () => {
    const failing = new Error("hook");
    const ways: Record<string, () => void | Promise<void>> = {
      throws: () => {
        throw failing;
      },
      rejects: () => Promise.reject(failing),
    };
    for (const [way, fail] of Object.entries(ways)) {
      it(`onConnect ${way}`, async () => {
        atConnect = fail;
        const client = server.client({ token: "ada" });
        await client.call.hello();
        const { error, place } = await errors.next();
        assertEquals([error, place.connection?.subject, ran], [failing, "ada", ["ada"]]);
      });

      it(`onDisconnect ${way}`, async () => {
        atDisconnect = fail;
        const client = server.client();
        await client.ready();
        await client.close();
        assertEquals((await errors.next()).error, failing);
      });
    }

    it("onError itself too: it goes to the console", async () => {
      const logged: unknown[] = [];
      const { error } = console;
      console.error = (...args: unknown[]) => void logged.push(...args);
      atError = () => {
        throw new Error("onError");
      };
      try {
        assertEquals((await failure(server.client().call.fail())).code, "INTERNAL");
      } finally {
        console.error = error;
      }
      const { error: thrown, place } = await errors.next();
      assertEquals([(thrown as Error).message, place.procedure], ["handler", "fail"]);
      assertEquals(logged.map((error) => (error as Error).message), ["onError"]);
    });
  });

  it("may be closed by onConnect, before any call has run", async () => {
    atConnect = (connection) => connection.close(4403, "full");
    const client = server.client();
    assertEquals(told(await failure(client.call.hello())), { code: "FORBIDDEN" });
    assertEquals([client.state.reason?.code, ran], [4403, []]);
    assertEquals((await disconnected.next()).code, 4403);
  });

  it("leave nothing in the gauges when they close under a running handler", async () => {
    const client = server.client({ token: "ada" });
    const never = failure(client.call.never());
    await client.call.who();
    assert(server.app.stats().calls >= 1);
    await client.close();
    await never;
    await disconnected.next();
    assertEquals(server.app.stats().connections, 0);
  });
});

describe("connections of an app that asks nobody who they are", () => {
  it("have a context each, which the program may write to", async () => {
    const app = define().millrace({ procedures: { hello: define().procedure(() => "hello") } });
    const server = await AppServer.start(app);
    for (let i = 0; i < 2; i++) assertEquals(await server.client().call.hello(), "hello");
    const contexts = [...app.connections()].map(({ context }) => context as { n?: number });
    contexts.forEach((context, n) => context.n = n);
    assertEquals([...app.connections()].map(({ context }) => context as { n?: number }), [{ n: 0 }, {
      n: 1,
    }]);
    await server.stop();
  });

  it("tell hooks that are methods of the options, which may use them", async () => {
    const log: string[] = [];
    const app = define().millrace({
      procedures: {},
      path: "/",
      onConnect() {
        log.push((this as unknown as { path: string }).path);
      },
      onDisconnect() {
        log.push((this as unknown as { path: string }).path);
      },
    } as never);
    const server = await AppServer.start(app);
    await server.client().ready();
    await server.stop();
    assertEquals(log, ["/", "/"]);
  });
});
