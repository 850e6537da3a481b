// How much a broker in memory holds, and what goes first where that is too much.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { CHANNEL_BYTES, ENTRY_BYTES, RECORD_BYTES, RESULT_BYTES, textBytes } from "../brokers/weights.ts";
import { type MemoryBounds, memoryBroker } from "../mod.ts";
import { type Append, BrokerError } from "../rpc/broker.ts";
import { bytesOf, Heard } from "../testing/broker_kit.ts";
import { MemoryFixture } from "./suites/memory_fixture.ts";

const ALL = { messages: 10_000, bytes: 1 << 30 };
const KEEP = { messages: 100, ms: 3_600_000, metaMs: 0 };

/** What a channel with a name of one character weighs, and an entry of so many bytes, and a record with one result. */
const CHANNEL = CHANNEL_BYTES + textBytes("a");
const entry = (size: number) => ENTRY_BYTES + size;
const record = (id: string) => RECORD_BYTES + RESULT_BYTES + textBytes(id);

function append(text: string, more: Partial<Append> = {}): Append {
  return { data: bytesOf(text), room: 0, fingerprint: 1, retention: KEEP, ...more };
}

describe("memoryBroker()", () => {
  it("has the bounds that it is given, and the others by default", async () => {
    const broker = memoryBroker({ channels: 1, bytes: undefined } as unknown as MemoryBounds);
    for (const name of ["a", "b"]) await broker.append(name, append("x"));
    assertEquals((await broker.read("a", ALL)).entries.length, 0);
    assertEquals((await broker.read("b", ALL)).entries.length, 1);
    await broker.close();
    for (const bytes of [-1, 0.5, NaN, Infinity, "1"]) {
      assertThrows(() => memoryBroker({ bytes: bytes as number }), RangeError, "bytes");
    }
    for (const name of ["bites", "clock", "toString"]) {
      assertThrows(() => memoryBroker({ [name]: 1 }), TypeError, `no bound named "${name}"`);
    }
  });
});

