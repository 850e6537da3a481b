// The broker in memory against a model that is too simple to be wrong.
import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { BrokerError, type Entry, type Query } from "../rpc/broker.ts";
import { bytesOf, Heard } from "../testing/broker_kit.ts";
import { Life } from "./suites/broker_life.ts";
import { BEGIN, MemoryFixture } from "./suites/memory_fixture.ts";

const CHANNELS = 3;
const HEARD = 2;

type Step =
  | {
    readonly do: "append";
    readonly channel: number;
    readonly size: number;
    readonly messages: number;
    readonly ms: number;
  }
    & { readonly producer: number | undefined; readonly shift: number }
  | { readonly do: "read"; readonly channel: number; readonly query: Query }
  | { readonly do: "listen" | "leave"; readonly channel: number; readonly who: number }
  | { readonly do: "forget"; readonly channel: number }
  | { readonly do: "wait"; readonly ms: number };

const channel = fc.nat(CHANNELS - 1);
const offset = fc.oneof(fc.nat(40), fc.constantFrom(2 ** 53 - 1));
const bounds = { messages: fc.nat(8), bytes: fc.oneof(fc.nat(60), fc.constant(1 << 20)) };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("append" as const),
      channel,
      size: fc.nat(30),
      messages: fc.oneof({ weight: 4, arbitrary: fc.constant(20) }, { weight: 1, arbitrary: fc.nat(20) }),
      ms: fc.oneof({ weight: 4, arbitrary: fc.constant(20_000) }, { weight: 1, arbitrary: fc.nat(30_000) }),
      producer: fc.option(fc.nat(2)),
      shift: fc.oneof({ weight: 4, arbitrary: fc.constant(1) }, {
        weight: 1,
        arbitrary: fc.integer({ min: -4, max: 3 }),
      }),
    }).map(({ producer, ...rest }) => ({ ...rest, producer: producer ?? undefined })),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("read" as const),
      channel,
      query: fc.oneof(
        fc.record({ after: offset, ...bounds }),
        fc.record({ before: offset, ...bounds }),
        fc.record({ at: fc.integer({ min: BEGIN, max: BEGIN + 100_000 }), ...bounds }),
        fc.record(bounds),
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constantFrom("listen" as const, "leave" as const),
      channel,
      who: fc.nat(HEARD - 1),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("forget" as const), channel }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.nat(8_000) }) },
);

/** Broker and model, side by side. */
class World {
  readonly fixture = new MemoryFixture();
  readonly #lives = Array.from({ length: CHANNELS }, () => new Life());
  readonly #epochs: (string | undefined)[] = Array(CHANNELS);
  readonly #known = new Set<string>();
  readonly #listening = Array.from({ length: CHANNELS }, () => new Set<number>());
  readonly #heard = Array.from({ length: CHANNELS }, () => Array.from({ length: HEARD }, () => new Heard()));
  readonly #wanted: Entry[][][] = Array.from(
    { length: CHANNELS },
    () => Array.from({ length: HEARD }, () => []),
  );
  #fingerprint = 1;

  async take(next: Step): Promise<void> {
    const { broker } = this.fixture;
    if (next.do === "wait") return await this.fixture.advance(next.ms);
    const name = `channel ${next.channel}`;
    switch (next.do) {
      case "append":
        return this.#append(name, next);
      case "read": {
        const life = this.#life(next.channel);
        life.trim(this.#date);
        const { epoch, ...page } = broker.read(name, next.query);
        this.#epoch(next.channel, epoch);
        return assertEquals(page, life.page(next.query));
      }
      case "listen":
        broker.subscribe(name, this.#heard[next.channel]![next.who]!);
        return void this.#listening[next.channel]!.add(next.who);
      case "leave":
        broker.unsubscribe(name, this.#heard[next.channel]![next.who]!);
        return void this.#listening[next.channel]!.delete(next.who);
      case "forget":
        broker.forget(name);
        this.#lives[next.channel] = new Life();
        this.#epochs[next.channel] = undefined;
    }
  }

  /** What all have heard. */
  verify(): void {
    for (let i = 0; i < CHANNELS; i++) {
      for (let who = 0; who < HEARD; who++) {
        assertEquals(this.#heard[i]![who]!.entries, this.#wanted[i]![who]);
      }
    }
    this.fixture.close();
    assertEquals([this.fixture.errors, this.fixture.clock.pending], [[], 0]);
  }

  get #date(): number {
    return BEGIN + this.fixture.clock.now();
  }

  #life(channel: number): Life {
    return this.#lives[channel]!;
  }

  #append(
    name: string,
    { channel, size, messages, ms, producer, shift }: Extract<Step, { do: "append" }>,
  ): void {
    const life = this.#life(channel);
    const id = `${producer}`;
    const n = Math.max(1, (life.last.get(id) ?? 0) + shift);
    const fingerprint = this.#fingerprint++;
    const wanted = this.#expected(life, id, n, producer !== undefined);
    const retention = { messages, ms, metaMs: 0 };
    const data = bytesOf("x".repeat(size));
    let got: string | number;
    try {
      const who = producer === undefined ? undefined : { id, n };
      const appended = this.fixture.broker.append(name, {
        data,
        room: 0,
        fingerprint,
        producer: who,
        retention,
      });
      const { position: { epoch, offset } } = appended;
      got = appended.duplicate ? offset : "new";
      this.#epoch(channel, epoch);
      const entry = life.all[offset - 1];
      if (appended.duplicate) assertEquals(appended.position.fingerprint, entry?.fingerprint);
      else assertEquals(appended.position, { epoch, offset: life.all.length + 1, fingerprint });
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error;
      got = error.code;
    }
    assertEquals(got, wanted);
    if (got !== "new") return;
    const offset = life.all.length + 1;
    const at = Math.max(life.all.at(-1)?.at ?? 0, this.#date);
    const entry = { offset, fingerprint, previous: life.all.at(-1)?.fingerprint ?? 0, at, data, room: 0 };
    life.trim(this.#date);
    life.all.push(entry);
    life.ms = ms;
    life.gone = Math.max(life.gone, offset - messages);
    life.trim(this.#date);
    if (producer !== undefined) {
      life.landed.set(`${id} ${n}`, offset);
      if (!life.first.has(id)) life.first.set(id, n);
      life.last.set(id, n);
    }
    for (const who of this.#listening[channel]!) this.#wanted[channel]![who]!.push(entry);
  }

  /** The offset of the first append, `new`, or the refusal. */
  #expected(life: Life, id: string, n: number, known: boolean): number | string {
    const last = life.last.get(id);
    if (!known || last === undefined || n === last + 1) return "new";
    if (n > last) return "OUT_OF_ORDER";
    return n <= last - 64 ? "FORGOTTEN" : life.landed.get(`${id} ${n}`) ?? "FORGOTTEN";
  }

  /** An epoch stays while a channel is not forgotten, and no two are alike. */
  #epoch(channel: number, epoch: string): void {
    if (this.#epochs[channel] === undefined) {
      assertEquals(this.#known.has(epoch), false);
      this.#known.add(epoch);
      this.#epochs[channel] = epoch;
    }
    assertEquals(epoch, this.#epochs[channel]);
  }
}

describe("any history of appends, reads, listeners and losses", () => {
  it("is that of the model", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 200, size: "max" }), async (steps) => {
        const world = new World();
        for (const next of steps) await world.take(next);
        world.verify();
      }),
      { numRuns: 500 },
    );
  });
});
