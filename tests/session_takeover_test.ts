// Who may carry on a session, and what becomes of the connection that had it.
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { encode } from "../msgpack/mod.ts";
import { CallError } from "../rpc/errors.ts";
import { ByHand } from "./suites/by_hand.ts";
import { anything, procedure } from "./suites/pair.ts";
import { ending, gatedWorld, type WorldOptions } from "./suites/session_world.ts";
import { deferred } from "./suites/sources.ts";
import { frameOf, payload } from "./suites/wire.ts";

const QUIET = { calls: 0, streams: 0, heldBytes: 0, sessions: 0 };

function open(options: Partial<WorldOptions> = {}) {
  return gatedWorld(() => ({
    who: procedure((_, context) => (context as unknown as { name: string }).name),
    echo: procedure({ input: anything }, (input) => input),
  }), options);
}

describe("the newest connection", () => {
  it("takes the session over: the old one is closed with 4409, and counts no more", async () => {
    const { world, gate, ran } = open();
    const old = new ByHand(world);
    const [, , session] = await old.hello(null) as [unknown, unknown, Uint8Array];
    await old.send([16, 1, 1, "wait", null, payload("a")]);
    const late = Uint8Array.from(frameOf([16, 2, 2, "wait", null, payload("by the old one")]));
    const fresh = new ByHand(world);
    const welcome = await fresh.hello(session);
    assertEquals((welcome![4] as { resumed: boolean }).resumed, true);
    assertEquals(welcome![3], 1, "the sequence that it has processed");
    assertEquals(old.socket.closedByServer, 4409);
    old.socket.inject("up", late);
    await fresh.send([16, 2, 2, "wait", null, payload("by the new one")]);
    gate.resolve(1);
    await world.settle();
    assertEquals(ran, ["a", "by the new one"]);
    assertEquals(old.socket.messages.filter(([kind]) => kind === 17), []);
    assertEquals(fresh.socket.messages.filter(([kind]) => kind === 17).map(([, , id]) => id), [1, 2]);
    fresh.socket.close();
    await world.settle();
    assertEquals(world.stats, QUIET);
  });

  it("is told to the program after the end of the old one, even if its socket does not close", async () => {
    const { world } = open();
    const app = world.client({ backoff: { base: 10 } });
    await world.settle();
    const first = world.socket;
    first.deaf.up = first.deaf.down = true; // nobody hears anything of it any more
    first.endClient(1006);
    await world.settle();
    await app.retry();
    assertEquals(world.hooks.map(([what, , how]) => [what, how]), [
      ["connect", false],
      ["disconnect", 4409],
      ["connect", true],
    ]);
    first.endServer(1006);
    await app.close();
    assertEquals(world.hooks.slice(3).map(([what, , how]) => [what, how]), [["disconnect", 1000]]);
  });

  it("is the one that came last, whoever is authenticated last", async () => {
    const answers: ReturnType<typeof deferred<object>>[] = [];
    const { world } = open({
      authenticate: () => {
        answers.push(deferred<object>());
        return answers.at(-1)!.promise as never;
      },
    });
    const first = new ByHand(world);
    await first.hello(null);
    answers[0]!.resolve({});
    await world.settle();
    const [, , session] = first.socket.messages[0] as [unknown, unknown, Uint8Array];
    const [second, third] = [new ByHand(world), new ByHand(world)];
    await second.hello(session);
    await third.hello(session);
    answers[2]!.resolve({});
    await world.settle();
    answers[1]!.resolve({});
    await world.settle();
    assertEquals(world.sockets.map(({ closedByServer }) => closedByServer), [4409, 4409, undefined]);
    third.socket.close();
  });

  it("is one, of a hundred that come at once", async () => {
    const { world, ran } = open();
    const first = new ByHand(world);
    const [, , session] = await first.hello(null) as [unknown, unknown, Uint8Array];
    await first.send([16, 1, 1, "wait", null, payload("once")]);
    const all = Array.from({ length: 100 }, () => new ByHand(world));
    const welcomes = await Promise.all(all.map((one) => one.hello(session)));
    const open_ = world.sockets.filter(({ closedByServer }) => closedByServer === undefined);
    assertEquals(open_.length + world.sockets.filter((s) => s.closedByServer === 4409).length, 101);
    // The id stays valid until the next is used, so several of them may have been the newest for a moment.
    assertEquals(
      open_.filter((socket) =>
        socket.messages.some(([kind, , , , told]) => kind === 1 && (told as { resumed: boolean }).resumed)
      ).length,
      1,
    );
    assert(welcomes.some((welcome) => welcome !== undefined));
    assertEquals(ran, ["once"]);
    for (const socket of open_) socket.close();
    await world.settle();
    assertEquals(world.node.connections().size, 0);
  });
});

