// The broker in memory with hardly any room: what goes is told, nothing lands twice, and what is counted is what is held.
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import type { MemoryBrokerOptions } from "../brokers/memory.ts";
import { CHANNEL_BYTES, ENTRY_BYTES, RECORD_BYTES, RESULT_BYTES, textBytes } from "../brokers/weights.ts";
import { BrokerError, type Page, type Producer } from "../rpc/broker.ts";
import { bytesOf, Heard } from "../testing/broker_kit.ts";
import { Life } from "./suites/broker_life.ts";
import { BEGIN, MemoryFixture } from "./suites/memory_fixture.ts";

const NAMES = ["a", "b", "c", "d", "e"];
const IDS = ["p", "q", "r"];
const OWN = CHANNEL_BYTES + textBytes("a");
const ALL = { messages: 10_000, bytes: 1 << 30 };
const METHODS = ["append", "retry", "read", "listen", "leave", "wait", "recount"] as const;

interface Step {
  readonly does: typeof METHODS[number];
  readonly name: string;
  readonly id: string | undefined;
  /** Of the data, of the offset that is asked for, of the publication that is sent again. */
  readonly size: number;
  readonly back: number;
}

type Bounds =
  & Required<Pick<MemoryBrokerOptions, "bytes" | "idleBytes" | "historyBytes">>
  & MemoryBrokerOptions;

const bounds: fc.Arbitrary<Bounds> = fc.record({
  channels: fc.integer({ min: 1, max: 5 }),
  blankChannels: fc.integer({ min: 1, max: 3 }),
  bytes: fc.integer({ min: 1, max: 25_000 }),
  idleBytes: fc.integer({ min: 1, max: 20_000 }),
  historyBytes: fc.integer({ min: 1, max: 15_000 }),
  producers: fc.integer({ min: 1, max: 4 }),
});

const weights: Record<Step["does"], number> = {
  append: 20,
  retry: 8,
  read: 5,
  listen: 2,
  leave: 2,
  wait: 1,
  recount: 1,
};
const step: fc.Arbitrary<Step> = fc.record({
  does: fc.oneof(...METHODS.map((does) => ({ weight: weights[does], arbitrary: fc.constant(does) }))),
  name: fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom("a", "b") },
    { weight: 1, arbitrary: fc.constantFrom(...NAMES) },
  ),
  id: fc.option(fc.constantFrom(...IDS), { nil: undefined }),
  size: fc.oneof(fc.nat(100), fc.nat(3_000)),
  back: fc.nat(30),
});

/** A channel as the model knows it. */
class Known {
  life = new Life();
  epoch: string | undefined = undefined;
  readonly heard = new Heard();
  readonly wanted: Life["all"] = [];
  isHeard = false;
  /** How often the broker had got more to hold when this was looked at last. */
  grown = 0;
  /** When each publication of the life was sent first. */
  readonly sent = new Map<string, number>();
}

/** Broker and model, side by side. */
class World {
  readonly #bounds: Bounds;
  readonly #fixture: MemoryFixture;
  readonly #channels = new Map(NAMES.map((name) => [name, new Known()]));
  readonly #epochs = new Set<string>();
  /** Only more to hold may cost a channel anything: appends, and channels that are heard no more. */
  #grown = 0;
  #fingerprint = 1;
  /** What happened, so that a run in which nothing is ever trimmed does not pass for one. */
  readonly seen = { trimmed: 0, lost: 0, forgotten: 0, duplicates: 0 };

  constructor(bounds: Bounds) {
    this.#bounds = bounds;
    this.#fixture = new MemoryFixture(bounds);
  }

