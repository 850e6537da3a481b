// The first WELCOME is lost: what was sent behind HELLO runs once, and its answer comes by the next connection.
import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { bytes } from "../mod.ts";
import { CallError } from "../rpc/errors.ts";
import { ByHand } from "./suites/by_hand.ts";
import { anything, procedure } from "./suites/pair.ts";
import { ending, gatedWorld, type World, type WorldOptions } from "./suites/session_world.ts";
import { payload } from "./suites/wire.ts";

const QUIET = { calls: 0, streams: 0, heldBytes: 0, sessions: 0 };
const MINE = new Uint8Array(16).fill(7);

function open(options: Partial<WorldOptions> = {}) {
  return gatedWorld((ran) => ({
    measure: procedure({ input: anything }, (input) => {
      ran.push("measure");
      return (input as string).length;
    }),
    count: procedure.stream({ input: anything }, async function* (until) {
      ran.push("count");
      for (let n = 1; n <= (until as number); n++) yield n;
    }),
    size: procedure.upload({ items: bytes() }, async (pieces) => {
      ran.push("size");
      let size = 0;
      for await (const piece of pieces) size += piece.byteLength;
      return size;
    }),
  }), options);
}

async function* pieces(count: number, length: number): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < count; i++) yield new Uint8Array(length);
}

/** A client that has sent HELLO, and what `begin` calls behind it; WELCOME does not come. */
async function unwelcomed<T>(
  { world, begin, client = {} }: {
    world: World;
    begin: (call: ReturnType<World["client"]>["call"]) => T;
    client?: Parameters<World["client"]>[0];
  },
) {
  const app = world.client({ backoff: { base: 10 }, ...client });
  const begun = begin(app.call);
  await world.clock.settleFor(1);
  while (world.sockets.length === 0) await world.clock.settleFor(1);
  world.socket.deaf.down = true;
  await world.settle();
  return { app, begun };
}

describe("a first WELCOME that is lost", () => {
  it("takes no call with it: it runs once, and its answer comes by the next connection", async () => {
    const { world, gate, ran } = open();
    const { app, begun } = await unwelcomed({ world, begin: (call) => ending(call["wait"]!("a")) });
    assertEquals([ran, app.status], [["a"], "connecting"]);
    world.socket.cut();
    await world.settle();
    await app.retry();
    assertEquals(app.client.state, { status: "open" });
    gate.resolve("done");
    await world.settle();
    assertEquals([await begun, ran], ["done", ["a"]]);
    await app.close();
    await world.settle();
    assertEquals([world.stats, world.clock.pending], [QUIET, 0]);
  });

  it("may be lost again and again", async () => {
    const { world, gate, ran } = open();
    const { app, begun } = await unwelcomed({ world, begin: (call) => ending(call["wait"]!("a")) });
    world.cutAfter = () => 1; // HELLO arrives, WELCOME does not
    for (let i = 0; i < 4; i++) {
      world.socket.cut();
      await world.settle();
      await app.retry();
    }
    world.cutAfter = () => Infinity;
    await app.retry();
    gate.resolve(1);
    await world.settle();
    assertEquals([app.status, await begun, ran], ["open", 1, ["a"]]);
    await app.close();
    assertEquals(world.stats, QUIET);
  });

  it("takes no stream, no upload and no large message with it", async () => {
    const { world, ran } = open();
    const all = (call: ReturnType<World["client"]>["call"]) =>
      Promise.all([
        call["measure"]!("x".repeat(300_000)),
        Array.fromAsync(call["count"]!(500) as unknown as AsyncIterable<number>),
        call["size"]!(pieces(40, 20_000)),
      ]);
    const { app, begun } = await unwelcomed({ world, begin: all });
    world.socket.cut();
    await world.settle();
    await app.retry();
    const [length, items, size] = await begun;
    assertEquals([length, size], [300_000, 800_000]);
    assertEquals(items, Array.from({ length: 500 }, (_, i) => i + 1));
    assertEquals(ran.toSorted(), ["count", "measure", "size"]);
    await app.close();
    await world.settle();
    assertEquals(world.stats, QUIET);
  });

  it("costs what was not sent nothing, wherever the connection is cut", async () => {
    for (let after = 0; after < 6; after++) {
      const { world, ran } = open();
      let cuts = 0;
      world.cutAfter = () => cuts++ === 0 ? after : Infinity;
      const app = world.client({ backoff: { base: 10 } });
      const results = [ending(app.call["measure"]!("four")), ending(app.call["size"]!(pieces(3, 10)))];
      await world.settle();
      await app.retry();
      const told = await Promise.all(results);
      // Where HELLO itself was lost, nobody can know it: the call was sent.
      const expected = after === 0 ? ["DISCONNECTED ambiguous", "DISCONNECTED ambiguous"] : [4, 30];
      assertEquals(told, expected, `cut after ${after} frames`);
      assertEquals(ran.toSorted(), after === 0 ? [] : ["measure", "size"]);
      await app.close();
      await world.settle();
      assertEquals(world.stats, QUIET);
    }
  });

  it("that the server forgot ends what was sent as ambiguous; what has a key goes on", async () => {
    const { world, ran } = open({ limits: { session: 1_000 } });
    const begin = (call: ReturnType<World["client"]>["call"]) => [
      ending(call["wait"]!("a")),
      ending(call["measure"]!("four", { key: "k" })),
    ];
    const { app, begun } = await unwelcomed({ world, begin });
    world.online = false;
    world.socket.cut();
    await world.clock.advance(5_000);
    assertEquals(world.stats, QUIET);
    world.online = true;
    app.wake.online();
    await world.settle();
    assertEquals(await Promise.all(begun), ["DISCONNECTED ambiguous", 4]);
    assertEquals(ran, ["a", "measure"]);
    await app.close();
  });

  it("ends with the client that waits no longer", async () => {
    const { world } = open();
    const { app, begun } = await unwelcomed({ world, begin: (call) => ending(call["wait"]!("a")) });
    await app.close();
    assertEquals(await begun, "CLOSED ambiguous");
    await world.clock.advance(300_000);
    assertEquals([world.stats, world.clock.pending], [QUIET, 0]);
  });

  it("leaves a refusal what it is: none of the calls ran", async () => {
    for (
      const [code, told] of [["UNAUTHENTICATED", "UNAUTHENTICATED"], ["FORBIDDEN", "FORBIDDEN"]] as const
    ) {
      const authenticate = () => {
        throw new CallError(code);
      };
      const { world, ran } = open({ authenticate });
      const app = world.client();
      const call = ending(app.call["wait"]!("a"));
      await world.settle();
      assertEquals([await call, ran, app.status], [told, [], "closed"]);
    }
  });

  it("of a server that was slow to say who it is has run nothing, and everything is sent again", async () => {
    let slow = true;
    const authenticate = () => slow ? new Promise<never>(() => {}) : {};
    const { world, ran } = open({ authenticate, limits: { hello: 1_000 } });
    const app = world.client({ backoff: { base: 10 } });
    const call = ending(app.call["measure"]!("four"));
    await world.settle();
    await world.clock.advance(1_000);
    assertEquals([await call, ran], ["DISCONNECTED", []]);
    slow = false;
    await app.retry();
    assertEquals(app.client.state, { status: "open" });
    await app.close();
  });
});

