// How a connection to Redis is kept, with connections of the test's own and a clock that stands still.
import { assertEquals, assertRejects } from "@std/assert";
import { beforeEach, describe, it } from "@std/testing/bdd";
import { ClientLink } from "../redis/client_link.ts";
import { type Client, type Connection, type ConnectionEvents, replyOf } from "../redis/connection.ts";
import { RedisLostError, RedisReplyError } from "../redis/link.ts";
import { Subscriptions } from "../redis/subscriptions.ts";
import { ManualClock } from "./suites/manual_clock.ts";

/** Something that the test answers. */
interface Asked {
  readonly what: string;
  resolve(value?: unknown): void;
  reject(error: unknown): void;
}

/** A connection whose other end is the test. */
class FakeConnection implements Connection {
  readonly events: ConnectionEvents;
  readonly asked: Asked[] = [];
  closed = false;

  constructor(events: ConnectionEvents) {
    this.events = events;
  }

  open = (): Promise<unknown> => this.#ask("open");
  command = (args: readonly string[]): Promise<unknown> => this.#ask(args.join(" "));
  ping = (): Promise<unknown> => this.#ask("ping");
  subscribe = (channel: string): Promise<unknown> => this.#ask(`+${channel}`);
  unsubscribe = (channel: string): Promise<unknown> => this.#ask(`-${channel}`);

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }

  /** What is asked and not answered, in order. */
  get unanswered(): string[] {
    return this.asked.map(({ what }) => what);
  }

  /** Takes the next question. */
  take(what: string): Asked {
    const next = this.asked.shift();
    assertEquals(next?.what, what);
    return next!;
  }

  #ask(what: string): Promise<unknown> {
    return new Promise((resolve, reject) => this.asked.push({ what, resolve, reject }));
  }
}

