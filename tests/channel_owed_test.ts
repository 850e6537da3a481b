// Whoever is done with everything that came is sent what follows: a server waits for SEEN only where the client's own rule makes it say SEEN by then.
import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { GAP_BYTES, Seen } from "../client/seen.ts";
import { encode } from "../msgpack/mod.ts";
import type { Entry } from "../rpc/broker.ts";
import { Kind } from "../rpc/kinds.ts";
import { Marks } from "../rpc/marks.ts";
import { Unseen } from "../rpc/unseen.ts";
import { Random } from "../testing/random.ts";
import { ChannelNode, type Line } from "./suites/channel_node.ts";
import { ManualClock } from "./suites/manual_clock.ts";
import { ScriptedBroker } from "./suites/scripted_broker.ts";

const NAME = "board/7";
const MEBIBYTE = 1024 * 1024;
/** Bytes that a run publishes. */
const MOST = 6 * MEBIBYTE;
const LIMITS = { message: 4 * MEBIBYTE };

/** A client that is done with a publication when it reads it, and whose time never passes: what it owes at rest it does not say. */
class Reader {
  readonly line: Line;
  /** The last offset that it has heard of. */
  at: number;
  readonly #alias: number;
  readonly #seen: Seen;

  private constructor(
    line: Line,
    alias: number,
    { at, isLossy }: { readonly at: number; readonly isLossy: boolean },
  ) {
    this.line = line;
    this.#alias = alias;
    this.at = at;
    this.#seen = new Seen(new ManualClock(), (offset) => line.send([Kind.SEEN, alias, offset]));
    this.#seen.begin(at, isLossy);
  }

  static async join(server: ChannelNode, options: object | null, position: unknown = null): Promise<Reader> {
    const line = await server.connect({ limits: LIMITS });
    line.subscribe(NAME, position, options);
    await server.settle();
    const messages = line.take();
    const [, , alias, , , at] = messages[0] as [number, number, number, number, string, number];
    const reader = new Reader(line, alias, { at, isLossy: options !== null && "policy" in options });
    for (const message of messages.slice(1)) reader.#read(message);
    return reader;
  }

  /** One that has another channel on the same connection. */
  async beside(channel: string): Promise<Reader> {
    const [[, , alias, , , at]] = await this.line.joined(channel) as [
      [number, number, number, number, string, number],
    ];
    return new Reader(this.line, alias, { at, isLossy: false });
  }

  /** Reads what has come, some of which may be for another; whether there was anything. */
  read(other?: Reader): boolean {
    const messages = this.line.take();
    for (const message of messages) {
      this.#read(message);
      if (other !== undefined) other.#read(message);
    }
    return messages.length > 0;
  }

  #read([kind, alias, second, third, fourth]: unknown[]): void {
    if (alias !== this.#alias) return;
    const [to, bytes] = kind === Kind.PUBLICATION
      ? [second, encode(fourth).length]
      : kind === Kind.GAP
      ? [third, GAP_BYTES]
      : [second, 0];
    this.at = to as number;
    this.#seen.came(this.at, bytes as number);
    this.#seen.advanced(this.at);
  }
}

/** Reads until nothing comes any more. */
async function rest(server: ChannelNode, reader: Reader, other?: Reader): Promise<void> {
  for (let quiet = 0; quiet < 2;) {
    await server.settle();
    quiet = reader.read(other) ? 0 : quiet + 1;
    await server.clock.advance(1_100); // what is sampled comes, and what tells of what a filter has passed over
  }
}

const WAYS: readonly (object | null)[] = [
  null,
  { filter: ["exists", ["key"]] },
  { filter: ["eq", ["key"], 1] },
  { policy: { latest: true } },
  { policy: { latest: ["key"] } },
  { policy: { sample: 10, by: ["key"] } },
  { policy: "drop oldest" },
];
const SIZES: Readonly<Record<string, readonly number[]>> = {
  small: [10],
  medium: [10, 3_000, 12_000],
  large: [10, 10, 10, 10, 10, 10, 40_000, 80_000],
  huge: [10, 100_000, 300_000, 900_000],
  mixed: [10, 1_000, 30_000, 240_000, 1_200_000],
};