describe("the bounds of the broker in memory", () => {
  it("channels that nobody listens to: the latest are kept, and one that is heard always", () => {
    const { broker } = new MemoryFixture({ channels: 100 });
    const heard = new Heard();
    broker.subscribe("heard", heard);
    const { position } = broker.append("heard", append("a"));
    for (let i = 0; i < 20_000; i++) {
      broker.append(`one shot ${i}`, append("a", { producer: { id: "p", n: 1 } }));
      if (i === 60) broker.read("one shot 0", ALL);
    }
    const { channels, idle, entries, producers } = broker.stats();
    assertEquals([channels, idle, entries, producers], [101, 100, 101, 100]);
    assertEquals(broker.read("heard", ALL).epoch, position.epoch);
    assertEquals(broker.read("one shot 19900", ALL).entries.length, 1);
    assertEquals(broker.read("one shot 0", ALL).entries.length, 0);
    assertEquals([broker.stats().entries, broker.stats().idle], [101, 101]); // "one shot 0" is blank now
    broker.close();
  });

  it("the channel that was used longest ago goes first", () => {
    const { broker } = new MemoryFixture({ channels: 3 });
    for (const name of ["a", "b", "c"]) broker.append(name, append(name));
    broker.read("a", ALL);
    broker.append("b", append("b"));
    broker.append("d", append("d"));
    const offsets = ["a", "b", "d"].map((name) => broker.read(name, ALL).top.offset);
    assertEquals([offsets, broker.read("c", ALL).top.offset], [[1, 2, 1], 0]);
    broker.close();
  });

  it("a retry is a use of its channel", () => {
    const { broker } = new MemoryFixture({ channels: 2 });
    const publish = (name: string) => broker.append(name, append(name, { producer: { id: "p", n: 1 } }));
    const duplicates = ["a", "b", "a", "c", "a"].map((name) => publish(name).duplicate);
    assertEquals(duplicates, [false, false, true, false, true]);
    broker.close();
  });

  it("bytes of a channel: the oldest entries go, and one is always kept", () => {
    const { broker } = new MemoryFixture({ historyBytes: 3 * entry(300) });
    for (let i = 0; i < 10; i++) broker.append("a", append("x".repeat(300)));
    const page = broker.read("a", { ...ALL, after: 7 });
    assertEquals([page.oldest, page.top.offset, page.boundary], [8, 10, 1]);
    assertEquals(broker.stats().bytes, CHANNEL + 3 * entry(300));
    broker.append("a", append("x".repeat(5_000)));
    assertEquals(broker.read("a", ALL).entries.map(({ offset }) => offset), [11]);
    broker.close();
  });

  it("producers of a channel: those that published longest ago are forgotten", () => {
    const { broker } = new MemoryFixture({ producers: 10 });
    const publish = (id: string, n = 1) => broker.append("a", append("a", { producer: { id, n } })).duplicate;
    for (let i = 0; i < 10; i++) publish(`${i}`);
    assert(publish("0")); // a retry is a use
    for (let i = 10; i < 15; i++) publish(`${i}`);
    assertEquals(broker.stats().producers, 10);
    assertEquals(["0", "6", "14", "5"].map((id) => publish(id)), [true, true, true, false]);
    broker.close();
  });

  it("producers of a channel: of whom was forgotten it is not known what has landed, and only what is new is taken", async () => {
    const fixture = new MemoryFixture({ producers: 10 });
    const { broker } = fixture;
    const publish = (id: string, age?: number) => {
      try {
        return broker.append("a", append("a", { producer: { id, n: 1, low: 1, age } })).duplicate;
      } catch (error) {
        return (error as BrokerError).code;
      }
    };
    publish("lost");
    await fixture.advance(1_000);
    assertEquals(publish("nobody was forgotten", 60_000), false);
    for (let i = 0; i < 9; i++) publish(`${i}`);
    await fixture.advance(1_000);
    assertEquals(publish("lost", 2_000), "FORGOTTEN");
    assertEquals(publish("lost", 2_001), "FORGOTTEN");
    assertEquals(publish("sent first after it had published", 1_999), false);
    assertEquals(publish("8", 60_000), true, "who is known is known");
    assertEquals(publish("sent once"), false);
    assertEquals(broker.read("a", ALL).top.offset, 13);
    broker.close();
  });

  it("producers that have gone with time are forgotten all the same", async () => {
    const fixture = new MemoryFixture();
    const { broker } = fixture;
    broker.subscribe("a", new Heard());
    const publish = (id: string, age?: number) =>
      broker.append("a", append("a", { producer: { id, n: 1, low: 1, age }, retention: { ...KEEP, ms: 1 } }));
    publish("lost");
    await fixture.advance(620_000);
    assertThrows(() => publish("lost", 620_000), BrokerError, "not known any more");
    assertEquals(publish("new", 600_000).duplicate, false);
    broker.close();
  });

  it("producers go with time, too, while their channel goes on", async () => {
    const fixture = new MemoryFixture();
    const { broker } = fixture;
    broker.subscribe("a", new Heard());
    for (let minute = 0; minute < 30; minute++) {
      broker.append("a", append("a", { producer: { id: `${minute}`, n: 1 }, retention: { ...KEEP, ms: 1 } }));
      await fixture.advance(60_000);
    }
    assertEquals([broker.stats().producers, broker.stats().entries], [9, 0]);
    broker.close();
  });

  it("to listen and go, or to send signals, leaves nothing", () => {
    const { broker } = new MemoryFixture();
    for (let i = 0; i < 1_000; i++) {
      const heard = new Heard();
      broker.subscribe(`channel ${i}`, heard);
      broker.signal(`channel ${i}`, bytesOf("x"), undefined);
      broker.signal(`nobody ${i}`, bytesOf("x"), undefined);
      broker.unsubscribe(`channel ${i}`, heard);
      assertEquals(heard.signals.length, 1);
    }
    assertEquals(broker.stats().channels, 0);
    broker.close();
  });
});

