// What the order of a client's publications keeps, and for how long.
import { assert, assertEquals, assertLess, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { ConnectionOrigin } from "../rpc/connection_origin.ts";
import { CallError } from "../rpc/errors.ts";
import { PublishOrder } from "../rpc/publish_order.ts";
import { encode } from "../msgpack/mod.ts";
import { Kind } from "../rpc/kinds.ts";
import { ChannelNode } from "./suites/channel_node.ts";
import { ScriptedBroker } from "./suites/scripted_broker.ts";

const PRODUCER = new Uint8Array(16).fill(9);

describe("publications that wait for one before them", () => {
  it("are at most half of the calls, and of those that run at once: that one needs a place too", () => {
    for (
      const [limits, most] of [[{ calls: 4, concurrency: 64 }, 2], [
        { calls: 64, concurrency: 6 },
        3,
      ]] as const
    ) {
      const { order } = new ConnectionOrigin({ subject: undefined, producer: "p", isLost: false }, limits);
      const wait = (n: number) => order.run({ channel: "board/7", n, low: 1 }, () => n);
      for (let n = 2; n < 2 + most; n++) void wait(n);
      assertThrows(() => wait(2 + most), CallError, "is missing");
    }
  });
});

describe("what the order of publications keeps", () => {
  it("is nothing for names that are no channels, however long", async () => {
    const server = new ChannelNode({ broker: new ScriptedBroker() });
    const line = await server.connect({ producer: PRODUCER });
    for (let i = 0; i < 20; i++) {
      line.call("@publish", [`${i} ${"x".repeat(100_000)}`, 1, encode("x")]);
      line.call("@publish", [`board/${"x".repeat(1_000)}`, 2, encode("x"), { low: 1 }]);
      line.call("@publish", ["board", 2, encode("x"), { low: 1 }]);
    }
    await server.settle();
    const codes = line.takeOf(Kind.ERROR).map(([, , , code]) => code);
    assertEquals([codes.length, [...new Set(codes)]], [60, ["NOT_FOUND"]]);
    assertEquals(line.connection.held, 0);
  });

  it("is bounded, and counts as held for the connection and its session", async () => {
    const server = new ChannelNode({ broker: new ScriptedBroker() });
    const line = await server.connect({ producer: PRODUCER });
    const name = (i: number) => `board/${String(i).padStart(4, "0")}${"x".repeat(200)}`;
    for (let i = 0; i < 200; i++) line.publish(1, "x", { channel: name(i) });
    await server.settle();
    assert(line.connection.held > 200 * 210, `${line.connection.held} bytes`);
    for (let i = 200; i < 2_000; i++) line.publish(1, "x", { channel: name(i) });
    await server.settle();
    assertEquals(line.takeOf(Kind.RESULT).length, 2_000);
    assertLess(line.connection.held, 256 * 900);
  });
});

describe("a channel whose order was forgotten", () => {
  const many = (order: PublishOrder, count: number) => {
    for (let i = 0; i < count; i++) order.run({ channel: `${i}`, n: 1, low: 1 }, () => "landed");
  };

  it("is begun anew by the lowest number; a higher one comes again, when the client knows what has landed", () => {
    const order = new PublishOrder(8);
    many(order, 300);
    const error = assertThrows(() => order.run({ channel: "0", n: 2, low: 1 }, () => "landed"), CallError);
    assertEquals([error.code, error.retryable, error.ambiguous], ["OUT_OF_ORDER", true, false]);
    assertEquals(order.run({ channel: "0", n: 2, low: 2 }, () => "landed"), "landed");
  });

  it("is the one that was used longest ago", () => {
    const order = new PublishOrder(8);
    many(order, 200);
    for (let i = 200; i < 1_000; i++) {
      order.run({ channel: `${i}`, n: 1, low: 1 }, () => "landed");
      // Its next one, though there was no answer yet to the one before.
      assertEquals(
        order.run({ channel: "0", n: i - 198, low: Math.max(1, i - 199) }, ({ low }) => low),
        i - 198,
      );
    }
  });
});

describe("a publication that waits for one before it", () => {
  const order = () => new PublishOrder(8);
  const at = (n: number, low = 1) => ({ channel: "news", n, low });
  const never = () => new Promise<string>(() => {});
  const code = (promise: unknown) =>
    (promise as Promise<unknown>).catch((error: CallError) =>
      `${error.code}${error.retryable ? " again" : ""}`
    );

  it("runs when its client has given that up, as `low` tells", async () => {
    const rows = order();
    void rows.run(at(1), never);
    const two = rows.run(at(2), ({ low }) => `two ${low}`);
    const three = rows.run(at(3), ({ low }) => `three ${low}`);
    assertEquals(rows.run(at(2, 2), ({ low }) => `two again ${low}`), "two again 2");
    assertEquals([await two, await three], ["two 2", "three 3"]);
  });

  for (const isFirst of [false, true]) {
    it(`comes again when the call of that was broken off, ${isFirst ? "before" : "while"} it waits for it`, async () => {
      const [rows, call] = [order(), new AbortController()];
      void rows.run(at(1), never, () => call.signal);
      if (isFirst) call.abort();
      const two = code(rows.run(at(2), ({ low }) => `two ${low}`));
      if (isFirst) {
        assertEquals(rows.run(at(1), ({ low }) => `one ${low}`), "one 1");
        assertEquals(await two, "two 2", "nothing is under way: it waits for the first to come again");
      } else {
        call.abort();
        assertEquals(await two, "OUT_OF_ORDER again");
        const again = rows.run(at(2), ({ low }) => `two ${low}`);
        assertEquals([rows.run(at(1), ({ low }) => `one ${low}`), await again], ["one 1", "two 2"]);
      }
      assertEquals(rows.run(at(3), ({ low }) => `three ${low}`), "three 3");
    });
  }

  it("is not held up, nor passed, by what was given up and ends late", async () => {
    for (const end of ["resolve", "reject"] as const) {
      const rows = order();
      const [one, two] = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
      void code(rows.run(at(1), () => one.promise));
      const second = rows.run(at(2, 2), () => two.promise);
      const third = rows.run(at(3), () => "three");
      one[end](new CallError("UNAVAILABLE", "late", { ambiguous: true, retryable: true }) as never);
      await Promise.resolve();
      let isOver = false;
      (third as Promise<string>).then(() => isOver = true);
      for (let i = 0; i < 10; i++) await Promise.resolve();
      assertEquals(isOver, false, "it waits for the second");
      two.resolve("two");
      assertEquals([await second, await third], ["two", "three"]);
    }
  });
});

describe("publications that the broker has been told of", () => {
  /** Each is handed over at once, and answered when the test says so. */
  class Appends {
    readonly order = new PublishOrder(8);
    /** Number and `low` of each, as the broker was told. */
    readonly told: [n: number, low: number][] = [];
    readonly fates = new Map<number, PromiseWithResolvers<string>>();
    readonly ends: string[] = [];

    publish(n: number, low = 1): void {
      const done = this.order.run({ channel: "news", n, low }, (turn) => {
        this.told.push([n, turn.low]);
        const fate = Promise.withResolvers<string>();
        this.fates.set(n, fate);
        turn.handedOver();
        return fate.promise;
      }) as Promise<string>;
      done.then((value) => this.ends.push(value), (error: CallError) => this.ends.push(`${n} ${error.code}`));
    }

    async answer(n: number, error?: CallError): Promise<void> {
      const fate = this.fates.get(n)!;
      if (error === undefined) fate.resolve(`${n} landed`);
      else fate.reject(error);
      for (let i = 0; i < 10; i++) await Promise.resolve();
    }
  }

  const unavailable = () => new CallError("UNAVAILABLE", "away", { ambiguous: true, retryable: true });
  const upTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

  it("do not keep the next one waiting, which tells what may still be on its way", async () => {
    const appends = new Appends();
    for (const n of [1, 3, 2, 4]) appends.publish(n);
    assertEquals(appends.told, [[1, 1], [2, 1], [3, 1], [4, 1]]);
    await appends.answer(2);
    await appends.answer(1);
    appends.publish(5);
    assertEquals(appends.told.at(-1), [5, 3]);
  });

  it("are no more than brokers remember results of", async () => {
    const appends = new Appends();
    for (const n of upTo(66)) appends.publish(n);
    assertEquals(appends.told.length, 64);
    await appends.answer(2);
    assertEquals(appends.told.length, 64, "the first may come again");
    await appends.answer(1);
    assertEquals(appends.told.slice(64), [[65, 3], [66, 3]]);
  });

  it("are not passed by those that come after one whose fate is not known", async () => {
    const appends = new Appends();
    for (const n of [1, 2, 3]) appends.publish(n);
    await appends.answer(1, unavailable());
    await appends.answer(3); // the first had landed: its answer was lost
    appends.publish(4);
    assertEquals(appends.told.length, 3, "it waits for the first to come again");
    appends.publish(1);
    assertEquals(appends.told.slice(3), [[1, 1], [4, 1]]);
    await appends.answer(1);
    await appends.answer(2);
    appends.publish(5);
    assertEquals(appends.told.at(-1), [5, 4]);
    assertEquals(appends.ends, ["1 UNAVAILABLE", "3 landed", "1 landed", "2 landed"]);
  });

  it("are sent again by whoever waits for one that failed", async () => {
    const appends = new Appends();
    for (const n of [1, 2]) appends.publish(n);
    appends.publish(4); // 3 is still on its way here
    await appends.answer(1, unavailable());
    await appends.answer(2, new CallError("OUT_OF_ORDER", "", { declared: true, retryable: true }));
    assertEquals(appends.ends, ["1 UNAVAILABLE", "4 OUT_OF_ORDER", "2 OUT_OF_ORDER"]);
    for (const n of [4, 3, 2, 1]) appends.publish(n);
    assertEquals(appends.told.slice(2), [[1, 1], [2, 1], [3, 1], [4, 1]]);
  });

  it("are over where they were refused for good, and where their client has gone on", async () => {
    const appends = new Appends();
    for (const n of [1, 2, 3]) appends.publish(n);
    await appends.answer(1, new CallError("UNAVAILABLE", "forgotten", { ambiguous: true, retryable: false }));
    appends.publish(4);
    assertEquals(appends.told.length, 3, "the broker will refuse the two behind it");
    appends.publish(5, 4);
    assertEquals(appends.told.slice(3), [[4, 4], [5, 4]]);
    await appends.answer(2, unavailable());
    appends.publish(6, 4);
    assertEquals(appends.told.at(-1), [6, 4], "nobody waits for the second");
  });

  it("may come again while they are under way", async () => {
    const appends = new Appends();
    for (const n of [1, 2, 1]) appends.publish(n);
    assertEquals(appends.told, [[1, 1], [2, 1], [1, 1]]);
    await appends.answer(1);
    appends.publish(3);
    assertEquals(appends.told.at(-1), [3, 1], "the first sending has no answer yet");
  });

  it("keep nothing of the order when all are over", async () => {
    const appends = new Appends();
    for (const n of upTo(64)) appends.publish(n);
    for (const n of upTo(64).toReversed()) await appends.answer(n);
    assertEquals(appends.ends.length, 64);
    appends.publish(65, 65);
    assertEquals(appends.told.at(-1), [65, 65]);
  });

  it("keep those waiting that come after one that was refused: the broker would take none that leaves it out", async () => {
    const appends = new Appends();
    appends.publish(1);
    const refused = assertThrows(
      () =>
        appends.order.run({ channel: "news", n: 2, low: 1 }, () => {
          throw new CallError("FORBIDDEN");
        }),
      CallError,
    );
    assertEquals(refused.code, "FORBIDDEN");
    for (const n of [3, 4]) appends.publish(n);
    assertEquals(appends.told, [[1, 1]]);
    await appends.answer(1);
    assertEquals(appends.told, [[1, 1], [3, 3], [4, 3]]);
  });
});
