// Scripts on their way to Redis, over a link that a test answers by hand: their order, what is sent again, and every bound.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Commands, type CommandsOptions, type Job, UndoneError } from "../redis/commands.ts";
import { type RedisLink, RedisLostError, RedisReplyError, type Reply } from "../redis/link.ts";
import { NodeProducer } from "../redis/node_producer.ts";
import type { Script } from "../redis/scripts.ts";
import { ManualClock } from "./suites/manual_clock.ts";

const SCRIPT: Script = { source: "return 1", sha: Promise.resolve("sha") };

/** A link whose commands wait for the test. */
class Link {
  /** What was sent and not answered: the last argument of each, or the command. */
  readonly sent: string[] = [];
  /** How often it was left. */
  drops = 0;
  readonly #waiting: { resolve(reply: Reply): void; reject(error: unknown): void }[] = [];
  #ready: (() => void)[] = [];

  command(args: readonly string[]): Promise<Reply> {
    if (args[0] === "SCRIPT") {
      this.sent.push("LOAD");
      return Promise.resolve("sha");
    }
    const { promise, resolve, reject } = Promise.withResolvers<Reply>();
    this.sent.push(args.at(-1)!);
    this.#waiting.push({ resolve, reject });
    return promise;
  }

  ready(): Promise<void> {
    return new Promise((resolve) => this.#ready.push(resolve));
  }

  drop(): void {
    this.drops++;
  }

  connected(): void {
    for (const ready of this.#ready.splice(0)) ready();
  }

  /** Answers the oldest ones. */
  answer(...answers: (Reply | Error)[]): void {
    for (const answer of answers) {
      const waiting = this.#waiting.shift()!;
      if (answer instanceof Error) waiting.reject(answer);
      else waiting.resolve(answer);
    }
  }

  /** What was sent since this was asked last. */
  take(): string[] {
    return this.sent.splice(0);
  }
}

const lost = () => new RedisLostError("lost", true);
const unsent = () => new RedisLostError("there is no connection", false);
const refused = (code: string) => new RedisReplyError(`${code} says the server`);

async function made(options: Partial<CommandsOptions> = {}) {
  const [link, clock] = [new Link(), new ManualClock()];
  const bounds = { timeout: 1_000, most: 100, mostBytes: 1_000, mostReads: 2 };
  const commands = new Commands(link as unknown as RedisLink, { clock, ...bounds, ...options });
  await commands.load([SCRIPT]);
  link.take();
  const [ended, undone]: [string[], string[]] = [[], []];
  const run = (name: string, more: Partial<Job> = {}): void => {
    commands.run({ script: SCRIPT, keys: [], args: () => [name], ...more })
      .then((reply) => ended.push(`${name}: ${reply}`), (error) => {
        ended.push(`${name}: ${error.code}`);
        if (error instanceof UndoneError) undone.push(name);
      });
  };
  return { link, clock, commands, ended, undone, run };
}

describe("redis: commands", () => {
  it("are sent at once and answered each", async () => {
    const { link, clock, ended, run } = await made();
    for (const name of ["a", "b"]) run(name);
    assertEquals(link.take(), ["a", "b"]);
    link.answer("1", "2");
    await clock.settle();
    assertEquals(ended, ["a: 1", "b: 2"]);
  });

  it("that came too early are sent again in their order, and what comes meanwhile waits behind them", async () => {
    const { link, clock, ended, run } = await made();
    for (const name of ["a", "b", "c"]) run(name, { isEarly: (reply) => reply === "order" });
    link.answer(refused("NOREPLICAS"), "order", "order");
    await clock.settle();
    run("d");
    assertEquals(link.take(), ["a", "b", "c"]);
    await clock.advance(100);
    assertEquals(link.take(), ["a", "b", "c", "d"]);
    link.answer("1", "2", "3", "4");
    await clock.settle();
    assertEquals(ended, ["a: 1", "b: 2", "c: 3", "d: 4"]);
  });

  it("whose script is not known are sent again in their order, behind the scripts", async () => {
    const { link, clock, ended, run } = await made();
    for (const name of ["a", "b"]) run(name);
    link.take();
    link.answer(refused("NOSCRIPT"), refused("NOSCRIPT"));
    await clock.settle();
    await clock.advance(0);
    assertEquals(link.take(), ["LOAD", "a", "b"]);
    link.answer("1", "2");
    await clock.settle();
    assertEquals(ended, ["a: 1", "b: 2"]);
  });

  it("whose script is never known are sent again at a pace", async () => {
    const { link, clock, ended, run } = await made({ timeout: 2_000 });
    run("a");
    let sendings = 0;
    for (let i = 0; i < 400; i++) {
      if (link.sent.includes("a")) link.answer(refused("NOSCRIPT"));
      link.take();
      await clock.advance(5);
      if (ended.length > 0) break;
      sendings += Number(link.sent.includes("a"));
    }
    assert(sendings > 10 && sendings < 60, `sent ${sendings} times in 2 s`);
    assertEquals(ended, ["a: UNAVAILABLE"]);
  });

  it("whose connection is lost are sent again on the next one, in their order", async () => {
    const { link, clock, ended, run } = await made();
    for (const name of ["a", "b"]) run(name);
    link.answer("1", lost());
    await clock.settle();
    run("c");
    await clock.advance(500);
    assertEquals(link.take(), ["a", "b"]);
    link.connected();
    await clock.settle();
    assertEquals(link.take(), ["b", "c"]);
    link.answer("2", "3");
    await clock.settle();
    assertEquals(ended, ["a: 1", "b: 2", "c: 3"]);
  });

  it("end at their deadline, wherever they are, and leave no timer and nothing that waits", async () => {
    const { link, clock, ended, run } = await made();
    run("on its way");
    run("held");
    link.answer(lost());
    await clock.settle();
    run("behind it");
    await clock.advance(1_000);
    assertEquals(ended, ["on its way: UNAVAILABLE", "held: UNAVAILABLE", "behind it: UNAVAILABLE"]);
    assertEquals(clock.pending, 0);
    link.take();
    link.connected();
    await clock.settle();
    assertEquals(link.take(), []);
    run("next");
    assertEquals(link.take(), ["next"]);
  });

  it("that are refused for good say so", async () => {
    const { link, clock, ended, run } = await made();
    run("a");
    link.answer(refused("OOM"));
    await clock.settle();
    assertEquals(ended, ["a: UNAVAILABLE"]);
  });

  it("that fail say whether it is certain that they were not done", async () => {
    const { link, clock, commands, undone, run } = await made({ most: 8, mostReads: 2 });
    for (const code of ["OOM", "MISCONF", "WRONGTYPE"]) run(code);
    link.answer(...["OOM", "MISCONF", "WRONGTYPE"].map(refused));
    await clock.settle();
    assertEquals(undone.splice(0), ["OOM", "MISCONF"]);

    for (const name of ["lost", "unsent", "early"]) run(name); // at first, and OOM then
    link.answer(lost(), unsent(), refused("LOADING"));
    await clock.settle();
    link.connected();
    await clock.settle();
    link.answer(refused("OOM"), refused("OOM"), refused("OOM"));
    await clock.settle();
    assertEquals(undone.splice(0), ["unsent", "early"]);

    for (const name of ["unsent", "lost"]) run(name); // until their time is over
    link.answer(unsent(), lost());
    await clock.settle();
    run("held");
    await clock.advance(1_000);
    assertEquals(undone.splice(0), ["unsent", "held"]);
    link.connected();
    await clock.settle();

    for (let n = 0; n < 10; n++) run(`${n}`); // too much, and until they are closed
    await clock.settle();
    assertEquals(undone.splice(0), ["8", "9"]);
    commands.close();
    run("closed");
    await clock.settle();
    assertEquals(undone, ["closed"]);
  });

  it("are bounded in number and in bytes, and one may always wait", async () => {
    const few = await made({ most: 2 });
    for (const name of ["a", "b", "c"]) few.run(name);
    await few.clock.settle();
    assertEquals([few.link.take(), few.ended], [["a", "b"], ["c: UNAVAILABLE"]]);
    const small = await made({ mostBytes: 10 });
    for (const name of ["x".repeat(50), "y"]) small.run(name);
    await small.clock.settle();
    assertEquals([small.link.take().length, small.ended], [1, ["y: UNAVAILABLE"]]);
    small.link.answer("1");
    await small.clock.settle();
    small.run("z");
    assertEquals(small.link.take(), ["z"]);
  });

  it("that were given up take room until the server is done with them", async () => {
    const { link, clock, ended, run } = await made({ most: 2 });
    run("answered");
    run("lost");
    await clock.advance(1_000);
    run("too much");
    await clock.settle();
    assertEquals(ended, ["answered: UNAVAILABLE", "lost: UNAVAILABLE", "too much: UNAVAILABLE"]);
    link.answer("1", lost());
    await clock.settle();
    link.take();
    for (const name of ["a", "b"]) run(name);
    assertEquals([link.take(), clock.pending], [["a", "b"], 2]);
  });

  it("of one kind leave the others their room", async () => {
    const { link, clock, ended, run } = await made({ most: 1, mostBytes: 10 });
    for (const kind of ["signal", "read", "append", "key"] as const) {
      run(kind, { kind });
      run(`another ${kind}`, { kind });
    }
    await clock.settle();
    assertEquals(link.take(), ["signal", "read", "append", "key"]);
    assertEquals(ended.length, 4);
  });

  it("that signal are sent once: one that may have been heard is lost", async () => {
    const { link, clock, ended, run } = await made();
    for (const name of ["a", "b", "c", "d"]) run(name, { kind: name === "d" ? "append" : "signal" });
    link.take();
    link.answer(lost(), unsent(), refused("LOADING"), lost());
    await clock.settle();
    link.connected();
    await clock.advance(100);
    assertEquals(link.take(), ["b", "c", "d"]); // Redis has run none of the first two
    link.answer("1", "2", "3");
    await clock.settle();
    assertEquals(ended, ["a: UNAVAILABLE", "b: 1", "c: 2", "d: 3"]);
  });

  it("that signal wait for a connection for a moment, and are never sent afterwards", async () => {
    const { link, clock, ended, run } = await made({ timeout: 5_000 });
    run("append", { kind: "append" });
    run("signal", { kind: "signal" });
    link.take();
    link.answer(unsent(), unsent());
    await clock.settle();
    await clock.advance(999);
    assertEquals(ended, []);
    await clock.advance(1);
    assertEquals(ended, ["signal: UNAVAILABLE"]);
    link.connected();
    await clock.settle();
    assertEquals(link.take(), ["append"]);
  });

  it("that a replica refuses for a second leave it, and again a second later", async () => {
    const { link, clock, commands, run, ended } = await made({ timeout: 10_000 });
    run("a");
    const refuse = async (ms: number) => {
      for (const end = clock.now() + ms; clock.now() < end;) {
        link.answer(...link.take().filter((name) => name === "a").map(() => refused("READONLY")));
        await clock.advance(10);
      }
    };
    await refuse(950);
    assertEquals(link.drops, 0);
    await refuse(150);
    assertEquals(link.drops, 1);
    link.answer(...link.take().map(() => unsent())); // as a connection that is left does
    commands.connected();
    link.connected();
    await clock.settle();
    await refuse(950);
    assertEquals(link.drops, 1);
    await refuse(150);
    assertEquals(link.drops, 2);
    link.answer(...link.take().map(() => "1"));
    await clock.advance(100);
    link.answer(...link.take().map(() => "1"));
    await clock.settle();
    assertEquals(ended, ["a: 1"]);
  });

  it("that a replica refuses, and then runs, stay where they are", async () => {
    const { link, clock, run } = await made({ timeout: 10_000, most: 1_000 });
    for (let n = 0; n < 10; n++) {
      run(`${n}`);
      link.answer(refused("READONLY"));
      await clock.settle();
      await clock.advance(200);
      link.answer("1");
      await clock.settle();
      await clock.advance(800);
    }
    assertEquals(link.drops, 0);
  });

  it("that read and wait cost alike, however many wait", async () => {
    const { link, clock, ended, run } = await made({ most: 2_000, mostReads: 1_000, mostBytes: 1 << 20 });
    for (const kind of ["read", "append", "read"] as const) {
      for (let n = 0; n < 1_000; n++) run(`${n}`, { kind });
    }
    let steps = 0; // through sets of commands
    const walk = Set.prototype.values;
    Set.prototype[Symbol.iterator] = function* (this: Set<unknown>) {
      for (const values = walk.call(this);;) {
        const { value, done } = values.next();
        if (done) return;
        steps++;
        yield value;
      }
    } as typeof walk;
    try {
      for (let n = 0; n < 1_000; n++) {
        link.answer("1");
        await clock.settle();
      }
    } finally {
      Set.prototype[Symbol.iterator] = walk;
    }
    assertEquals([ended.length, link.take().length], [1_000, 3_000]);
    assert(steps <= 2_000, `${steps} steps`);
  });

  it("that read are not all on their way at once", async () => {
    const { link, clock, ended, run } = await made();
    for (const name of ["a", "b", "c", "d"]) run(name, { kind: "read" });
    run("append");
    assertEquals(link.take(), ["a", "b", "append"]);
    link.answer("1", lost(), "5");
    await clock.settle();
    link.connected();
    await clock.settle();
    assertEquals(link.take().toSorted(), ["b", "c"]);
    link.answer("2", "3");
    await clock.settle();
    assertEquals(link.take(), ["d"]);
    link.answer("4");
    await clock.settle();
    assertEquals(ended.toSorted(), ["a: 1", "append: 5", "b: 3", "c: 2", "d: 4"]);
  });

  it("end when they are closed, and none starts", async () => {
    const { link, clock, commands, ended, run } = await made();
    run("a");
    link.answer(refused("LOADING"));
    await clock.settle();
    commands.close();
    await clock.settle();
    assertEquals([ended, clock.pending], [["a: UNAVAILABLE"], 0]);
    link.take();
    await assertRejects(() => commands.send(["PING"]));
    assertEquals(link.take(), []);
  });
});

describe("redis: the numbers of a node", () => {
  it("are contiguous while any is unanswered, and above all others afterwards, in the first place", () => {
    const own = new NodeProducer("n");
    const numbers = [own.begin("a"), own.begin("a"), own.begin("b"), own.begin("a")];
    assertEquals(numbers, [1_024, 1_025, 2_048, 1_026]);
    assertEquals([own.low("a"), own.low("b")], [1_024, 2_048]);
    own.end("a", 1_025);
    assertEquals(own.low("a"), 1_024);
    own.end("a", 1_024);
    assertEquals([own.low("a"), own.begin("a")], [1_026, 1_027]);
    for (const n of [1_026, 1_027]) own.end("a", n);
    assertEquals(own.begin("a"), 3_072);
  });
});