describe("channels that were read, and that nobody has published to", () => {
  it("push out none that has publications: a retry lands once", () => {
    const { broker } = new MemoryFixture({ channels: 3, blankChannels: 2 });
    const publish = () => broker.append("a", append("a", { producer: { id: "p", n: 1, low: 1 } }));
    const first = publish();
    for (let i = 0; i < 1_000; i++) broker.read(`blank ${i}`, ALL);
    assertEquals(publish(), { ...first, duplicate: true });
    assertEquals(broker.read("a", ALL).entries.length, 1);
    assertEquals([broker.stats().channels, broker.stats().idle], [3, 3]);
    broker.close();
  });

  it("push out each other, those used longest ago first, and what comes back is another life", () => {
    const { broker } = new MemoryFixture({ channels: 1, blankChannels: 2 });
    const epoch = (name: string) => broker.read(name, ALL).epoch;
    const [a, b] = [epoch("a"), epoch("b")];
    assertEquals(epoch("a"), a);
    epoch("c");
    assertEquals(epoch("a"), a);
    assert(epoch("b") !== b);
    broker.close();
  });

  it("are forgotten with time, and count for no bound of bytes", async () => {
    const fixture = new MemoryFixture({ bytes: 1, idleBytes: 1 });
    const { broker } = fixture;
    const { epoch } = broker.read("a", ALL);
    const heard = new Heard();
    broker.subscribe("b", heard);
    broker.read("b", ALL);
    broker.unsubscribe("b", heard);
    assertEquals([broker.stats().channels, broker.stats().idle, broker.stats().bytes], [2, 2, 0]);
    assertEquals(broker.read("a", ALL).epoch, epoch);
    await fixture.advance(620_000);
    assertEquals([broker.stats().channels, fixture.clock.pending], [0, 0]);
    broker.close();
  });

  it("are as others from their first publication on", () => {
    const { broker } = new MemoryFixture({ blankChannels: 2 });
    const { epoch } = broker.read("a", ALL);
    assertEquals(broker.append("a", append("a")).position, { epoch, offset: 1, fingerprint: 1 });
    for (let i = 0; i < 10; i++) broker.read(`blank ${i}`, ALL);
    assertEquals(broker.read("a", ALL).epoch, epoch);
    assertEquals(broker.stats().bytes, CHANNEL + entry(1));
    broker.close();
  });
});

describe("the bytes that a broker in memory counts", () => {
  it("are those of entries with their room, of producers with their results, and of channels", () => {
    const { broker } = new MemoryFixture();
    broker.append("a", append("xyz", { room: 0 }));
    assertEquals(broker.stats().bytes, CHANNEL + entry(3));
    broker.append("a", append("", { room: 32, data: new Uint8Array(40).subarray(32) }));
    assertEquals(broker.stats().bytes, CHANNEL + entry(3) + entry(40));
    for (let n = 1; n <= 70; n++) {
      broker.append("b", append("", { producer: { id: "pp", n }, retention: { ...KEEP, messages: 0 } }));
    }
    const all = 2 * CHANNEL + entry(3) + entry(40) + RECORD_BYTES + 64 * RESULT_BYTES + textBytes("pp");
    assertEquals(broker.stats().bytes, all);
    broker.forget("b");
    assertEquals(broker.stats().bytes, CHANNEL + entry(3) + entry(40));
    broker.close();
    assertEquals(broker.stats().bytes, 0);
  });

  it("go when a channel that is heard is forgotten, and come again with its next life", () => {
    const { broker } = new MemoryFixture();
    broker.subscribe("a", new Heard());
    for (let i = 0; i < 2; i++) broker.append("a", append("a"));
    broker.forget("a");
    assertEquals(broker.stats().bytes, 0);
    broker.append("a", append("a"));
    assertEquals(broker.stats().bytes, CHANNEL + entry(1));
    broker.close();
  });
});

