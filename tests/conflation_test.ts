// Publications of which only the newest matters: what is left out, in which order the rest lands, and what each promise comes to.
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import * as fc from "fast-check";
import type { PublishCallOptions } from "../client/channel_types.ts";
import { ConflatedPublishing } from "../client/conflation.ts";
import type { OutboxSize } from "../client/outbox.ts";
import { decode, encode } from "../msgpack/mod.ts";
import type { Published } from "../rpc/channel_types.ts";
import { CallError } from "../rpc/errors.ts";
import { at, wired } from "./suites/channel_client.ts";
import { ManualClock } from "./suites/manual_clock.ts";

interface Sending {
  readonly n: number;
  readonly message: number;
  readonly fate: PromiseWithResolvers<unknown>;
  hasArrived: boolean;
}

/** One channel of a client, whose server is the test: what is sent arrives in order, and lands once. */
class Line {
  readonly clock = new ManualClock();
  readonly size: OutboxSize;
  readonly publishing: ConflatedPublishing;
  /** What is on its way, or its answer. */
  sendings: Sending[] = [];
  /** All that was sent, and what landed. */
  readonly sent = new Set<number>();
  readonly landed: number[] = [];
  readonly #offsets = new Map<number, number>();
  #last = 0;

  constructor(most: { count?: number; bytes?: number } = {}) {
    this.size = {
      count: 0,
      bytes: 0,
      most: { count: 1_000, bytes: 100_000, ...most },
      sent: 0,
      mostSent: () => 100,
      waiting: new Set(),
      replaced: new Set(),
    };
    this.publishing = new ConflatedPublishing("board", {
      clock: this.clock,
      size: this.size,
      call: (_name, input) => {
        const [, n, data] = decode(encode(input)) as [string, number, Uint8Array];
        const fate = Promise.withResolvers<unknown>();
        const message = decode(data) as number;
        this.sent.add(message);
        this.sendings.push({ n, message, fate, hasArrived: false });
        return fate.promise;
      },
    });
  }

  publish(message: unknown, options: PublishCallOptions = {}): Promise<Published> {
    return this.publishing.publish(encode(message), options);
  }

  /** What it came to, in short. */
  say(message: unknown, options: PublishCallOptions = {}): { is: unknown } {
    const found: { is: unknown } = { is: "pending" };
    this.publish(message, options).then(
      ({ offset, conflated }) => found.is = conflated ? `conflated ${offset}` : offset,
      (error: CallError) => found.is = `${error.code ?? error.name}${error.ambiguous ? ", ambiguous" : ""}`,
    );
    return found;
  }

