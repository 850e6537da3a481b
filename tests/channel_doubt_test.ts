// What subscribers get while their node does not know what the broker has: what is late is waited for, and nobody believes for long to get everything.
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { encode } from "../msgpack/mod.ts";
import type { Entry } from "../rpc/broker.ts";
import { Kind } from "../rpc/kinds.ts";
import { ChannelNode, type Line, told } from "./suites/channel_node.ts";
import { ScriptedBroker } from "./suites/scripted_broker.ts";

const NAME = "board/7";
const [RECOVERED, RESET] = [1, 2];

function start(): ChannelNode {
  return new ChannelNode({ broker: new ScriptedBroker() });
}

describe("a broker whose answers come before its pushes", () => {
  /** A channel that keeps nothing, of which a look is on its way that has seen more than was pushed. */
  async function looked(): Promise<{ server: ReturnType<typeof start>; line: Line; entries: Entry[] }> {
    const server = start();
    server.broker.keeps = 0;
    const line = await server.connect();
    await line.joined();
    await server.publish("one");
    assertEquals(told(line.take()), ["one"]);
    server.broker.isDeaf = true;
    const { offset, fingerprint } = server.broker.stream(NAME).top;
    const entries = ["two", "three"].map((value, i) => ({
      offset: offset + 1 + i,
      fingerprint: 77 + i,
      previous: i === 0 ? fingerprint : 76 + i,
      at: 1_000,
      data: encode(value),
      room: 0,
    }));
    for (const { fingerprint, data } of entries) server.broker.add(NAME, data, { fingerprint });
    server.broker.doubt(NAME);
    await server.settle();
    return { server, line, entries };
  }

  it("resets nobody: what is still to be pushed is waited for", async () => {
    const { server, line, entries } = await looked();
    assertEquals(told(line.take()), []);
    server.broker.push(NAME, entries[0]!);
    await server.settle();
    assertEquals(told(line.take()), ["two"]);
    server.broker.push(NAME, entries[1]!);
    server.broker.isDeaf = false;
    await server.publish("four");
    await server.clock.advance(5_000);
    assertEquals(told(line.take()), ["three", "four"]);
  });

  it("resets nobody where more was pushed than anybody remembers", async () => {
    const server = start();
    server.broker.keeps = 150;
    const line = await server.connect();
    await line.joined();
    for (let i = 1; i <= 100; i++) await server.publish(i);
    assertEquals(told(line.take()).length, 100);
    const { epoch, entries } = server.broker.stream(NAME);
    server.broker.isDeaf = true;
    server.broker.isSlow = true;
    server.broker.doubt(NAME);
    await server.settle();
    const added: Entry[] = [];
    for (let i = 101; i <= 300; i++) {
      server.broker.add(NAME, encode(i));
      added.push(entries.at(-1)!);
    }
    for (const entry of added.slice(0, 150)) server.broker.push(NAME, entry, epoch);
    server.broker.isSlow = false;
    server.broker.answer();
    await server.settle();
    for (const entry of added.slice(100)) server.broker.push(NAME, entry, epoch);
    await server.settle();
    assertEquals(told(line.take()), Array.from({ length: 200 }, (_, i) => 101 + i));
    assertEquals(server.errors, []);
  });

  it("resets everybody when a second has passed, or another push says that it was lost", async () => {
    for (const isPushed of [false, true]) {
      const { server, line, entries } = await looked();
      if (isPushed) server.broker.push(NAME, entries[1]!);
      await server.settle();
      if (!isPushed) await server.clock.advance(1_100);
      assertEquals(told(line.take()), [{ status: RESET, at: 3 }]);
      server.broker.isDeaf = false;
      await server.publish("four");
      assertEquals(told(line.take()), ["four"]);
    }
  });

  it("leaves no timer behind", async () => {
    const { server } = await looked();
    server.node.parts.channels!.end();
    const pending = server.clock.pending;
    await server.clock.advance(2_000);
    assert(server.clock.pending <= pending);
    assertEquals(server.errors, []);
  });
});

describe("a broker that is away", () => {
  for (const isTold of [true, false]) {
    it(`for long leaves nobody with the belief to get everything, ${isTold ? "told" : "by the comparison"}`, async () => {
      const server = start();
      const line = await server.connect();
      await line.joined();
      await server.publish("one");
      line.take();
      const { epoch, top: { fingerprint } } = server.broker.stream(NAME);
      server.broker.isAway = true;
      if (isTold) server.broker.doubt(NAME);
      await server.clock.advance(isTold ? 19_000 : 20_000);
      assertEquals(told(line.take()), [], "it may come back");
      await server.clock.advance(isTold ? 3_000 : 22_000);
      assertEquals(line.takeOf(Kind.UNSUBSCRIBED).map(([, , code, flags]) => [code, flags]), [[
        "UNAVAILABLE",
        1,
      ]]);
      line.subscribe(NAME, [epoch, 1, fingerprint]);
      await server.clock.advance(60_000);
      assertEquals(told(line.take()), [], "once: who asks again waits");
      server.broker.isAway = false;
      server.broker.isDeaf = true;
      server.broker.add(NAME, encode("two"));
      await server.clock.advance(10_000);
      assertEquals(told(line.take()), [{ status: RECOVERED, at: 1 }, "two"]);
    });
  }

  it("for long costs nobody anything who was not told yet, and nothing where it answers in time", async () => {
    const server = start();
    const line = await server.connect();
    await line.joined();
    line.take();
    for (let i = 0; i < 10; i++) {
      server.broker.isAway = true;
      server.broker.doubt(NAME);
      await server.clock.advance(15_000);
      server.broker.isAway = false;
      await server.clock.advance(6_000);
    }
    assertEquals(told(line.take()), []);
    assertEquals(server.node.stats().subscriptions, 1);
  });
});
