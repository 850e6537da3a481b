import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { MemoryBroker } from "../brokers/memory.ts";
import type { Entry } from "../rpc/broker.ts";
import { FaultyBroker } from "../testing/broker.ts";
import { BrokerConnection, type BrokerDelays } from "../testing/broker_connection.ts";
import { type BrokerFixture, bytesOf, Heard, textOf } from "../testing/broker_kit.ts";
import { brokerSuite } from "../testing/broker_suite.ts";
import { VirtualClock } from "../testing/clock.ts";
import { Machine } from "../testing/machine.ts";
import { Random } from "../testing/random.ts";
import { Recorder } from "../testing/recorder.ts";

const BEGIN = 1_800_000_000_000;
const ALL = { messages: 1_000, bytes: 1 << 30 };

/** A broker that can be harmed, under virtual time. */
class Fixture implements BrokerFixture {
  readonly clock = new VirtualClock(new Random(1));
  readonly recorder = new Recorder(this.clock);
  readonly faulty: FaultyBroker;
  readonly broker: BrokerConnection;
  readonly #connections: BrokerConnection[] = [];

  constructor(delays: BrokerDelays = { answer: 0, push: 0 }) {
    const random = new Random(2);
    this.faulty = new FaultyBroker({
      inner: new MemoryBroker({
        clock: this.clock,
        date: () => BEGIN + this.clock.now(),
        report: () => {}, // one check has a listener that throws
        random: (bytes) => bytes.set(random.bytes(bytes.length)),
      }),
      recorder: this.recorder,
      valueOf: textOf,
      now: () => this.clock.now(),
    });
    this.broker = this.node(delays);
  }

  node(delays: BrokerDelays = { answer: 0, push: 0 }): BrokerConnection {
    const machine = new Machine("node", this.clock, new Random(3));
    const connection = new BrokerConnection(this.faulty, {
      clock: this.clock,
      random: new Random(4),
      machine,
      delays,
      recorder: this.recorder,
    });
    this.#connections.push(connection);
    return connection;
  }

  async advance(ms: number): Promise<void> {
    await this.clock.run(ms);
  }

  evict(channel: string): void {
    this.faulty.lose(channel);
    for (const connection of this.#connections) connection.tellUncertain();
  }

  restart(): void {
    this.faulty.restart();
    for (const connection of this.#connections) connection.tellUncertain();
  }

  close(): void {
    for (const connection of this.#connections) connection.close();
    this.faulty.close();
  }

  append(text: string, producer?: { id: string; n: number }): unknown {
    return this.broker.append("a", {
      data: bytesOf(text),
      room: 0,
      fingerprint: text.charCodeAt(0),
      producer,
      retention: { messages: 100, ms: 3_600_000, metaMs: 3_600_000 },
    });
  }

  read(query: object = { after: 0 }): ReturnType<FaultyBroker["read"]> {
    return this.faulty.read("a", { ...ALL, ...query });
  }
}

function texts(entries: readonly Entry[]): string {
  return entries.map(({ data }) => textOf(data)).join("");
}

describe("a faulty broker that nobody harms keeps the rules of brokers", () => {
  for (
    const { name, lacks, run } of brokerSuite(() => new Fixture(), ["advance", "evict", "node", "restart"])
  ) {
    it(name, async () => {
      assertEquals(lacks, []);
      await run();
    });
  }
});

describe("a faulty broker", () => {
  it("fails over to a copy: the same epoch and past, other entries at the same offsets", () => {
    const fixture = new Fixture();
    const heard = new Heard();
    fixture.broker.subscribe("a", heard);
    for (const text of "abcde") fixture.append(text, { id: "p", n: text.charCodeAt(0) - 96 });
    const before = fixture.read();
    fixture.faulty.failOver("a", 2);
    const after = fixture.read();
    assertEquals([after.epoch, texts(after.entries), after.top.offset], [before.epoch, "abc", 3]);
    // The copy knows the producer as far as it goes: a retry of what it lacks is appended, of what it has is not.
    fixture.append("c", { id: "p", n: 3 });
    fixture.append("d", { id: "p", n: 4 });
    fixture.append("x");
    assertEquals(texts(fixture.read().entries), "abcdx");
    assertEquals([heard.texts.join(""), new Set(heard.epochs).size], ["abcdedx", 1]);
    assertEquals(
      fixture.recorder.log.flatMap((event) => event.is === "rollback" ? [event.top] : []),
      [3],
    );
    fixture.close();
  });

  it("trims: what is gone is neither read nor told of", () => {
    const fixture = new Fixture();
    for (const text of "abcde") fixture.append(text);
    fixture.faulty.trim("a", 2);
    const page = fixture.read();
    assertEquals([page.oldest, page.top.offset, texts(page.entries), page.boundary], [4, 5, "de", undefined]);
    assertEquals(fixture.read({ after: 3 }).boundary, "c".charCodeAt(0)); // the entry above tells
    assertEquals(texts(fixture.read({ before: 6 }).entries), "ed");
    fixture.faulty.trim("a", 0);
    assertEquals([fixture.read().oldest, fixture.read({ after: 5 }).boundary], [6, "e".charCodeAt(0)]);
    fixture.close();
  });

  it("loses a stream: another epoch, no producers", () => {
    const fixture = new Fixture();
    fixture.append("a", { id: "p", n: 1 });
    const { epoch } = fixture.read();
    fixture.faulty.lose("a");
    assertEquals([fixture.read().epoch === epoch, fixture.read().top.offset], [false, 0]);
    fixture.append("a", { id: "p", n: 1 });
    assertEquals(fixture.read().top.offset, 1);
    fixture.close();
  });

  it("answers and pushes late, in order", async () => {
    const fixture = new Fixture({ answer: 50, push: 50 });
    const heard = new Heard();
    fixture.broker.subscribe("a", heard);
    const answered: string[] = [];
    for (const text of "abcde") Promise.resolve(fixture.append(text)).then(() => answered.push(text));
    await fixture.advance(0);
    assertEquals([heard.texts, answered], [[], []]);
    await fixture.advance(500);
    assertEquals([heard.texts.join(""), answered.join("")], ["abcde", "abcde"]);
    fixture.close();
  });

  it("refuses, and has done it all the same about every other time", async () => {
    const fixture = new Fixture();
    fixture.broker.refuse(1_000);
    const outcomes: string[] = [];
    for (let i = 0; i < 100; i++) {
      Promise.resolve(fixture.append(`${i}`)).then(
        () => outcomes.push("ok"),
        (error) => outcomes.push(error.code),
      );
    }
    await fixture.advance(10);
    assertEquals([outcomes.length, new Set(outcomes)], [100, new Set(["UNAVAILABLE"])]);
    const { top } = fixture.read();
    assertEquals(top.offset > 30 && top.offset < 70, true);
    await fixture.advance(1_000);
    fixture.append("z");
    assertEquals(fixture.read().top.offset, top.offset + 1);
    fixture.close();
  });

  it("loses pushes, and says later that it may have", async () => {
    const fixture = new Fixture();
    const heard = new Heard();
    fixture.broker.subscribe("a", heard);
    fixture.broker.losePushes(1_000);
    for (let i = 0; i < 100; i++) fixture.append(`${i % 10}`);
    assertEquals([heard.texts.length > 30 && heard.texts.length < 70, heard.doubts], [true, 0]);
    await fixture.advance(1_000);
    assertEquals([heard.doubts, fixture.read().top.offset], [1, 100]);
    fixture.close();
  });
});
