// Orders that a node did not hear when they were given: it could not listen yet, or its broker is a copy that fell behind.
import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Kind } from "../rpc/kinds.ts";
import { resolveLimits } from "../rpc/limits.ts";
import { encodeMessage } from "../rpc/message_data.ts";
import { type Order, Orders } from "../rpc/orders.ts";
import { ManualClock } from "./suites/manual_clock.ts";
import { Nodes } from "./suites/order_nodes.ts";
import { ScriptedBroker } from "./suites/scripted_broker.ts";

describe("a node whose link to the broker was down when its first client came", () => {
  /** Its first clients, and what happens before it can listen. */
  const start = async (tokens: string[]) => {
    const nodes = new Nodes();
    nodes.link.isDown = true;
    const lines = await Promise.all(tokens.map((token) => nodes.there.connect({ token })));
    return { nodes, lines };
  };
  const mend = async (nodes: Nodes) => {
    nodes.link.isDown = false;
    await nodes.clock.advance(6_000);
  };

  it("closes who was to leave meanwhile, and nobody else", async () => {
    const { nodes, lines } = await start(["ada", "bob"]);
    await nodes.clock.advance(200_000);
    await nodes.here.node.kick("ada", { code: 4001 });
    await nodes.clock.advance(200_000);
    await mend(nodes);
    assertEquals(lines.map(({ closed }) => closed), [4001, undefined]);
    assertEquals(nodes.errors, ["down"]);
    nodes.end();
  });

  it("closes who is authenticated when it hears of it, but for who came a minute after the order", async () => {
    for (const [ms, closed] of [[0, 4403], [61_000, undefined]] as const) {
      const { nodes } = await start(["bob"]);
      await nodes.here.node.kick("ada");
      await nodes.clock.advance(ms);
      nodes.waits = true;
      const late = await nodes.there.connect({ token: "ada" });
      await mend(nodes);
      nodes.asked[0]!();
      await nodes.clock.settle();
      assertEquals([late.connection.subject, late.closed], ["ada", closed]);
      nodes.end();
    }
  });

  it("asks rules again where that was ordered meanwhile", async () => {
    for (const isOrdered of [true, false]) {
      const { nodes, lines } = await start(["ada"]);
      await nodes.clock.advance(1_000);
      nodes.link.isDown = false; // orders are asked for again in a moment
      await lines[0]!.joined();
      nodes.banned.add("ada");
      if (isOrdered) await nodes.here.node.reauthorize({ subject: "ada" });
      assertEquals(lines[0]!.takeOf(Kind.UNSUBSCRIBED).length, 0);
      await mend(nodes);
      assertEquals(lines[0]!.takeOf(Kind.UNSUBSCRIBED).length, isOrdered ? 1 : 0);
      nodes.end();
    }
  });

  it("reads all that was ordered, page by page", async () => {
    const { nodes, lines } = await start(["ada", "bob"]);
    for (let n = 0; n < 5; n++) await nodes.here.node.kick(`${n}`.repeat(100_000));
    await nodes.here.node.kick("ada");
    await mend(nodes);
    assertEquals(lines.map(({ closed }) => closed), [4403, undefined]);
    await nodes.here.node.kick("bob");
    await nodes.clock.settle();
    assertEquals(lines[1]!.closed, 4403);
    nodes.end();
  });

  it("leaves who came a minute after the order, and closes who came sooner: clocks are not the same", async () => {
    const { nodes, lines } = await start(["bob"]);
    await nodes.here.node.kick("ada");
    await nodes.clock.advance(59_000);
    lines.push(await nodes.there.connect({ token: "ada" }));
    await nodes.clock.advance(2_000);
    lines.push(await nodes.there.connect({ token: "ada" }));
    await mend(nodes);
    assertEquals(lines.map(({ closed }) => closed), [undefined, 4403, undefined]);
    nodes.end();
  });

  it("leaves who comes when it can listen, and whom nothing concerns that was ordered long before", async () => {
    const nodes = new Nodes();
    await nodes.here.node.kick("ada");
    await nodes.clock.advance(61_000);
    const lines = [await nodes.there.connect({ token: "ada" })];
    await nodes.here.node.kick("bob");
    await nodes.clock.settle();
    lines.push(await nodes.there.connect({ token: "bob" }));
    await nodes.clock.advance(60_000);
    assertEquals(lines.map(({ closed }) => closed), [undefined, undefined]);
    assertEquals(nodes.errors, []);
    nodes.end();
  });
});