describe("a session", () => {
  const named = {
    authenticate: ({ token }: { token: string | undefined }) => {
      if (token === "banned") throw new CallError("FORBIDDEN");
      if (token === "old") throw new CallError("UNAUTHENTICATED");
      return { subject: token?.split("/")[0], name: token } as never;
    },
  };

  it("of somebody else is refused with 4403, and goes on where it is", async () => {
    const { world } = open(named);
    const mine = new ByHand(world);
    const [, , session] = await mine.hello(null, { token: "ada" }) as [unknown, unknown, Uint8Array];
    for (const token of ["bob", undefined]) {
      const other = new ByHand(world);
      assertEquals(await other.hello(session, { token }), undefined);
      assertEquals(other.socket.closedByServer, 4403);
    }
    assertEquals(mine.socket.closedByServer, undefined);
    mine.socket.close();
  });

  it("is authenticated afresh: a ban during the outage is a 4403, and nothing is delivered", async () => {
    const { world, gate } = open(named);
    const mine = new ByHand(world);
    const [, , session] = await mine.hello(null, { token: "ada" }) as [unknown, unknown, Uint8Array];
    await mine.send([16, 1, 1, "wait", null, payload(1)]);
    mine.socket.cut();
    gate.resolve("secret");
    await world.settle();
    for (const [token, code] of [["banned", 4403], ["old", 4401]] as const) {
      const back = new ByHand(world);
      assertEquals(await back.hello(session, { token }), undefined);
      assertEquals([back.socket.closedByServer, back.socket.messages], [code, []]);
    }
    const back = new ByHand(world);
    await back.hello(session, { token: "ada" });
    assertEquals(back.socket.messages.filter(([kind]) => kind === 17), [[17, 1, 1, "secret"]]);
    back.socket.close();
  });

  it("takes over what authenticate finds out now", async () => {
    const { world } = open(named);
    let token = "ada/1";
    const app = world.client({ token: () => token, backoff: { base: 10 } });
    const first = ending(app.call["who"]!());
    await world.settle();
    assertEquals(await first, "ada/1");
    token = "ada/2";
    world.socket.cut();
    await world.settle();
    await app.retry();
    const second = ending(app.call["who"]!());
    await world.settle();
    assertEquals([await second, app.client.state.resumed], ["ada/2", true]);
    await app.close();
  });

  it("that nobody knows is a new one", async () => {
    const { world } = open();
    const one = new ByHand(world);
    const welcome = await one.hello(new Uint8Array(16).fill(9), {
      received: 5,
      units: 7,
      streams: [1, 2, 3, 0],
    });
    assertEquals((welcome![4] as { resumed: boolean }).resumed, false);
    assertEquals(welcome![3], 0);
    await one.send([16, 1, 1, "echo", null, payload("x")]);
    assertEquals(one.socket.messages.find(([kind]) => kind === 17), [17, 1, 1, "x"]);
    one.socket.close();
  });

  const wrong: Record<string, Record<string, unknown>> = {
    "more than was sent": { received: 2 },
    "less than was acknowledged": { received: 0 },
    "units that were never sent": { received: 1, units: 1 },
    "a stream that was never opened": { received: 1, streams: [1, 0, 262_144, 0] },
  };
  for (const [what, told] of Object.entries(wrong)) {
    it(`is over when its client says that it has ${what}: 4400`, async () => {
      const { world } = open();
      const one = new ByHand(world);
      const [, , session] = await one.hello(null) as [unknown, unknown, Uint8Array];
      await one.send([16, 1, 1, "echo", null, payload("x")]);
      await one.send([4, 1]); // the answer has come
      one.socket.cut();
      const back = new ByHand(world);
      await back.hello(session, told);
      assertEquals(back.socket.closedByServer, 4400);
      await world.settle();
      assertEquals(world.stats, QUIET);
      assertEquals(world.hooks.map(([what]) => what), ["connect", "disconnect"], "of the first alone");
    });
  }

  for (
    const [what, told] of Object.entries({
      "three numbers": [1, 2, 3],
      "negative ones": [1, -2, 3, 0],
      "no numbers": ["1", 2, 3, 0],
      "a map": { 1: 2 },
    })
  ) {
    it(`of which HELLO tells ${what} for streams is refused with 4400, and stays`, async () => {
      const { world } = open();
      const one = new ByHand(world);
      const [, , session] = await one.hello(null) as [unknown, unknown, Uint8Array];
      const other = new ByHand(world);
      assertEquals(await other.hello(session, { streams: told }), undefined);
      assertEquals([other.socket.closedByServer, one.socket.closedByServer], [4400, undefined]);
      one.socket.close();
    });
  }

  it("is not for who sends something before WELCOME: 4400, and it stays", async () => {
    const { world } = open();
    const one = new ByHand(world);
    const [, , session] = await one.hello(null) as [unknown, unknown, Uint8Array];
    const other = new ByHand(world);
    await other.send(
      [0, 1, session, 0, payload({ resumable: true })],
      [16, 1, 1, "echo", null, payload("x")],
    );
    assertEquals([other.socket.closedByServer, one.socket.closedByServer], [4400, undefined]);
    one.socket.close();
  });

  it("ends when a rule is broken in it", async () => {
    const { world } = open();
    const one = new ByHand(world);
    const [, , session] = await one.hello(null) as [unknown, unknown, Uint8Array];
    one.socket.send(Uint8Array.from(encode([99_999])));
    await world.settle();
    assertEquals([one.socket.closedByServer, world.stats], [4400, QUIET]);
    const back = new ByHand(world);
    const welcome = await back.hello(session);
    assertEquals((welcome![4] as { resumed: boolean }).resumed, false);
    back.socket.close();
  });
});