function message(random: Random, sizes: readonly number[]): Uint8Array {
  return encode({ key: random.below(4), fill: new Uint8Array(random.pick(sizes)) });
}

async function run(seed: number, options: object | null, sizes: readonly number[]): Promise<void> {
  const random = new Random(seed);
  const server = new ChannelNode({ broker: new ScriptedBroker(), limits: LIMITS });
  let left = MOST;
  const add = (count: number) => {
    for (let i = 0; i < count && left > 0; i++) {
      const data = message(random, sizes);
      left -= data.length;
      server.broker.add(NAME, data);
    }
  };
  const isLate = random.chance(0.3);
  if (isLate) add(1 + random.below(200));
  const { epoch } = server.broker.stream(NAME);
  const reader = await Reader.join(server, options, isLate ? [epoch, 0, 0] : null);
  const rounds = 2 + random.below(12);
  for (let round = 0; round < rounds; round++) {
    if (random.chance(0.2)) reader.line.pipe.stall();
    const bursts = random.below(6);
    for (let burst = 0; burst < bursts; burst++) {
      add(random.below(40));
      if (random.chance(0.5)) await server.clock.settleFor(1);
      if (random.chance(0.3)) reader.read();
    }
    if (random.chance(0.7)) reader.line.pipe.resume();
    if (random.chance(0.3)) await server.clock.advance(random.below(30));
    if (random.chance(0.5)) reader.read();
  }
  reader.line.pipe.resume();
  await rest(server, reader);
  const { top } = server.broker.stream(NAME);
  assertEquals(reader.at, top.offset, `seed ${seed}: it waits at ${reader.at} of ${top.offset}`);
  assertEquals(reader.line.closed, undefined);
}

describe("a client that is done with all that came", () => {
  for (const [name, sizes] of Object.entries(SIZES)) {
    for (const [way, options] of WAYS.entries()) {
      it(`is sent the rest without time passing: ${name}, ${JSON.stringify(options)}`, async () => {
        for (let seed = 0; seed < 40; seed++) await run(1_000 * way + seed, options, sizes);
      });
    }
  }
});

describe("a client whose socket is full again and again, of another channel", () => {
  for (const options of WAYS) {
    for (const first of [60_000, 7_000]) {
      it(`is sent the rest without time passing, behind ${first} bytes that it has seen, ${JSON.stringify(options)}`, async () => {
        const server = new ChannelNode({ broker: new ScriptedBroker(), limits: LIMITS });
        const reader = await Reader.join(server, options);
        const other = await reader.beside("board/8");
        const add = async (name: string, size: number) => {
          server.broker.add(name, encode({ key: 1, fill: new Uint8Array(size) }));
          await server.settle();
        };
        await add(NAME, first);
        await rest(server, reader, other);
        for (let cycle = 0; cycle < 40; cycle++) {
          await add(NAME, 10);
          await rest(server, reader, other);
          reader.line.pipe.stall();
          for (let i = 0; i < 2; i++) await add("board/8", 200_000);
          await add(NAME, 10); // finds no room
          reader.line.pipe.resume();
          await rest(server, reader, other);
          assertEquals(reader.at, server.broker.stream(NAME).top.offset, `cycle ${cycle}`);
        }
      });
    }
  }
});

describe("what was sent and not seen", () => {
  const entry = (offset: number, size: number) => ({ offset, data: new Uint8Array(size) }) as Entry;

  for (const isLive of [true, false]) {
    it(`is free as far as it was seen, sent ${isLive ? "while live, in one frame" : "alone"}`, () => {
      const marks = new Marks();
      const unseen = new Unseen({ marks });
      marks.start(0);
      unseen.start(0);
      const entries = Array.from({ length: 14 }, (_, i) => entry(i + 1, 60_000));
      if (isLive) {
        unseen.goLive(0);
        marks.add(entries);
        unseen.leaveLive();
      } else {
        for (const { offset, data } of entries) unseen.sent(offset, data.length);
      }
      assertEquals(unseen.isHalf(14), true);
      unseen.seen(6); // 480,000 are left, less than half of 1 MiB
      assertEquals(unseen.isHalf(14), false);
      unseen.seen(14);
      assertEquals(unseen.fits(14, MEBIBYTE), true);
      assertEquals(unseen.fits(15, MEBIBYTE + 1), false);
    });
  }
});
