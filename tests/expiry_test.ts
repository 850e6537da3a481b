import { assert, assertEquals } from "@std/assert";
import { afterEach, describe, it } from "@std/testing/bdd";
import { z } from "zod";
import { type AuthenticateInput, CallError, define, type Identity, type Limits } from "../mod.ts";
import { Expiry } from "../rpc/expiry.ts";
import { AppServer } from "./suites/app_server.ts";
import { failure, told } from "./suites/check.ts";
import { Mailbox } from "./suites/mailbox.ts";
import { ManualClock } from "./suites/manual_clock.ts";
import { call, hello, payload } from "./suites/wire.ts";

type Answer = Identity & { readonly role: string };
type Ask = (given: AuthenticateInput) => Answer | Promise<Answer>;

const { procedure, millrace } = define<{ role: string }>();

const WELCOME = 1;
const EXPIRES = 7;

describe("the end of an authentication", () => {
  it("comes within a minute of its date where timers stood still meanwhile", async () => {
    const clock = new ManualClock();
    let suspended = 0;
    let ended = 0;
    const expiry = new Expiry(clock, () => clock.now() + suspended, () => void ended++);
    assertEquals(expiry.holdUntil(clock.now() + 7_200_000), 7_200_000);
    await clock.advance(5_000);
    suspended = 10_000_000; // the machine slept; its date has gone on, its timers have not
    await clock.advance(60_000);
    assertEquals([ended, clock.pending], [1, 0]);
  });

  it("is not before its date, and comes once", async () => {
    const clock = new ManualClock();
    const ended: number[] = [];
    const expiry = new Expiry(clock, () => clock.now(), () => void ended.push(clock.now()));
    const date = clock.now() + 7_230_000;
    expiry.holdUntil(date);
    await clock.advance(7_229_999);
    assertEquals(ended, []);
    await clock.advance(1_000_000);
    assertEquals(ended, [date]);
  });
});

