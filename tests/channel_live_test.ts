// What subscribers get while they are live, whatever the broker does: one unbroken order, or a reset that is told.
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { encode } from "../msgpack/mod.ts";
import { Kind } from "../rpc/kinds.ts";
import { ChannelNode, told } from "./suites/channel_node.ts";
import { ScriptedBroker } from "./suites/scripted_broker.ts";

const NAME = "board/7";
const [FRESH, RECOVERED, RESET] = [0, 1, 2];

function start(): ChannelNode {
  return new ChannelNode({ broker: new ScriptedBroker() });
}

/** A server that has published 1, 2 and 3, and one that has joined before. */
async function atThree() {
  const server = start();
  const line = await server.connect();
  await line.joined();
  for (const message of [1, 2, 3]) await server.publish(message);
  return { server, line };
}

describe("publications to who is live", () => {
  it("come to all, with the same bytes, in one frame for each that came close together", async () => {
    const server = start();
    const lines = [await server.connect(), await server.connect(), await server.connect()];
    for (const line of lines) await line.joined();
    await server.publish("alone");
    for (const message of ["a", "b", "c"]) server.broker.add(NAME, encode(message));
    await server.settle();
    const frames = lines.map(({ pipe }) => pipe.frames.slice(2).map((frame) => [...frame]));
    assertEquals(frames.map(({ length }) => length), [2, 2, 2]);
    assertEquals(frames[1], frames[0]);
    assertEquals(frames[2], frames[0]);
    assertEquals(told(lines[0]!.take()), ["alone", "a", "b", "c"]);
  });

  it("carry offset and fingerprint of the broker", async () => {
    const server = start();
    const line = await server.connect();
    await line.joined();
    server.broker.add(NAME, encode("x"), { fingerprint: 0xfffffffe });
    await server.settle();
    assertEquals(line.take(), [[Kind.PUBLICATION, 1, 1, 0xfffffffe, "x"]]);
  });

  it("come after the SUBSCRIBED that tells their alias, though both leave in one turn", async () => {
    const server = start();
    const line = await server.connect();
    line.subscribe(NAME);
    server.broker.add(NAME, encode("now"));
    await server.settle();
    assertEquals(told(line.take()), [{ status: FRESH, at: 0 }, "now"]);
  });

  it("come once to who joins between a publication and the end of its turn", async () => {
    const server = start();
    const early = await server.connect();
    const late = await server.connect();
    await early.joined();
    server.broker.add(NAME, encode(1));
    late.subscribe(NAME);
    server.broker.add(NAME, encode(2));
    await server.settle();
    assertEquals(told(early.take()), [1, 2]);
    assertEquals(told(late.take()), [{ status: FRESH, at: 1 }, 2]);
  });

  it("come no more after UNSUBSCRIBE, and a new subscription to the channel is another one", async () => {
    const server = start();
    const line = await server.connect();
    await line.joined();
    line.send([Kind.UNSUBSCRIBE, 1]);
    await server.publish("unheard");
    assertEquals(line.take(), []);
    assertEquals(told(await line.joined()), [{ status: FRESH, at: 1 }]);
  });

  it("that are pushed twice come once", async () => {
    const server = start();
    const line = await server.connect();
    await line.joined();
    for (const message of [1, 2, 3]) server.broker.add(NAME, encode(message));
    for (const entry of server.broker.stream(NAME).entries) server.broker.push(NAME, entry);
    await server.settle();
    assertEquals(told(line.take()), [1, 2, 3]);
  });
});