describe("orders in a copy that fell behind, or in another life of the stream", () => {
  const CHANNEL = "*orders";

  /** One node that listens, and has heard of so many kicks. */
  class Lone {
    readonly clock = new ManualClock();
    readonly broker = new ScriptedBroker();
    readonly errors: string[] = [];
    /** What was obeyed, short: `ada`, or `all`. */
    readonly obeyed: string[] = [];
    /** By when connections must have been opened, of each kick. */
    readonly by: (number | undefined)[] = [];
    readonly orders: Orders;

    constructor(heard: number) {
      this.orders = new Orders({
        broker: this.broker,
        clock: this.clock,
        date: () => this.clock.now(),
        node: "here",
        limits: resolveLimits({}),
        obey: (order, by) => {
          this.obeyed.push(order.do === "kick" ? order.subject : "all");
          if (order.do === "kick") this.by.push(by);
        },
        report: (error) => this.errors.push((error as Error).message),
      });
      this.orders.listen();
      for (let n = 1; n <= heard; n++) this.kick(`n${n}`);
      this.obeyed.length = this.by.length = 0;
    }

    kick(subject: string, node = "there"): void {
      this.#add({ do: "kick", subject, code: 4403, reason: "" }, node);
    }

    reauthorize(): void {
      this.#add({ do: "reauthorize" }, "there");
    }

    #add(order: Order, node: string): void {
      this.broker.add(CHANNEL, encodeMessage({ node, ...order }));
    }
  }

  it("a push that is not what came before at its offset is obeyed, once, and rules are asked", () => {
    const lone = new Lone(10);
    lone.broker.rollBack(CHANNEL, 5);
    lone.kick("ada");
    assertEquals(lone.obeyed, ["all", "ada"]);
    lone.kick("bob");
    assertEquals(lone.obeyed, ["all", "ada", "bob"]);
    assertEquals(lone.errors.length, 1);
    lone.orders.end();
  });

  for (
    const [name, fall] of [
      ["grown past it", (lone: Lone) => lone.broker.rollBack(CHANNEL, 2)],
      ["begun anew", (lone: Lone) => void lone.broker.streams.delete(CHANNEL)],
    ] as const
  ) {
    it(`all that is there is obeyed when the loss is found: ${name}`, async () => {
      const lone = new Lone(4);
      lone.broker.isDeaf = true;
      fall(lone);
      for (const subject of ["a", "b", "c"]) lone.kick(subject);
      lone.kick("mine", "here");
      lone.reauthorize();
      await lone.clock.advance(20_000);
      assertEquals(lone.obeyed, ["all", "a", "b", "c", "all"]);
      assertEquals(lone.errors.length, 1);
      await lone.clock.advance(60_000);
      assertEquals(lone.obeyed.length, 5);
      lone.orders.end();
    });
  }

  it("a kick that is found so concerns nobody who came more than a minute after it", async () => {
    const lone = new Lone(4);
    lone.broker.isDeaf = true;
    lone.broker.rollBack(CHANNEL, 3);
    lone.kick("old"); // at 1,003
    lone.broker.isAway = true;
    await lone.clock.advance(299_000);
    lone.broker.isAway = false;
    await lone.clock.advance(6_000);
    lone.broker.isDeaf = false;
    lone.kick("new");
    assertEquals([lone.obeyed, lone.by], [["all", "old", "new"], [61_003, undefined]]);
    lone.orders.end();
  });

  it("an order that is pushed twice is no doubt", () => {
    const lone = new Lone(4);
    const [entry] = lone.broker.stream(CHANNEL).entries;
    const { length } = lone.broker.asked;
    lone.broker.push(CHANNEL, entry!);
    assertEquals([lone.broker.asked.length, lone.obeyed], [length, []]);
    lone.orders.end();
  });

  it("another life of a stream that was empty, and is, is no news, but rules are asked", async () => {
    const lone = new Lone(0);
    lone.broker.streams.delete(CHANNEL);
    await lone.clock.advance(20_000);
    assertEquals([lone.obeyed, lone.errors], [["all"], []]);
    await lone.clock.advance(60_000);
    assertEquals(lone.obeyed, ["all"]);
    lone.orders.end();
  });

  it("nothing is left to do after the end", () => {
    const lone = new Lone(1);
    lone.orders.end();
    assertEquals(lone.clock.pending, 0);
  });
});