  async take({ does, name, id, size, back }: Step): Promise<void> {
    const { broker } = this.#fixture;
    const known = this.#channels.get(name)!;
    switch (does) {
      case "append":
        this.#publish(name, id, size);
        break;
      case "retry":
        this.#retry(name, known, id ?? "p", back);
        break;
      case "read":
        this.#read(name, back);
        break;
      case "listen":
        broker.subscribe(name, known.heard);
        if (!known.isHeard) this.#look(name, broker.read(name, { after: 0, ...ALL }));
        known.isHeard = true;
        break;
      case "leave":
        broker.unsubscribe(name, known.heard);
        if (known.isHeard) this.#grown++;
        known.isHeard = false;
        break;
      case "wait":
        await this.#fixture.advance(size * 10);
        break;
      case "recount":
        this.#recount();
    }
    const most = Math.max(this.#bounds.bytes, NAMES.length * OWN + this.#bounds.bytes / 8);
    assert(broker.stats().bytes <= most, `${broker.stats().bytes} of ${most}`);
  }

  end(): void {
    this.#recount();
    for (const { heard, wanted } of this.#channels.values()) assertEquals(heard.entries, wanted);
    this.#fixture.close();
    assertEquals([this.#fixture.errors, this.#fixture.clock.pending], [[], 0]);
  }

  get #date(): number {
    return BEGIN + this.#fixture.clock.now();
  }

  #read(name: string, back: number): void {
    const { broker } = this.#fixture;
    const after = Math.max(0, this.#channels.get(name)!.life.all.length - back);
    for (const query of [{ after, ...ALL }, { before: after, ...ALL }, { messages: 3, bytes: 1_000 }]) {
      const page = broker.read(name, query);
      this.#look(name, page);
      const { epoch: _, ...view } = page;
      assertEquals(view, this.#channels.get(name)!.life.page(query));
    }
  }

  /** What a page says of what is left, and whether it may be so. */
  #look(name: string, { epoch, top, oldest }: Pick<Page, "epoch" | "top" | "oldest">): void {
    const known = this.#channels.get(name)!;
    const grown = this.#grown > known.grown;
    known.grown = this.#grown;
    if (epoch !== known.epoch) {
      const { all } = known.life;
      if (all.length > 0) this.seen.lost++;
      assert(!known.isHeard || known.epoch === undefined, "A channel that is heard was forgotten");
      assert(all.length === 0 || grown || this.#isOver(known), "A channel was forgotten for nothing");
      this.#begin(known, epoch);
    }
    known.life.trim(this.#date);
    const { all, gone } = known.life;
    assertEquals(top, { offset: all.length, fingerprint: all.at(-1)?.fingerprint ?? 0 });
    assert(oldest > gone && oldest <= all.length + 1, `The oldest is ${oldest}, of ${all.length}`);
    assert(oldest === gone + 1 || grown, "Entries went for nothing");
    this.seen.trimmed += oldest - 1 - gone;
    known.life.gone = oldest - 1;
  }

  /** Whether the time of a channel that nobody uses is over. */
  #isOver({ life }: Known): boolean {
    return life.all.at(-1)!.at + 600_000 <= this.#date;
  }

  #begin(known: Known, epoch: string): void {
    assert(!this.#epochs.has(epoch), "No two lives have one epoch");
    this.#epochs.add(epoch);
    known.epoch = epoch;
    known.life = new Life();
    known.sent.clear();
  }

  #publish(name: string, id: string | undefined, size: number): void {
    const { life } = this.#channels.get(name)!;
    const n = id === undefined ? 0 : (life.last.get(id) ?? 0) + 1;
    const got = this.#append(name, id === undefined ? undefined : { id, n, low: n }, size);
    assertEquals(got, "new");
  }

  /** What has landed is sent again, by a client that knows how long ago. */
  #retry(name: string, known: Known, id: string, back: number): void {
    const last = known.life.last.get(id);
    if (last === undefined) return;
    const n = Math.max(known.life.first.get(id)!, last - back);
    const { epoch } = known;
    const age = this.#fixture.clock.now() - known.sent.get(`${id} ${n}`)!;
    const got = this.#append(name, { id, n, low: n, age }, 1);
    if (got === "FORGOTTEN") this.seen.forgotten++;
    else if (got !== "new") this.seen.duplicates++;
    assert(got !== "new" || known.epoch !== epoch, "A publication landed twice");
  }

  #append(name: string, producer: Producer | undefined, size: number): string | number {
    const known = this.#channels.get(name)!;
    const data = bytesOf("x".repeat(size));
    const fingerprint = this.#fingerprint++;
    const retention = { messages: 20, ms: 20_000, metaMs: 0 };
    // Whoever listens may ask at once: it is told before the answer.
    try {
      const { broker } = this.#fixture;
      const { position, duplicate } = broker.append(name, {
        data,
        room: 0,
        fingerprint,
        producer,
        retention,
      });
      const { epoch, offset } = position;
      const landed = known.life.landed.get(`${producer?.id} ${producer?.n}`);
      if (duplicate) {
        assertEquals([epoch, offset], [known.epoch, landed]);
        return offset;
      }
      if (epoch !== known.epoch) this.#lose(known, epoch);
      assertEquals(position, { epoch, offset: known.life.all.length + 1, fingerprint });
      this.#landed(known, producer, { data, fingerprint });
      const page = broker.read(name, { ...ALL, messages: 0 });
      this.#look(name, page);
      return "new";
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error;
      assertEquals(error.code, "FORGOTTEN");
      return error.code;
    }
  }

  #lose(known: Known, epoch: string): void {
    assert(!known.isHeard || known.epoch === undefined, "A channel that is heard was forgotten");
    if (known.life.all.length > 0) this.seen.lost++;
    this.#begin(known, epoch);
  }

