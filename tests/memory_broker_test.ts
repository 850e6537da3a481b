// The rules of the interface, kept by the broker in memory, and what only that one has: bounds, sweeps, views.
import { assert, assertEquals, assertNotEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { newEpoch } from "../brokers/epoch.ts";
import { MemoryBroker } from "../brokers/memory.ts";
import { CHANNEL_BYTES, textBytes } from "../brokers/weights.ts";
import { type Append, BrokerError } from "../rpc/broker.ts";
import { bytesOf, Heard } from "../testing/broker_kit.ts";
import { brokerSuite } from "../testing/broker_suite.ts";
import { BEGIN, CAPABILITIES, MemoryFixture } from "./suites/memory_fixture.ts";

const ALL = { messages: 10_000, bytes: 1 << 30 };
const KEEP = { messages: 100, ms: 3_600_000, metaMs: 0 };

function append(text: string, more: Partial<Append> = {}): Append {
  return { data: bytesOf(text), room: 0, fingerprint: 1, retention: KEEP, ...more };
}

describe("the broker in memory keeps the rules of brokers", () => {
  for (const { name, lacks, run } of brokerSuite(() => new MemoryFixture(), CAPABILITIES)) {
    it(name, async () => {
      assertEquals(lacks, []);
      await run();
    });
  }
});

describe("the sweep of the broker in memory", () => {
  it("forgets all channels when their time is over, in parts, and ends", async () => {
    const fixture = new MemoryFixture();
    const { broker, clock } = fixture;
    for (let i = 0; i < 9_000; i++) broker.append(`channel ${i}`, append("a"));
    for (let i = 0; i < 1_000; i++) broker.read(`read ${i}`, ALL);
    for (let i = 0; i < 10; i++) broker.ledger.claim(`key ${i}`, "", 1_000);
    assertEquals([broker.stats().channels, clock.pending], [10_000, 1]);
    await clock.advance(600_000 - 1);
    assertEquals([broker.stats().channels, broker.stats().claims, clock.pending], [10_000, 0, 1]);
    await clock.advance(20_000);
    assertEquals(broker.stats().channels, 9_000); // those that were read only; an hour for the others
    await clock.advance(3_600_000);
    const { channels, idle, entries, bytes } = broker.stats();
    assertEquals([channels, idle, entries, bytes, clock.pending], [0, 0, 0, 0, 0]);
    broker.append("again", append("a"));
    assertEquals(clock.pending, 1);
    broker.close();
    assertEquals(clock.pending, 0);
  });

  it("takes entries whose time is over from channels that nobody asks for", async () => {
    const fixture = new MemoryFixture();
    const { broker } = fixture;
    const heard = new Heard();
    broker.subscribe("heard", heard);
    for (const name of ["heard", "idle"]) {
      for (let i = 0; i < 50; i++) {
        broker.append(name, append("aa", { retention: { messages: 100, ms: 5_000, metaMs: 0 } }));
      }
    }
    await fixture.advance(4_999);
    assertEquals(broker.stats().entries, 100);
    await fixture.advance(10_000);
    const empty = 2 * CHANNEL_BYTES + textBytes("heard") + textBytes("idle");
    assertEquals([broker.stats().entries, broker.stats().bytes, broker.stats().channels], [0, empty, 2]);
    broker.close();
  });

  it("goes on with channels that come and go meanwhile", async () => {
    const fixture = new MemoryFixture();
    const { broker, clock } = fixture;
    for (let i = 0; i < 10_000; i++) {
      broker.append(`channel ${i}`, append("a", { retention: { ...KEEP, ms: 0 } }));
    }
    await clock.advance(590_000);
    while (broker.stats().channels === 10_000) await clock.advance(1);
    assertEquals(broker.stats().channels, 10_000 - 4_096); // one part of the sweep is done
    for (let i = 0; i < 10_000; i += 3) broker.forget(`channel ${i}`);
    for (let i = 0; i < 100; i++) broker.append(`late ${i}`, append("a"));
    await clock.advance(30_000);
    assertEquals([broker.stats().channels, broker.stats().idle], [100, 100]);
    broker.close();
  });

  it("keeps no process alive", () => {
    let kept = 0;
    const clock = {
      now: () => 0,
      setTimeout: () => (kept++, { unref: () => kept-- }),
      clearTimeout: () => {},
    };
    const broker = new MemoryBroker({ clock });
    broker.append("a", append("a"));
    assertEquals(kept, 0);
    broker.close();
    const native = new MemoryBroker(); // the leak sanitizer sees its timer if it outlives this
    native.append("a", append("a"));
    native.close();
  });
});

describe("what the broker in memory holds", () => {
  it("is what it was given: no byte is copied", () => {
    const { broker } = new MemoryFixture();
    const buffer = new Uint8Array(64);
    const data = buffer.subarray(32, 40);
    const heard = new Heard();
    broker.subscribe("a", heard);
    broker.append("a", append("", { data, room: 32 }));
    assertStrictEquals(heard.entries[0]?.data, data);
    assertEquals(heard.entries[0]?.room, 32);
    assertStrictEquals(broker.read("a", ALL).entries[0], heard.entries[0]);
    broker.ledger.claim("key", "", 1_000);
    broker.ledger.settle("key", data);
    const claim = broker.ledger.claim("key", "", 1_000);
    assertStrictEquals(claim.state === "done" && claim.reply, data);
    broker.close();
  });

  it("has times in order when the calendar is set back", () => {
    let date = BEGIN;
    const { broker } = new MemoryFixture({ date: () => date });
    for (const [i, ahead] of [0, 5_000, -60_000, 10_000].entries()) {
      date = BEGIN + ahead;
      broker.append("a", append(`${i}`));
    }
    assertEquals(broker.read("a", ALL).entries.map(({ at }) => at - BEGIN), [0, 5_000, 5_000, 10_000]);
    const page = broker.read("a", { ...ALL, at: BEGIN + 4_000 });
    assertEquals(page.entries.map(({ offset }) => offset), [2, 3, 4]);
    broker.close();
  });

  it("is named by chance: the one that is given, or the runtime's", () => {
    let next = 0;
    const random = (bytes: Uint8Array) => void bytes.forEach((_, i) => bytes[i] = next++);
    const { broker } = new MemoryFixture({ random });
    assertEquals(broker.read("a", ALL).epoch, btoa("\0\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b"));
    assertNotEquals(broker.read("b", ALL).epoch, broker.read("a", ALL).epoch);
    assertEquals(newEpoch((bytes) => void bytes.fill(255)), "_".repeat(16));
    assertEquals(
      newEpoch((bytes) => void bytes.fill(251)),
      btoa("\xfb".repeat(12)).replaceAll("+", "-").replaceAll("/", "_"),
    );
    assertEquals(new Set(Array.from({ length: 1_000 }, () => newEpoch())).size, 1_000);
    broker.close();
  });

  it("is gone after close, once and for all", async () => {
    const fixture = new MemoryFixture();
    const { broker, clock } = fixture;
    const heard = new Heard();
    broker.subscribe("a", heard);
    broker.append("a", append("a"));
    broker.ledger.claim("key", "", 1_000);
    const waiting = broker.ledger.claim("key", "", 1_000);
    broker.close();
    broker.close();
    assert(waiting.state === "running");
    assertEquals(await waiting.done, undefined);
    const { channels, idle, claims, claimBytes } = broker.stats();
    assertEquals([channels, idle, claims, claimBytes, clock.pending], [0, 0, 0, 0, 0]);
    for (
      const use of [() => broker.append("a", append("a")), () => broker.signal("a", bytesOf("x"), undefined)]
    ) {
      assertThrows(use, BrokerError, "closed");
    }
    assertEquals([heard.texts, clock.pending], [["a"], 0]);
  });
});

describe("errors of listeners", () => {
  it("are reported, whatever the report does", () => {
    const told: unknown[] = [];
    const fixture = new MemoryFixture({
      report: (error) => {
        told.push(error);
        throw error;
      },
    });
    const heard = new Heard();
    const failure = new Error("thrown by a listener, as the test wants it");
    const broken = {
      entry: () => {
        throw failure;
      },
      signal: () => {
        throw failure;
      },
      uncertain: () => {
        throw failure;
      },
    };
    const { error } = console;
    const printed: unknown[] = [];
    console.error = (what: unknown) => void printed.push(what);
    try {
      for (const listener of [broken, heard]) fixture.broker.subscribe("a", listener);
      fixture.broker.append("a", append("a"));
      fixture.broker.signal("a", bytesOf("x"), undefined);
      fixture.broker.forget("a");
      assertEquals([told, printed], [Array(3).fill(failure), Array(3).fill(failure)]);
      assertEquals([heard.texts, heard.signals.length, heard.doubts], [["a"], 1, 1]);
    } finally {
      console.error = error;
      fixture.close();
    }
  });
});

describe("the bounds of the ledger in memory", () => {
  const reply = (size: number) => new Uint8Array(size);

  it("an owner has at most as many claims as it leaves free, and what has run is never new", () => {
    const { broker } = new MemoryFixture({ claims: 10 });
    const { ledger } = broker;
    const claim = (owner: string, i: number) => ledger.claim(`${owner} ${i}`, "", 1_000, owner).state;
    const claims = (owner: string) => Array.from({ length: 8 }, (_, i) => claim(owner, i));
    const some = (state: string, count: number) => Array(count).fill(state);
    assertEquals(claims("a"), [...some("new", 5), ...some("full", 3)]);
    assertEquals(claims("b"), [...some("new", 3), ...some("full", 5)]);
    assertEquals(claims("c"), [...some("new", 1), ...some("full", 7)]);
    for (let i = 0; i < 5; i++) ledger.settle(`a ${i}`, reply(1));
    assertEquals(claims("a"), [...some("done", 5), ...some("full", 3)]); // no room is made by forgetting
    ledger.forget("b 0");
    assertEquals([claim("d", 0), ledger.size], ["new", 9]);
    broker.close();
  });

  it("a claim with long names counts as several", () => {
    const { broker } = new MemoryFixture({ claims: 20 });
    const { ledger } = broker;
    const long = "k".repeat(900); // 2,056 bytes: 5 of 512
    const states = [1, 2, 3].map((i) => ledger.claim(`${i}${long}`, "", 1_000, "a").state);
    assertEquals([states, ledger.claim("short", "", 1_000, "b").state], [["new", "new", "full"], "new"]);
    broker.close();
  });

  it("what is full has room again when the time of claims is over, swept or not", async () => {
    const { broker, clock } = new MemoryFixture({ claims: 4 });
    const { ledger } = broker;
    const claim = (key: string) => ledger.claim(key, "", 1_000).state;
    assertEquals(["a", "b", "c"].map(claim), ["new", "new", "full"]);
    await clock.advance(1_001);
    assertEquals(["c", "d", "e"].map(claim), ["new", "new", "full"]);
    broker.close();
  });

  it("replies of who has most room taken go, its oldest first, and are known to have run", () => {
    const { broker } = new MemoryFixture({ claimBytes: 10_000 });
    const { ledger } = broker;
    const settle = (key: string, size: number, owner: string) => {
      ledger.claim(key, "", 1_000, owner);
      ledger.settle(key, reply(size));
    };
    const state = (key: string) => ledger.claim(key, "", 1_000).state;
    settle("other", 2_000, "b");
    for (let i = 0; i < 10; i++) settle(`${i}`, 1_000, "a");
    const states = Array.from({ length: 10 }, (_, i) => state(`${i}`));
    assertEquals(states, [...Array(6).fill("gone"), ...Array(4).fill("done")]);
    settle("too large", 4_001, "a");
    assertEquals([state("too large"), state("6"), state("9")], ["gone", "done", "done"]); // nothing went for it
    settle("large", 4_000, "a");
    assertEquals([state("large"), state("9"), state("other")], ["done", "gone", "done"]);
    const waiting = [ledger.claim("huge", "", 1_000), ledger.claim("huge", "", 1_000)][1]!;
    assert(waiting.state === "running");
    const told = waiting.done;
    ledger.settle("huge", reply(50_000));
    assertEquals([state("huge"), broker.stats().claims], ["gone", 14]);
    assert(broker.stats().claimBytes <= 10_000 + 14 * 512);
    broker.close();
    return told.then((told) => assertEquals(told?.length, 50_000)); // who waited has it all the same
  });

  it("it is empty when all times are over, and its timer ends", async () => {
    const fixture = new MemoryFixture();
    const { broker, clock } = fixture;
    const { ledger } = broker;
    for (let i = 0; i < 1_000; i++) {
      ledger.claim(`${i}`, "", 600_000);
      if (i % 3 > 0) ledger.settle(`${i}`, reply(i));
      if (i % 3 > 1) ledger.forget(`${i}`);
      await clock.advance(10);
    }
    await clock.advance(630_000);
    assertEquals([ledger.size, ledger.bytes, clock.pending], [0, 0, 0]);
    broker.close();
  });
});