describe("where all channels weigh too much together", () => {
  const text = "x".repeat(1_000 - ENTRY_BYTES);
  const listen = ({ broker }: MemoryFixture, names: string) => {
    for (const name of names) broker.subscribe(name, new Heard());
  };
  const lengths = ({ broker }: MemoryFixture, names: string) =>
    [...names].map((name) => broker.read(name, ALL).entries.length);

  it("those that hold most give their oldest entries, heard or not; numbers, top and epoch stay", () => {
    const fixture = new MemoryFixture({ bytes: 3 * CHANNEL + 40_000 });
    const { broker } = fixture;
    listen(fixture, "ab");
    const fill = (name: string, count: number) => {
      for (let i = 0; i < count; i++) broker.append(name, append(text, { fingerprint: i + 1 }));
    };
    fill("c", 5);
    fill("a", 20);
    fill("b", 15);
    assertEquals(lengths(fixture, "abc"), [20, 15, 5]);
    const { epoch } = broker.read("a", ALL);
    fill("b", 1); // now it is over: 41 of 40, down to 7/8, which is 34.5 and more
    assertEquals(lengths(fixture, "abc"), [14, 14, 5]);
    const page = broker.read("a", { ...ALL, after: 6 });
    assertEquals([page.epoch, page.oldest, page.top], [epoch, 7, { offset: 20, fingerprint: 20 }]);
    assertEquals([page.boundary, page.entries[0]?.previous], [6, 6]);
    assertEquals(broker.read("a", { ...ALL, after: 5 }).boundary, undefined);
    assertEquals(broker.stats().bytes, 3 * CHANNEL + 33_000);
    broker.close();
  });

  it("what is as heavy as others is spared once there is room", () => {
    const names = "abcdefgh";
    const fixture = new MemoryFixture({ bytes: 8 * CHANNEL + 7_500 });
    listen(fixture, names);
    for (const name of names) fixture.broker.append(name, append(text));
    const left = lengths(fixture, names);
    assertEquals(left.filter((length) => length === 1).length, 5, `${left}`);
    fixture.broker.close();
  });

  it("a listener hears what goes at once, and its channel goes on", () => {
    const fixture = new MemoryFixture({ bytes: 1 });
    const { broker } = fixture;
    const heard = new Heard();
    broker.subscribe("a", heard);
    const offsets = [1, 2, 3].map(() => broker.append("a", append("a")).position.offset);
    assertEquals([offsets, heard.texts, heard.doubts], [[1, 2, 3], ["a", "a", "a"], 0]);
    const { oldest, top } = broker.read("a", ALL);
    assertEquals([oldest, top.offset, broker.stats().bytes], [4, 3, CHANNEL]);
    broker.close();
  });

  it("producers go of those channels that have most, those used longest ago first, and are known to be forgotten", async () => {
    const fixture = new MemoryFixture({ bytes: 2 * CHANNEL + 100 * record("p00") });
    const { broker, clock } = fixture;
    listen(fixture, "ab");
    const publish = (name: string, id: string, age?: number) => {
      const producer = { id, n: 1, low: 1, age };
      try {
        return broker.append(name, append("", { producer, retention: { ...KEEP, messages: 0 } })).duplicate;
      } catch (error) {
        return (error as BrokerError).code;
      }
    };
    const ids = Array.from({ length: 91 }, (_, i) => `p${String(i).padStart(2, "0")}`);
    for (const id of ids.slice(0, 10)) publish("b", id);
    for (const id of ids) {
      publish("a", id);
      await clock.advance(1);
    }
    assertEquals(broker.stats().producers, 86); // the 101st was one too many: down to 7/8, of what two channels weigh too
    for (const id of ids.slice(0, 10)) assertEquals(publish("b", id, 10_000), true);
    const states = ids.map((id) => publish("a", id, 10_000));
    assertEquals([states.indexOf(true), states.lastIndexOf("FORGOTTEN")], [15, 14]);
    broker.close();
  });

  it("producers with ever new names take half of what entries have, and no more", () => {
    const fixture = new MemoryFixture({ bytes: 3 * CHANNEL + 300_000, producers: 100_000 });
    const { broker } = fixture;
    listen(fixture, "abc");
    for (let i = 0; i < 100; i++) broker.append("a", append(text));
    const known = { producer: { id: "p", n: 1, low: 1, age: 60_000 } };
    broker.append("c", append("", known));
    for (let i = 0; i < 20_000; i++) {
      const producer = { id: `key ${i}`, n: 1, low: 1 };
      broker.append("b", append("", { producer, retention: { ...KEEP, messages: 0 } }));
    }
    assertEquals(broker.read("a", ALL).entries.length, 100);
    assertEquals(broker.append("c", append("", known)).duplicate, true);
    assert(broker.stats().bytes <= 3 * CHANNEL + 300_000);
    broker.close();
  });

  it("channels that nobody listens to go last, those used longest ago first", () => {
    const fixture = new MemoryFixture({ bytes: 8 * CHANNEL });
    const { broker } = fixture;
    listen(fixture, "ab");
    for (const name of "abcdefgh") broker.append(name, append("a"));
    const known = [..."cdefgh"].filter((name) => broker.read(name, ALL).top.offset > 0);
    assertEquals(known, ["d", "e", "f", "g", "h"]);
    broker.close();
  });

  it("channels that are heard may weigh more, and not each publication makes room then", () => {
    const fixture = new MemoryFixture({ bytes: 8 * CHANNEL });
    const { broker } = fixture;
    const names = "abcdefghij";
    listen(fixture, names);
    const known = { producer: { id: "p", n: 1, low: 1, age: 1_000 } };
    broker.append("a", append("a", known));
    for (const name of names) broker.append(name, append("a"));
    assertThrows(() => broker.append("a", append("a", known)), BrokerError, "not known any more");
    assertEquals(broker.stats().bytes - 10 * CHANNEL < CHANNEL, true);
    const lengthsOf = Array.from({ length: 20 }, () => {
      broker.append("a", append("a"));
      return lengths(fixture, "a")[0];
    });
    assert(lengthsOf.includes(0) && lengthsOf.includes(2), `${lengthsOf}`);
    for (const name of names) broker.forget(name);
    assertEquals(broker.stats().bytes, 0);
    broker.close();
  });
});