  /** The next sending arrives. */
  arrive(): void {
    const next = this.sendings.find(({ hasArrived }) => !hasArrived);
    if (next === undefined) return;
    next.hasArrived = true;
    if (this.#offsets.has(next.n)) return;
    assert(next.n > this.#last, `${next.n} lands behind ${this.#last}`);
    this.#last = next.n;
    this.landed.push(next.message);
    this.#offsets.set(next.n, this.landed.length);
  }

  /** One that has arrived is answered. */
  async answer(which = 0): Promise<void> {
    const arrived = this.sendings.filter(({ hasArrived }) => hasArrived);
    const one = arrived[which % Math.max(1, arrived.length)];
    if (one === undefined) return;
    this.sendings.splice(this.sendings.indexOf(one), 1);
    one.fate.resolve([...wired(at(this.#offsets.get(one.n)!)), "memory"]);
    await this.clock.settle();
  }

  /** The first arrives, and is answered. */
  async serve(): Promise<void> {
    this.arrive();
    await this.answer();
  }

  async cut(): Promise<void> {
    this.publishing.disconnected();
    for (const { fate } of this.sendings) {
      fate.reject(new CallError("DISCONNECTED", undefined, { ambiguous: true }));
    }
    this.sendings = [];
    await this.clock.settle();
  }

  async serveAll(): Promise<void> {
    while (this.sendings.length > 0) await this.serve();
    assertEquals([this.publishing.isIdle, this.size.count, this.size.bytes], [true, 0, 0]);
    assertEquals(this.size.replaced.size, 0);
  }
}

const k: PublishCallOptions = { conflate: "k" };

describe("conflated publications", () => {
  it("are one on its way, and the newest of those behind it: at 1,000 Hz over 100 ms ten a second", async () => {
    const line = new Line();
    line.publishing.connected();
    const all: { is: unknown }[] = [];
    for (let ms = 0; ms < 1_000; ms++) {
      all.push(line.say(ms, k));
      if (ms % 100 === 99) await line.serve();
    }
    await line.serveAll();
    assertEquals(line.landed, [0, 99, 199, 299, 399, 499, 599, 699, 799, 899, 999]);
    assertEquals(all.slice(98, 102).map(({ is }) => is), ["conflated 2", 2, "conflated 3", "conflated 3"]);
  });

  it("wait for a connection, and only the newest goes out, behind what was published before it", async () => {
    const line = new Line();
    const all = [line.say(1, k), line.say(2), line.say(3, { conflate: "other" }), line.say(4, k)];
    line.publishing.connected();
    await line.serveAll();
    assertEquals(line.landed, [2, 3, 4]);
    assertEquals(all.map(({ is }) => is), ["conflated 3", 1, 2, 3]);
  });

  it("come before what is published later and not conflated", async () => {
    const line = new Line();
    line.publishing.connected();
    for (const [message, options] of [[1, k], [2, k], [3, k], [4, {}], [5, k], [6, k]] as const) {
      line.say(message, options);
    }
    assertEquals([...line.sent], [1, 3, 4]);
    await line.serve();
    assertEquals([...line.sent], [1, 3, 4]);
    await line.serveAll();
    assertEquals(line.landed, [1, 3, 4, 6]);
  });

  it("are not replaced once they were sent, though nobody knows what became of them", async () => {
    const line = new Line();
    line.publishing.connected();
    const first = line.say(1, k);
    await line.cut();
    const [second, third] = [line.say(2, k), line.say(3, k)];
    line.publishing.connected();
    assertEquals(line.sendings.map(({ n, message }) => [n, message]), [[1, 1]]);
    await line.serveAll();
    assertEquals([line.landed, first.is, second.is, third.is], [[1, 3], 1, "conflated 2", 2]);
  });

  it("are given up each for itself when replaced, and all with the newest", async () => {
    const line = new Line();
    line.publishing.connected();
    const stop = new AbortController();
    const sent = line.say(1, k);
    const late = line.say(2, { ...k, timeout: 50 });
    const aborted = line.say(3, { ...k, signal: stop.signal });
    const [waits, newest] = [line.say(4, k), line.say(5, { ...k, timeout: 100 })];
    stop.abort();
    await line.clock.advance(50);
    const fates = () => [sent, late, aborted, waits, newest].map(({ is }) => is);
    assertEquals(fates(), ["pending", "DEADLINE", "CANCELLED", "pending", "pending"]);
    await line.clock.advance(50);
    assertEquals(fates(), ["pending", "DEADLINE", "CANCELLED", "DEADLINE", "DEADLINE"]);
    await line.serveAll();
    assertEquals([line.landed, sent.is], [[1], 1]);
  });

  it("say that nobody knows when the newest is given up after it was sent", async () => {
    const line = new Line();
    const [replaced, sent] = [line.say(1, k), line.say(2, { ...k, timeout: 100 })];
    line.publishing.connected();
    const next = line.say(3, k);
    await line.clock.advance(100);
    assertEquals([replaced.is, sent.is], ["DEADLINE, ambiguous", "DEADLINE, ambiguous"]);
    assertEquals(line.sendings.map(({ message }) => message), [2, 3]);
    await line.serveAll();
    assertEquals(next.is, 2);
  });

  it("end with the client, and leave nothing", async () => {
    const line = new Line();
    line.publishing.connected();
    const all = [line.say(1, k), line.say(2, k), line.say(3, k)];
    line.publishing.end(new CallError("CLOSED"));
    await line.clock.settle();
    assertEquals(all.map(({ is }) => is), ["CLOSED, ambiguous", "CLOSED", "CLOSED"]);
    assertEquals([line.publishing.isIdle, line.size.count, line.size.bytes], [true, 0, 0]);
  });
});

describe("the bounds of conflated publications", () => {
  it("are those of the outbox; the newest is refused where it finds no room, and nothing is replaced by it", async () => {
    const line = new Line({ count: 3, bytes: 50 });
    line.publishing.connected();
    const [first, held] = [line.say(1, k), line.say(2, k)];
    assertEquals(line.size.count, 2);
    const large = line.say("x".repeat(60), k);
    const [third, fourth] = [line.say(3), line.say(4, { conflate: "other" })];
    const newest = line.say(5, k);
    await line.clock.settle();
    assertEquals([large.is, fourth.is], ["RESOURCE_EXHAUSTED", "RESOURCE_EXHAUSTED"]);
    assertEquals(newest.is, "RESOURCE_EXHAUSTED", "2 was sent before 3, so there are three");
    await line.serveAll();
    assertEquals([line.landed, first.is, held.is, third.is], [[1, 2, 3], 1, 2, 3]);
  });

  it("hold for those that wait for a newer one, too: the oldest are told, and the newest goes out", async () => {
    const line = new Line({ count: 10 });
    const all = Array.from({ length: 100 }, (_, i) => line.say(i, k));
    await line.clock.settle();
    assertEquals([line.size.count, line.size.replaced.size], [1, 10]);
    line.publishing.connected();
    await line.serveAll();
    assertEquals(line.landed, [99]);
    assertEquals(all.filter(({ is }) => is === "RESOURCE_EXHAUSTED").length, 89);
    assertEquals(all.slice(88, 90).map(({ is }) => is), ["RESOURCE_EXHAUSTED", "conflated 1"]);
    assertEquals(all[99]!.is, 1);
  });

  it("refuse what makes no sense", async () => {
    const line = new Line();
    const bad = [{ conflate: "k", key: "key" }, { conflate: 7 as unknown as string }, { ...k, timeout: -1 }];
    const said = [...bad, { ...k, signal: {} as AbortSignal }].map((options) => line.say(1, options));
    await line.clock.settle();
    assertEquals(said.map(({ is }) => is), ["TypeError", "TypeError", "TypeError", "TypeError"]);
    assertEquals([line.publishing.isIdle, line.size.count], [true, 0]);
  });
});

type Step = { readonly do: "publish"; readonly name?: string } | {
  readonly do: "answer";
  readonly which: number;
} | {
  readonly do: "arrive" | "cut" | "connect";
};

const STEP: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom("a", "b").map((name) => ({ do: "publish", name } as const)) },
  { weight: 2, arbitrary: fc.constant({ do: "publish" } as const) },
  { weight: 3, arbitrary: fc.nat(5).map((which) => ({ do: "answer", which } as const)) },
  { weight: 3, arbitrary: fc.constant({ do: "arrive" } as const) },
  { weight: 2, arbitrary: fc.constantFrom("cut", "connect").map((what) => ({ do: what } as const)) },
);

async function check(steps: readonly Step[]): Promise<void> {
  const line = new Line();
  const names: (string | undefined)[] = [];
  const told: { message: number; name: string | undefined; published: Promise<Published> }[] = [];
  for (const step of steps) {
    if (step.do === "publish") {
      const message = names.push(step.name) - 1;
      told.push({ message, name: step.name, published: line.publish(message, { conflate: step.name }) });
    } else if (step.do === "answer") await line.answer(step.which);
    else if (step.do === "arrive") line.arrive();
    else {
      await line.cut();
      if (step.do === "connect") line.publishing.connected();
    }
  }
  await line.cut();
  line.publishing.connected();
  await line.serveAll();
  const { landed } = line;
  assertEquals(new Set(landed), line.sent, "what was sent lands");
  assertEquals(new Set(landed).size, landed.length, "once");
  const plain = names.flatMap((name, message) => name === undefined ? [message] : []);
  for (const name of ["a", "b"]) {
    const among = landed.filter((message) => names[message] === undefined || names[message] === name);
    assertEquals(among, [...among].sort((a, b) => a - b), "in order");
    assertEquals(among.filter((message) => names[message] === undefined), plain);
    const last = names.lastIndexOf(name);
    if (last >= 0) assert(landed.includes(last), `the last of ${name} lands`);
  }
  for (const { message, name, published } of told) {
    const { offset, conflated } = await published;
    const place = landed[offset - 1]!;
    assertEquals([names[place], conflated === true], [name, place !== message]);
    assert(place >= message);
    if (conflated) assert(!line.sent.has(message));
  }
}

describe("whatever is published, cut and answered", () => {
  it("the newest of each name lands, everything else once, in order, and each is told where", async () => {
    await fc.assert(fc.asyncProperty(fc.array(STEP, { maxLength: 60 }), check), { numRuns: 500 });
  });
});