describe("an identity that ends", () => {
  const ran: number[] = [];
  let server: AppServer<ReturnType<typeof make>>;

  function make(authenticate: Ask, limits: Partial<Limits> = {}) {
    return millrace({
      authenticate,
      limits,
      procedures: {
        role: procedure((_, { role, connection }) => [role, connection.subject]),
        run: procedure({ input: z.number() }, (n) => void ran.push(n)),
        never: procedure(() => new Promise<never>(() => {})),
      },
    });
  }

  async function start(authenticate: Ask, limits?: Partial<Limits>) {
    ran.length = 0;
    return server = await AppServer.start(make(authenticate, limits));
  }

  afterEach(() => server.stop());

  const soon = (ms: number) => Date.now() + ms;

  it("is refreshed in place: the token function is asked, and calls see the new context", async () => {
    const tokens = new Mailbox<string | undefined>();
    await start(({ token }) => {
      tokens.push(token);
      // The new token has the last quarter to come in, or this connection is over and the next one asks for a third.
      return { role: token!, subject: "7", ...(token === "1" ? { expires: soon(2_000) } : {}) };
    });
    let asked = 0;
    const client = server.client({ token: () => `${++asked}` });
    const never = client.call.never();
    assertEquals(await tokens.next(), "1");
    assertEquals(await tokens.next(), "2");
    while ((await client.call.role())[0] !== "2");
    assertEquals(client.state.status, "open");
    never.cancel();
  });

  it("tells the client how long, and again after a refresh", async () => {
    await start(({ token }) => ({ role: token!, ...(token === "new" ? {} : { expires: soon(60_000) }) }));
    const wire = await server.wire();
    wire.send(hello({ token: "old" }));
    const { expires } = (await wire.nextOf(WELCOME))[4] as { expires: number };
    assert(expires > 50_000 && expires <= 60_000, `${expires} ms`);
    wire.send([6, payload({ token: "new" })]);
    assertEquals(await wire.nextOf(EXPIRES), [EXPIRES, null]);
  });

  it("never ends where `expires` is Infinity", async () => {
    await start(({ token }) => ({ role: token!, expires: Infinity }));
    const wire = await server.wire();
    wire.send(hello({ token: "old" }));
    assertEquals(((await wire.nextOf(WELCOME))[4] as { expires?: number }).expires, undefined);
    wire.send([6, payload({ token: "new" })]);
    assertEquals(await wire.nextOf(EXPIRES), [EXPIRES, null]);
  });

  it("closes with 4401 when no new token comes, and nothing is delivered after it", async () => {
    await start(() => ({ role: "", expires: soon(40) }));
    const client = server.client({ token: "the only one" });
    assertEquals(told(await failure(client.call.never())), { code: "UNAUTHENTICATED", ambiguous: true });
    assertEquals(client.state.reason, { code: 4401, reason: "the authentication has expired" });
  });

  it("closes with 4401 when the new token is refused, and the client asks for another", async () => {
    await start(({ token }) => {
      if (token === "2") throw new CallError("UNAUTHENTICATED");
      return { role: token!, ...(token === "1" ? { expires: soon(60) } : {}) };
    });
    let asked = 0;
    const client = server.client({ token: () => `${++asked}` });
    assertEquals(told(await failure(client.call.never())), { code: "UNAUTHENTICATED", ambiguous: true });
    assertEquals((await client.call.role())[0], "3");
  });

  it("closes with 4401 when a new token cannot be checked in time, and what comes later is for nobody", async () => {
    const gate = Promise.withResolvers<Answer>();
    let asked = 0;
    await start(() => ++asked === 1 ? { role: "" } : gate.promise, { hello: 50 });
    const wire = await server.wire();
    wire.send(hello());
    await wire.nextOf(WELCOME);
    wire.send([6, payload({ token: "new" })]);
    assertEquals(await wire.end(), { code: 4401, reason: "not authenticated in time" });
    gate.reject(new Error("too late to be told"));
    await server.until(() => server.app.stats().connections, 0);
  });

  it("is refused while the check of a token hangs: a cut leaves no timer", async () => {
    let asked = 0;
    const checking = new Mailbox<number>();
    await start(() => {
      checking.push(++asked);
      return asked === 1 ? { role: "" } : new Promise<never>(() => {});
    });
    const wire = await server.wire();
    wire.send(hello(), [6, payload({ token: "new" })]);
    assertEquals([await checking.next(), await checking.next()], [1, 2]);
    await wire.cut();
    await server.until(() => server.app.stats().connections, 0);
  });

  it("that is over already is refused", async () => {
    await start(() => ({ role: "", expires: soon(-1) }));
    const wire = await server.wire();
    wire.send(hello(), call(1, "run", 1));
    assertEquals([(await wire.end()).code, ran], [4401, []]);
    const response = await server.post("run", "1");
    assertEquals([response.status, ran], [401, []]);
    await response.body?.cancel();
  });

  it("must stay the same: a token of somebody else closes with 4403", async () => {
    await start(({ token }) => ({ role: "", subject: token! }));
    const wire = await server.wire();
    wire.send(hello({ token: "ada" }), [6, payload({ token: "eve" })]);
    assertEquals(await wire.end(), { code: 4403, reason: "the token is somebody else's" });
  });

  it("is looked at one token at a time: 4400", async () => {
    const gate = Promise.withResolvers<Answer>();
    let asked = 0;
    await start(() => ++asked === 1 ? { role: "" } : gate.promise);
    const wire = await server.wire();
    wire.send(hello());
    await wire.nextOf(WELCOME);
    wire.send([6, payload({ token: "a" })], [6, payload({ token: "b" })]);
    assertEquals((await wire.end()).code, 4400);
    gate.resolve({ role: "" });
  });

  it("ends in 4401 when the token function fails, which is reported", async () => {
    await start(({ token }) => ({ role: token!, expires: soon(60) }));
    const reported = new Mailbox<unknown>();
    let asked = 0;
    const failing = () => {
      if (++asked === 2) throw new Error("no network");
      return "token";
    };
    const client = server.client({ token: failing, onError: (error) => reported.push(error) });
    assertEquals((await failure(client.call.never())).code, "UNAUTHENTICATED");
    assertEquals((await reported.next() as Error).message, "no network");
    await client.ready();
    await client.close();
  });
});