describe("where channels that nobody listens to weigh too much together", () => {
  const text = "x".repeat(1_000 - ENTRY_BYTES);

  it("those of them that hold most give, and no other", () => {
    const { broker } = new MemoryFixture({ idleBytes: 2 * CHANNEL + 16_000 });
    const heard = new Heard();
    broker.subscribe("heard", heard);
    const fill = (name: string, count: number) => {
      for (let i = 0; i < count; i++) broker.append(name, append(text));
    };
    const lengths = () => ["heard", "a", "b"].map((name) => broker.read(name, ALL).entries.length);
    fill("heard", 30);
    fill("a", 4);
    fill("b", 12);
    assertEquals(lengths(), [30, 4, 12]);
    fill("b", 1);
    assertEquals(lengths(), [30, 4, 9]);
    broker.unsubscribe("heard", heard); // counts from now on
    const [left = 0, a = 0, b = 0] = lengths();
    assert(left + a + b <= 14 && Math.min(left, a, b) >= 3, `${[left, a, b]}`);
    assertEquals(broker.read("heard", ALL).top.offset, 30);
    broker.close();
  });

  it("those used longest ago go where nothing else is left, and the one that is used stays", () => {
    const { broker } = new MemoryFixture({ idleBytes: 4 * CHANNEL });
    for (const name of "abcd") broker.append(name, append("a"));
    assertEquals(broker.stats().channels, 3);
    for (const name of "efgh") broker.append(name, append("a"));
    assertEquals([..."fgh"].map((name) => broker.read(name, ALL).top.offset), [1, 1, 1]);
    const tiny = new MemoryFixture({ idleBytes: 1 }).broker;
    for (const name of "aab") assertEquals(tiny.append(name, append("a")).duplicate, false);
    tiny.read("blank", ALL);
    assertEquals([tiny.stats().channels, tiny.read("b", ALL).top.offset], [2, 1]);
    broker.close();
    tiny.close();
  });
});
