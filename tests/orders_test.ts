// What one node tells all others: who is to leave, whose subscriptions are to be looked at again. Nodes share a broker in memory, whose pushes can be lost.
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { MemoryBroker } from "../brokers/memory.ts";
import { Kind } from "../rpc/kinds.ts";
import { DEFAULT_LIMITS } from "../rpc/limits.ts";
import { Orders } from "../rpc/orders.ts";
import type { ChannelNode } from "./suites/channel_node.ts";
import { ManualClock } from "./suites/manual_clock.ts";
import { Nodes } from "./suites/order_nodes.ts";

describe("kick() on one of two nodes", () => {
  it("closes the connections of its subject on both, and nobody else's", async () => {
    const nodes = new Nodes();
    const lines = [];
    for (const server of [nodes.here, nodes.there]) {
      for (const token of ["ada", "bob"]) lines.push(await server.connect({ token }));
    }
    await nodes.here.node.kick("ada");
    await nodes.clock.settle();
    assertEquals(lines.map(({ closed }) => closed), [4403, undefined, 4403, undefined]);
    await nodes.there.node.kick("bob", { code: 4001, reason: "go" });
    await nodes.clock.settle();
    assertEquals(lines.map(({ closed }) => closed), [4403, 4001, 4403, 4001]);
    assertEquals(nodes.errors, []);
    nodes.end();
  });

  it("is done once: who comes back afterwards stays", async () => {
    const nodes = new Nodes();
    for (const server of [nodes.here, nodes.there]) await server.connect({ token: "ada" });
    await nodes.here.node.kick("ada");
    await nodes.clock.settle();
    const again = [await nodes.here.connect({ token: "ada" }), await nodes.there.connect({ token: "ada" })];
    await nodes.here.node.kick("bob");
    await nodes.clock.advance(60_000);
    assertEquals(again.map(({ closed }) => closed), [undefined, undefined]);
    nodes.end();
  });

  it("closes who was being authenticated meanwhile: the answer may be older than the order", async () => {
    const nodes = new Nodes();
    await nodes.there.connect({ token: "bob" });
    nodes.waits = true;
    const late = [await nodes.there.connect({ token: "ada" }), await nodes.there.connect({ token: "eve" })];
    await nodes.here.node.kick("ada");
    for (const answer of nodes.asked) answer();
    await nodes.clock.settle();
    assertEquals(late.map(({ closed }) => closed), [4403, undefined]);
    nodes.waits = false;
    assertEquals((await nodes.there.connect({ token: "ada" })).closed, undefined);
    nodes.end();
  });

  it("reaches a node that has missed the push, in order, once it looks or hears of the next", async () => {
    const nodes = new Nodes();
    const lines = [await nodes.there.connect({ token: "ada" }), await nodes.there.connect({ token: "bob" })];
    nodes.broker.deaf = true;
    await nodes.here.node.kick("ada");
    await nodes.clock.settle();
    assertEquals(lines[0]!.closed, undefined);
    nodes.broker.deaf = false;
    await nodes.here.node.kick("bob");
    await nodes.clock.settle();
    assertEquals(lines.map(({ closed }) => closed), [4403, 4403]);

    const next = await nodes.there.connect({ token: "ada" });
    nodes.broker.deaf = true;
    await nodes.here.node.kick("ada");
    await nodes.clock.advance(20_000);
    assertEquals(next.closed, 4403);
    assertEquals(nodes.errors, []);
    nodes.end();
  });

  it("is done here where the broker is away, and says that others may not know", async () => {
    const nodes = new Nodes();
    const [mine, other] = [
      await nodes.here.connect({ token: "ada" }),
      await nodes.there.connect({ token: "ada" }),
    ];
    nodes.broker.away = true;
    const error = await assertRejects(() => nodes.here.node.kick("ada"));
    assertEquals([(error as { code?: string }).code, (error as { ambiguous?: boolean }).ambiguous], [
      "UNAVAILABLE",
      true,
    ]);
    await nodes.clock.settle();
    assertEquals([mine.closed, other.closed], [4403, undefined]);
    nodes.end();
  });

  it("is kept for who is being authenticated, as long as anybody is who was here before it", async () => {
    const nodes = new Nodes();
    nodes.waits = true;
    const lines = [await nodes.there.connect({ token: "ada" })];
    await nodes.there.node.kick("ada");
    for (let round = 0; round < 4; round++) {
      lines.push(await nodes.there.connect({ token: `${round}` }));
      await nodes.clock.advance(1_000);
      nodes.asked.shift()!();
      await nodes.clock.settle();
      for (let n = 0; n < 3_000; n++) void nodes.there.node.kick(`${round} ${n}`);
    }
    assertEquals(lines.map(({ closed }) => closed), [4403, undefined, undefined, undefined, undefined]);
    // More than are kept: who they might concern has to ask again.
    for (let n = 0; n < 10_000; n++) void nodes.there.node.kick(`more ${n}`);
    await nodes.clock.settle();
    assertEquals(lines.map(({ closed }) => closed), [4403, undefined, undefined, undefined, 1013]);
    nodes.end();
  });

  it("refuses codes and subjects that are none", () => {
    const nodes = new Nodes();
    for (const code of [0, 999, 1006, 2999, 5000, 4000.5]) {
      assertThrows(() => void nodes.here.node.kick("ada", { code }), RangeError);
    }
    for (const name of [undefined, 5, null, {}, "lone \ud800"] as never[]) {
      assertThrows(() => void nodes.here.node.kick(name), TypeError);
      if (name === undefined) continue;
      assertThrows(() => void nodes.here.node.reauthorize({ subject: name }), TypeError);
      assertThrows(() => void nodes.here.node.reauthorize({ channel: name }), TypeError);
    }
    nodes.end();
  });

  it("is done on both whatever its reason is", async () => {
    for (const reason of ["lone \ud800", 5 as never, "é".repeat(200)]) {
      const nodes = new Nodes();
      const lines = [await nodes.here.connect({ token: "ada" }), await nodes.there.connect({ token: "ada" })];
      await nodes.here.node.kick("ada", { reason });
      await nodes.clock.settle();
      assertEquals([lines.map(({ closed }) => closed), nodes.errors], [[4403, 4403], []]);
      nodes.end();
    }
  });

  it("is not done here where the others cannot be told what it is", async () => {
    const obeyed: unknown[] = [];
    const clock = new ManualClock();
    const orders = new Orders({
      broker: new MemoryBroker({ clock }),
      clock,
      node: "here",
      limits: DEFAULT_LIMITS,
      date: () => 0,
      obey: (order) => void obeyed.push(order),
      report: () => {},
    });
    await assertRejects(
      () => orders.give({ do: "kick", subject: "lone \ud800", code: 4403, reason: "" }),
      TypeError,
      "lone surrogate",
    );
    assertEquals(obeyed, []);
    orders.end();
  });
});