describe("pushes that are lost", () => {
  it("are noticed with the next, and read from the broker", async () => {
    const server = start();
    const line = await server.connect();
    await line.joined();
    await server.publish(1);
    server.broker.isDeaf = true;
    await server.publish(2);
    await server.publish(3);
    server.broker.isDeaf = false;
    await server.publish(4);
    assertEquals(told(line.take()), [1, 2, 3, 4]);
  });

  it("are noticed though none follows, when the channel is compared with its broker", async () => {
    const server = start();
    const line = await server.connect();
    await line.joined();
    server.broker.isDeaf = true;
    await server.publish(1);
    assertEquals(line.take(), []);
    for (let s = 0; s < 20; s++) await server.clock.advance(1_000);
    assertEquals(told(line.takeOf(Kind.PUBLICATION)), [1]);
  });

  it("are filled in while others are pushed: by offset, each once", async () => {
    const server = start();
    const line = await server.connect();
    await line.joined();
    server.broker.isDeaf = true;
    server.broker.add(NAME, encode(1));
    server.broker.isDeaf = false;
    server.broker.isSlow = true;
    server.broker.add(NAME, encode(2)); // a hole: the broker is asked
    server.broker.add(NAME, encode(3)); // before it has looked
    server.broker.answer();
    server.broker.add(NAME, encode(4)); // after, and before the answer is there
    await server.settle();
    assertEquals(told(line.take()), [1, 2, 3, 4]);
  });

  it("are filled in though more are pushed meanwhile than anybody keeps", async () => {
    const server = start();
    const line = await server.connect();
    await line.joined();
    server.broker.isSlow = true;
    server.broker.doubt(NAME);
    server.broker.answer(); // what it has now; the answer is on its way
    for (let i = 1; i <= 1_500; i++) server.broker.add(NAME, encode(i));
    for (let i = 0; i < 5; i++) {
      await server.settle();
      server.broker.answer();
    }
    const heard = told(line.take());
    assertEquals(heard, Array.from({ length: heard.length }, (_, i) => i + 1));
    assert(heard.length > 900);
  });

  it("whose entries are gone lead to a reset, before anything newer", async () => {
    const server = start();
    const line = await server.connect();
    await line.joined();
    server.broker.keeps = 2;
    server.broker.isDeaf = true;
    for (const message of [1, 2, 3]) server.broker.add(NAME, encode(message));
    server.broker.isDeaf = false;
    server.broker.add(NAME, encode(4));
    await server.settle();
    assertEquals(told(line.take()), [{ status: RESET, at: 4 }]);
    await server.publish(5);
    assertEquals(told(line.take()), [5]);
  });
});

describe("a stream that is another one", () => {
  it("resets everybody with a new alias, before its first message", async () => {
    const server = start();
    const lines = [await server.connect(), await server.connect()];
    for (const line of lines) await line.joined();
    await server.publish("old");
    server.broker.streams.delete(NAME);
    await server.publish("new");
    await server.publish("newer");
    for (const line of lines) {
      const messages = line.take();
      assertEquals(told(messages), ["old", { status: RESET, at: 1 }, "newer"]);
      assertEquals(messages[1]!.slice(0, 6), [Kind.SUBSCRIBED, 1, 2, RESET, "epoch-0000000002", 1]);
      assertEquals(messages[2]!.slice(0, 3), [Kind.PUBLICATION, 2, 2]);
    }
  });

  it("is noticed when the broker says that it may be", async () => {
    const server = start();
    const line = await server.connect();
    await line.joined();
    await server.publish("old");
    server.broker.streams.delete(NAME);
    server.broker.doubt(NAME);
    await server.settle();
    assertEquals(told(line.take()), ["old", { status: RESET, at: 0 }]);
    assertEquals(server.errors, [], "a lost stream is no error of anybody here");
  });

  it("that it may be, until the broker has said so: who subscribes meanwhile is told nothing before", async () => {
    const server = start();
    const line = await server.connect();
    await line.joined();
    const late = await server.connect();
    for (const message of [1, 2, 3]) await server.publish(message);
    const { epoch, top } = server.broker.stream(NAME);
    server.broker.isSlow = true;
    server.broker.rollBack(NAME, 1);
    server.broker.doubt(NAME);
    late.subscribe(NAME, [epoch, top.offset, top.fingerprint]);
    await server.settle();
    assertEquals(late.take(), [], "it was there, as far as this node knew");
    server.broker.isSlow = false;
    server.broker.answer();
    await server.settle();
    assertEquals(told(late.take()), [{ status: RESET, at: 1 }]);
    assertEquals(told(line.take()), [1, 2, 3, { status: RESET, at: 1 }]);
  });

  it("failed over to an older copy, and told of: everybody is reset, and the program hears of it", async () => {
    const { server, line } = await atThree();
    server.broker.rollBack(NAME, 1);
    server.broker.doubt(NAME);
    await server.settle();
    assertEquals(told(line.take()), [1, 2, 3, { status: RESET, at: 1 }]);
    assertEquals(server.errors.map(String), [
      "Error: The stream has lost its latest publications: subscribers start again at 1",
    ]);
  });

  it("failed over and grown to the same offset: reset, never taken for the same", async () => {
    const { server, line } = await atThree();
    server.broker.isDeaf = true;
    server.broker.rollBack(NAME, 1);
    for (const message of ["two", "three"]) server.broker.add(NAME, encode(message));
    server.broker.doubt(NAME);
    await server.settle();
    assertEquals(told(line.take()), [1, 2, 3, { status: RESET, at: 3 }]);
    assertEquals(server.errors.length, 1);
  });

  it("failed over and grown past it: reset, never filled in", async () => {
    const { server, line } = await atThree();
    server.broker.rollBack(NAME, 2);
    server.broker.isDeaf = true;
    for (const message of ["three", "four"]) server.broker.add(NAME, encode(message));
    server.broker.isDeaf = false;
    for (const message of ["five", "six"]) server.broker.add(NAME, encode(message));
    await server.settle();
    assertEquals(told(line.take()), [1, 2, 3, { status: RESET, at: 5 }, "six"]);
  });

  it("failed over, and the next push has another predecessor: reset", async () => {
    const { server, line } = await atThree();
    server.broker.rollBack(NAME, 2);
    server.broker.isDeaf = true;
    server.broker.add(NAME, encode("three"));
    server.broker.isDeaf = false;
    server.broker.add(NAME, encode("four"));
    await server.settle();
    assertEquals(told(line.take()), [1, 2, 3, { status: RESET, at: 4 }]);
  });

  it("failed over, and pushed again from below: reset with the first push that differs", async () => {
    const { server, line } = await atThree();
    server.broker.rollBack(NAME, 2);
    for (const message of ["three", "four"]) server.broker.add(NAME, encode(message));
    await server.settle();
    assertEquals(told(line.take()), [1, 2, 3, { status: RESET, at: 3 }, "four"]);
  });

  it("resets who is still catching up as well", async () => {
    const server = start();
    for (let i = 1; i <= 3; i++) server.broker.add(NAME, encode(i));
    const { epoch } = server.broker.stream(NAME);
    const line = await server.connect();
    server.broker.isSlow = true;
    line.subscribe(NAME, [epoch, 0, 0]);
    await server.settle();
    for (let i = 0; i < 2; i++) { // the confirmation, the top
      server.broker.answer();
      await server.settle();
    }
    server.broker.streams.delete(NAME);
    server.broker.doubt(NAME);
    while (server.broker.waiting > 0) {
      server.broker.answer();
      await server.settle();
    }
    assertEquals(told(line.take()), [{ status: RESET, at: 0 }]);
  });
});