describe("what a client calls its session", () => {
  for (const [what, answer] of [["answered a PING", [3, 0]], ["sent an ACK", [4, 0]]] as const) {
    it(`is valid until the client has ${what}, as the id before is`, async () => {
      const { world } = open();
      const mine = new ByHand(world);
      const [, , session] = await mine.hello(null, { opening: MINE }) as [unknown, unknown, Uint8Array];
      const again = new ByHand(world);
      const [, , next, , payloadOf] = await again.hello(MINE) as [
        unknown,
        unknown,
        Uint8Array,
        number,
        object,
      ];
      assertEquals((payloadOf as { resumed: boolean }).resumed, true);
      assertEquals(mine.socket.closedByServer, 4409);

      await again.send(answer);
      for (const id of [MINE, session]) {
        const other = new ByHand(world);
        const [, , , , told] = await other.hello(id) as [unknown, unknown, Uint8Array, number, object];
        assertEquals((told as { resumed: boolean }).resumed, false);
        other.socket.close();
      }
      const last = new ByHand(world);
      const [, , , , told] = await last.hello(next) as [unknown, unknown, Uint8Array, number, object];
      assertEquals((told as { resumed: boolean }).resumed, true);
      last.socket.close();
      await world.settle();
      assertEquals(world.stats, QUIET);
    });
  }

  it("is taken by nobody else: 4400 for a second one that opens by it, 4403 for another subject", async () => {
    const authenticate = ({ token }: { token: string | undefined }) => ({ subject: token }) as never;
    const { world } = open({ authenticate });
    const mine = new ByHand(world);
    await mine.hello(null, { opening: MINE, token: "ada" });
    for (const token of ["ada", "bob"]) {
      const second = new ByHand(world);
      assertEquals(await second.hello(null, { opening: MINE, token }), undefined);
      assertEquals(second.socket.closedByServer, 4400);
    }
    const other = new ByHand(world);
    assertEquals(await other.hello(MINE, { token: "bob" }), undefined);
    assertEquals([other.socket.closedByServer, mine.socket.closedByServer], [4403, undefined]);
    mine.socket.close();
    await world.settle();
    assertEquals(world.stats, QUIET);
  });

  it("must have 16 bytes, and is nothing where no session is kept", async () => {
    const { world } = open();
    const short = new ByHand(world);
    assertEquals(await short.hello(null, { opening: new Uint8Array(15) }), undefined);
    assertEquals(short.socket.closedByServer, 4400);
    const unkept = new ByHand(world);
    await unkept.hello(null, { opening: MINE, resumable: false });
    const asking = new ByHand(world);
    const [, , , , told] = await asking.hello(MINE) as [unknown, unknown, Uint8Array, number, object];
    assertEquals((told as { resumed: boolean }).resumed, false);
    await unkept.send([16, 1, 1, "measure", null, payload("four")]);
    assertEquals(unkept.socket.messages.at(-1), [17, 1, 1, 4]);
    unkept.socket.close();
    asking.socket.close();
  });
});