describe("redis: what keeps a connection", () => {
  let clock: ManualClock;
  let made: FakeConnection[];
  let client: Client;

  beforeEach(() => {
    clock = new ManualClock();
    made = [];
    client = {
      pubsub: "sharded",
      connect(events) {
        made.push(new FakeConnection(events));
        return made.at(-1)!;
      },
      meaning: (error) => error instanceof SyntaxError ? "reply" : "lost",
    };
  });

  /** The newest connection is there. */
  async function opened(): Promise<FakeConnection> {
    const connection = made.at(-1)!;
    connection.take("open").resolve();
    await clock.settle();
    return connection;
  }

  function subscriber(): { subscriber: Subscriptions; told: string[] } {
    const told: string[] = [];
    const events = {
      message: (channel: string, payload: string) => told.push(`${channel} ${payload}`),
      restored: () => told.push("restored"),
      lost: (error: RedisLostError) => told.push(`lost: ${error.message}`),
    };
    return { subscriber: new Subscriptions(client, events, clock, {}), told };
  }

  it("waits longer with each failure, and begins anew after a connection that lived", async () => {
    const link = new ClientLink(client, clock, {});
    const waits: number[] = [];
    const fail = async () => {
      const before = made.length;
      made.at(-1)!.events.lost(new Error("refused"));
      const begun = clock.now();
      while (made.length === before) await clock.advance(5);
      waits.push(clock.now() - begun);
    };
    for (let n = 0; n < 8; n++) await fail();
    assertEquals(waits, [25, 50, 100, 200, 400, 800, 1_000, 1_000]); // random() is 0.5
    await opened();
    await fail(); // at once: no better than none
    assertEquals(waits.at(-1), 1_000);
    const connection = await opened();
    for (let n = 0; n < 6; n++) {
      await clock.advance(1_000);
      connection.take("ping").resolve("PONG");
      await clock.settle();
    }
    await fail();
    assertEquals(waits.at(-1), 25);
    await link.close();
    assertEquals(clock.pending, 0);
    assertEquals(made.every(({ closed }) => closed), true);
  });

  it("leaves an attempt that takes longer than the patience, and hears no more of it", async () => {
    const link = new ClientLink(client, clock, { patience: 300 });
    let connects = 0;
    link.onConnect(() => connects++);
    const ready = link.ready();
    await clock.advance(299);
    assertEquals([made.length, made[0]!.closed], [1, false]);
    await clock.advance(1);
    assertEquals(made[0]!.closed, true);
    made[0]!.take("open").resolve(); // too late
    await clock.settle();
    assertEquals(connects, 0);
    await clock.advance(25);
    await opened();
    await ready;
    assertEquals([made.length, connects], [2, 1]);
    await link.close();
  });

  it("a late sign of life is one, and an error that answers it is one", async () => {
    const link = new ClientLink(client, clock, { patience: 3_000, pulse: 1_000 });
    const connection = await opened();
    await clock.advance(3_000);
    assertEquals(connection.unanswered, ["ping"]); // asked once, though three pulses have passed
    connection.take("ping").resolve();
    await clock.settle();
    await clock.advance(3_000);
    connection.take("ping").reject(new SyntaxError("MISCONF"));
    await clock.settle();
    await clock.advance(3_000);
    assertEquals(connection.closed, false);
    const command = link.command(["GET", "a"]);
    connection.take("ping");
    connection.take("GET a").resolve("1"); // another answer is a sign of life, too
    assertEquals(await command, "1");
    await clock.advance(3_000);
    assertEquals(connection.closed, false);
    await clock.advance(1_000);
    assertEquals(connection.closed, true);
    await link.close();
  });

  it("a connection that is gone tells nothing more", async () => {
    const { subscriber: listens, told } = subscriber();
    const first = await opened();
    const asked = listens.subscribe("a");
    first.take("+a").resolve();
    await asked;
    first.events.message("a", "1");
    first.events.message("b", "nobody wants it");
    first.events.lost(new Error("why"));
    first.events.lost(new Error("again"));
    first.events.message("a", "late");
    let confirmed = false;
    listens.subscribe("a").then(() => confirmed = true);
    await clock.advance(25);
    const second = await opened();
    assertEquals(confirmed, false);
    first.events.lost(new Error("later"));
    first.events.message("a", "later");
    second.take("+a").resolve();
    await clock.settle();
    assertEquals(told, ["a 1", "lost: Redis: why", "restored"]);
    await listens.close();
  });

  it("is lost once and restored once, though the way back is lost as well", async () => {
    const { subscriber: listens, told } = subscriber();
    const first = await opened();
    const asked = [listens.subscribe("a"), listens.subscribe("b")];
    first.take("+a").resolve();
    first.take("+b").resolve();
    await Promise.all(asked);
    first.events.lost(new Error("one"));
    await clock.advance(25);
    const second = await opened();
    second.take("+a").resolve();
    await clock.settle();
    second.events.lost(new Error("two"));
    await clock.advance(50);
    const third = await opened();
    third.take("+a").resolve();
    await clock.settle();
    assertEquals(told, ["lost: Redis: one"]);
    third.take("+b").resolve();
    await clock.settle();
    assertEquals(told, ["lost: Redis: one", "restored"]);
    await listens.close();
  });

  it("of a channel one thing is asked at a time, and what is wanted in the end is", async () => {
    const { subscriber: listens, told } = subscriber();
    const connection = await opened();
    const gone = (asked: Promise<void>) => assertRejects(() => asked, RedisLostError, "was unsubscribed");
    const first = gone(listens.subscribe("a"));
    listens.unsubscribe("a");
    await first;
    const second = gone(listens.subscribe("a"));
    listens.unsubscribe("a");
    await second;
    assertEquals(connection.unanswered, ["+a"]);
    connection.take("+a").resolve();
    await clock.settle();
    connection.events.message("a", "nobody wants it");
    assertEquals(connection.unanswered, ["-a"]);
    let confirmed = false;
    const third = listens.subscribe("a").then(() => confirmed = true);
    await clock.settle();
    assertEquals([connection.unanswered, confirmed], [["-a"], false]);
    connection.take("-a").resolve();
    await clock.settle();
    assertEquals([connection.unanswered, confirmed], [["+a"], false]);
    listens.unsubscribe("a");
    await assertRejects(() => third, RedisLostError);
    const fourth = listens.subscribe("a");
    connection.take("+a").resolve();
    await fourth;
    connection.events.message("a", "1");
    assertEquals([connection.unanswered, told], [[], ["a 1"]]);
    await listens.close();
  });

  it("a channel that goes and comes in the turn that tells of its confirmation is asked anew", async () => {
    const { subscriber: listens } = subscriber();
    const connection = await opened();
    const again = listens.subscribe("a").then(() => {
      listens.unsubscribe("a");
      return listens.subscribe("a");
    });
    connection.take("+a").resolve();
    await clock.settle();
    connection.take("-a").resolve();
    await clock.settle();
    connection.take("+a").resolve();
    await again;
    assertEquals(connection.unanswered, []);
    await listens.close();
  });

  it("what is not wanted any more when the connection is lost does not come back", async () => {
    const { subscriber: listens, told } = subscriber();
    const first = await opened();
    const asked = [listens.subscribe("a"), listens.subscribe("b")];
    asked[1]!.catch(() => {});
    first.take("+a").resolve();
    await asked[0];
    listens.unsubscribe("a");
    listens.unsubscribe("b");
    assertEquals(first.unanswered, ["+b", "-a"]);
    const late = [first.take("+b"), first.take("-a")];
    const c = listens.subscribe("c");
    first.events.lost(new Error("why"));
    for (const { reject } of late) reject(new Error("why"));
    await clock.advance(25);
    const second = await opened();
    assertEquals(second.unanswered, ["+c"]);
    second.take("+c").resolve();
    await c;
    await clock.settle();
    assertEquals(told, ["lost: Redis: why", "restored"]);
    await listens.close();
  });

  it("a refusal of what nobody wants any more is nobody's, and whoever comes again asks anew", async () => {
    const { subscriber: listens } = subscriber();
    const connection = await opened();
    const first = listens.subscribe("a");
    listens.unsubscribe("a");
    await assertRejects(() => first, RedisLostError);
    connection.take("+a").reject(new SyntaxError("NOPERM no"));
    await clock.settle();
    assertEquals([connection.unanswered, connection.closed], [[], false]);
    const second = listens.subscribe("a");
    connection.take("+a").resolve();
    await second;
    listens.unsubscribe("a");
    connection.take("-a").reject(new SyntaxError("NOPERM no"));
    await clock.settle();
    assertEquals(connection.closed, false);
    const third = listens.subscribe("a");
    connection.take("+a").resolve();
    await third;
    listens.unsubscribe("a");
    connection.take("-a").reject(new Error("not in subscriber mode")); // then it is no good
    await clock.settle();
    assertEquals(connection.closed, true);
    await listens.close();
  });

  it("who asks again for what is not confirmed waits with those who did", async () => {
    const { subscriber: listens } = subscriber();
    const first = listens.subscribe("a");
    assertEquals(listens.subscribe("a") === first, true);
    const connection = await opened();
    assertEquals(listens.subscribe("a") === first, true);
    connection.take("+a").resolve();
    await first;
    assertEquals(connection.unanswered, []);
    await listens.close();
    assertEquals(clock.pending, 0);
  });

  it("is left by whoever knows better, if there is one, and says why there is none", async () => {
    const link = new ClientLink(client, clock, {});
    link.drop("too early");
    assertEquals([made[0]!.closed, link.trouble], [false, undefined]);
    made[0]!.events.lost(new SyntaxError("WRONGPASS no"));
    assertEquals(link.trouble?.message, "Redis: WRONGPASS no");
    await clock.advance(25);
    const connection = await opened();
    assertEquals(link.trouble, undefined);
    link.drop("it has become a replica");
    assertEquals([connection.closed, link.trouble], [true, undefined]);
    await link.close();
  });

  it("a refusal goes to who waits, and takes back what they wanted", async () => {
    const { subscriber: listens } = subscriber();
    const connection = await opened();
    const both = [listens.subscribe("a"), listens.subscribe("a")];
    connection.take("+a").reject(new SyntaxError("NOPERM no"));
    for (const one of both) await assertRejects(() => one, RedisReplyError, "NOPERM no");
    assertEquals(connection.closed, false);
    connection.events.lost(new Error("why"));
    await clock.advance(25);
    assertEquals((await opened()).unanswered, []);
    await listens.close();
  });
});

describe("redis: replies", () => {
  it("are made alike", () => {
    assertEquals(replyOf(new Map<unknown, unknown>([["a", 1n], ["b", [true, undefined, null]]])), [
      "a",
      1,
      "b",
      [1, null, null],
    ]);
    assertEquals(replyOf({ a: "1", b: { c: 2 } }), ["a", "1", "b", ["c", 2]]);
    assertEquals(replyOf(new Set(["x", "y"])), ["x", "y"]);
    assertEquals(new RedisReplyError("OOM command not allowed").code, "OOM");
    assertEquals(new RedisReplyError("user_script:1: broke").code, "ERR");
  });
});