describe("reauthorize() on one of two nodes", () => {
  const ended = async (nodes: Nodes, act: () => unknown) => {
    const lines = [];
    for (const server of [nodes.here, nodes.there]) {
      for (const token of ["ada", "bob"]) {
        const line = await server.connect({ token });
        await line.joined();
        lines.push(line);
      }
    }
    nodes.banned.add("ada").add("bob");
    await act();
    await nodes.clock.settle();
    return lines.map((line) => line.takeOf(Kind.UNSUBSCRIBED).length);
  };

  it("asks the rules of all, of one subject, of one channel", async () => {
    const cases: [Parameters<ChannelNode["node"]["reauthorize"]>[0], number[]][] = [
      [{}, [1, 1, 1, 1]],
      [{ subject: "ada" }, [1, 0, 1, 0]],
      [{ channel: "board/7" }, [1, 1, 1, 1]],
      [{ channel: "board/8" }, [0, 0, 0, 0]],
      [{ subject: "bob", channel: "board/7" }, [0, 1, 0, 1]],
    ];
    for (const [filter, expected] of cases) {
      const nodes = new Nodes();
      assertEquals(await ended(nodes, () => nodes.there.node.reauthorize(filter)), expected);
      nodes.end();
    }
  });

  it("is done of itself by a node that cannot know what was ordered: the broker has lost it", async () => {
    const nodes = new Nodes();
    await nodes.here.connect();
    await nodes.here.node.kick("nobody");
    const told = await ended(nodes, () => {
      nodes.broker.forget("*orders");
    });
    assertEquals(told, [1, 1, 1, 1]);
    assertEquals(new Set(nodes.errors).size, 1);
    nodes.end();
  });
});

it("a node that was drained hears of nothing", async () => {
  const nodes = new Nodes();
  await nodes.there.connect({ token: "ada" });
  nodes.end();
  await nodes.clock.advance(60_000);
  nodes.broker.close();
  assertEquals(nodes.errors, []);
});