  #landed(
    { life, sent, isHeard, wanted }: Known,
    producer: Producer | undefined,
    { data, fingerprint }: { readonly data: Uint8Array; readonly fingerprint: number },
  ): void {
    this.#grown++;
    const [offset, top] = [life.all.length + 1, life.all.at(-1)];
    const at = Math.max(top?.at ?? 0, this.#date);
    life.all.push({ offset, fingerprint, previous: top?.fingerprint ?? 0, at, data, room: 0 });
    life.ms = 20_000;
    life.gone = Math.max(life.gone, offset - 20);
    if (isHeard) wanted.push(life.all.at(-1)!);
    if (producer === undefined) return;
    life.landed.set(`${producer.id} ${producer.n}`, offset);
    life.last.set(producer.id, producer.n);
    if (!life.first.has(producer.id)) life.first.set(producer.id, producer.n);
    sent.set(`${producer.id} ${producer.n}`, this.#fixture.clock.now());
  }

  /** All that is held, asked for piece by piece. */
  #recount(): void {
    const { broker } = this.#fixture;
    const total = { entries: 0, producers: 0, bytes: 0, idle: 0 };
    const used = broker.stats();
    for (const [name, known] of this.#channels) {
      if (known.epoch === undefined) continue;
      const records = this.#records(name, known);
      const page = broker.read(name, ALL);
      this.#look(name, page);
      if (page.top.offset === 0) continue;
      const entries = page.entries.reduce((sum, { data }) => sum + ENTRY_BYTES + data.byteLength, 0);
      assert(page.entries.length <= 1 || entries <= this.#bounds.historyBytes, "One history is too large");
      const bytes = OWN + entries + records.bytes;
      total.entries += page.entries.length;
      total.producers += records.count;
      total.bytes += bytes;
      if (!known.isHeard) total.idle += bytes;
    }
    const { entries, producers, bytes } = broker.stats();
    assertEquals([entries, producers, bytes], [total.entries, total.producers, total.bytes]);
    assertEquals([used.producers, used.bytes >= bytes], [producers, true]);
    assert(total.idle <= Math.max(this.#bounds.idleBytes, OWN), `${total.idle} bytes of idle channels`);
  }

  /** The records of a channel, by sending again what they know: it costs them nothing but time. */
  #records(name: string, known: Known): { readonly count: number; readonly bytes: number } {
    let [count, bytes] = [0, 0];
    for (const [id, last] of known.life.last) {
      let results = 0;
      for (let n = last; n > last - 64 && known.life.landed.has(`${id} ${n}`); n--) {
        if (!this.#knows(name, known, { id, n, low: n, age: 1e9 })) break;
        results++;
      }
      if (results === 0) continue;
      count++;
      bytes += RECORD_BYTES + textBytes(id) + results * RESULT_BYTES;
    }
    return { count, bytes };
  }

  #knows(name: string, known: Known, producer: Producer): boolean {
    // A stream that is gone would take it: look first.
    const { epoch } = this.#fixture.broker.read(name, { ...ALL, messages: 0 });
    if (epoch !== known.epoch) return false;
    return typeof this.#append(name, producer, 1) === "number";
  }
}

describe("any history of appends, retries, reads and listeners in a broker with hardly any room", () => {
  it("keeps the numbers, lands nothing twice, and counts what it holds", async () => {
    const all = { trimmed: 0, lost: 0, forgotten: 0, duplicates: 0 };
    await fc.assert(
      fc.asyncProperty(bounds, fc.array(step, { maxLength: 150, size: "max" }), async (bounds, steps) => {
        const world = new World(bounds);
        for (const next of steps) await world.take(next);
        world.end();
        for (const key of Object.keys(all) as (keyof typeof all)[]) all[key] += world.seen[key];
      }),
      { numRuns: 500 },
    );
    assert(Object.values(all).every((count) => count > 500), JSON.stringify(all));
  });
});