describe("a broker that is away", () => {
  it("lets subscriptions wait, asked again after longer and longer times, and reported once", async () => {
    const server = start();
    server.broker.isAway = true;
    const line = await server.connect();
    assertEquals(await line.joined(), []);
    const before = server.broker.asked.length;
    await server.clock.advance(60_000);
    const asked = server.broker.asked.length - before;
    assert(asked >= 10 && asked <= 40, `asked ${asked} times in a minute`);
    assertEquals(server.errors.length, 1);
    server.broker.isAway = false;
    await server.clock.advance(5_000);
    assertEquals(told(line.takeOf(Kind.SUBSCRIBED)), [{ status: FRESH, at: 0 }]);
  });

  it("that never answers is asked again", async () => {
    const server = start();
    server.broker.isSlow = true;
    const line = await server.connect();
    await line.joined();
    await server.clock.advance(9_000);
    assertEquals(server.broker.asked, ["subscribe board/7"]);
    server.broker.isSlow = false;
    await server.clock.advance(10_000);
    assertEquals(told(line.takeOf(Kind.SUBSCRIBED)), [{ status: FRESH, at: 0 }]);
  });

  it("in the middle of what a subscription reads, is waited for", async () => {
    const server = start();
    for (let i = 1; i <= 3; i++) server.broker.add(NAME, encode(i));
    const { epoch } = server.broker.stream(NAME);
    const first = await server.connect();
    await first.joined();
    first.take();
    const line = await server.connect();
    server.broker.isAway = true;
    line.subscribe(NAME, [epoch, 0, 0]);
    await server.settle();
    assertEquals(line.take(), []);
    server.broker.isAway = false;
    await server.clock.advance(5_000);
    assertEquals(told(line.take()), [{ status: RECOVERED, at: 0 }, 1, 2, 3]);
  });
});
