// Random runs of one node: publications, cuts, sockets that stall, a broker that is slow, forgets, loses pushes and fails over. Whatever happens, each
// client holds an unbroken piece of the stream or was told of a reset, and in the end all of them come to the top.
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { encode } from "../msgpack/mod.ts";
import { Kind } from "../rpc/kinds.ts";
import { ChannelNode, type Line } from "./suites/channel_node.ts";
import { ScriptedBroker } from "./suites/scripted_broker.ts";

const NAME = "board/7";
const SEEDS = 100;
const EACH = 20;
const STEPS = 150;

/** What was appended, by fingerprint: its number there, its predecessor, its value. */
type Appended = Map<number, { offset: number; previous: number; value: number }>;

/** Repeatable chance. */
class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed * 2_654_435_761 >>> 0;
  }

  below(count: number): number {
    this.#state = (Math.imul(this.#state ^ (this.#state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
    return Math.floor(this.#state / 2 ** 32 * count);
  }
}

/** A client that keeps its position, as docs/protocol.md wants it. */
class Model {
  line: Line | undefined;
  position: [epoch: string, offset: number, fingerprint: number] | undefined;
  resets = 0;
  publications = 0;
  recovered = 0;
  #sub = 0;
  #alias = 0;
  #isTold = false;
  readonly #appended: Appended;

  constructor(appended: Appended) {
    this.#appended = appended;
  }

  subscribe(line: Line): void {
    this.line = line;
    this.#isTold = false;
    this.#sub = line.subscribe(NAME, this.position ?? null);
  }

  unsubscribe(): void {
    if (this.#sub === 0 || this.line!.isOver) return;
    this.line!.send([Kind.UNSUBSCRIBE, this.#sub]);
    this.#isTold = false;
    this.#sub = 0;
  }

  get isSubscribed(): boolean {
    return this.#sub !== 0 && this.line !== undefined && !this.line.isOver;
  }

  /** Reads what came, and checks all of it. */
  read(): void {
    for (const [kind, ...rest] of this.line?.take() ?? []) {
      if (kind === Kind.SUBSCRIBED) this.#subscribed(rest as never);
      if (kind === Kind.PUBLICATION) this.#publication(rest as never);
      assert(kind !== Kind.UNSUBSCRIBED && kind !== Kind.GAP, `kind ${kind}`);
    }
  }

  seen(): void {
    if (this.#isTold && this.position !== undefined && !this.line!.isOver) {
      this.line!.send([Kind.SEEN, this.#alias, this.position[1]]);
    }
  }

  #subscribed([sub, alias, status, ...position]: [number, number, number, string, number, number]): void {
    if (sub !== this.#sub) return;
    if (status === 1) {
      assertEquals(position, this.position, "recovered where it was");
      assert(!this.#isTold, "recovered once");
      this.recovered++;
    }
    if (status === 0) assertEquals([this.position, this.#isTold], [undefined, false], "fresh");
    if (status === 2) {
      assert(this.position !== undefined || this.#isTold, "nothing to reset");
      this.resets++;
    }
    this.#alias = alias;
    this.#isTold = true;
    this.position = position;
  }

  #publication([alias, offset, fingerprint, value]: [number, number, number, number]): void {
    if (!this.#isTold || alias !== this.#alias) return;
    const [epoch, last, before] = this.position!;
    assertEquals(offset, last + 1, "no hole, no repeat");
    const appended = this.#appended.get(fingerprint)!;
    assertEquals(appended, { offset, previous: before, value }, "what was published after what it has");
    this.position = [epoch, offset, fingerprint];
    this.publications++;
  }
}

class Run {
  readonly broker = new ScriptedBroker();
  readonly server = new ChannelNode({ broker: this.broker });
  readonly appended: Appended = new Map();
  readonly clients = Array.from({ length: 4 }, () => new Model(this.appended));
  readonly chance: Chance;
  #value = 0;

  constructor(seed: number) {
    this.chance = new Chance(seed);
    this.broker.keeps = [5, 20, 100][seed % 3]!;
  }

  publish(): void {
    const value = ++this.#value;
    const { offset, fingerprint: previous } = this.broker.stream(NAME).top;
    const { position } = this.broker.add(NAME, encode(value));
    this.appended.set(position.fingerprint, { offset: offset + 1, previous, value });
  }

  async step(): Promise<void> {
    const { broker, chance } = this;
    const client = this.clients[chance.below(this.clients.length)]!;
    const what = chance.below(100);
    if (what < 45) { for (let i = chance.below(6); i >= 0; i--) this.publish(); }
    else if (what < 60) await this.connect(client);
    else if (what < 65) client.line?.end();
    else if (what < 70) client.unsubscribe();
    else if (what < 75) client.line?.pipe.stall();
    else if (what < 80) client.line?.pipe.resume();
    else if (what < 84) broker.isSlow = !broker.isSlow;
    else if (what < 87) broker.isDeaf = !broker.isDeaf;
    else if (what < 89) broker.isAway = !broker.isAway;
    else if (what < 91) broker.doubt(NAME);
    else if (what < 92) broker.streams.delete(NAME);
    else if (what < 96) await this.#failOver(client);
    else await this.server.clock.advance(chance.below(4) * 1_000);
    if (chance.below(2) === 0) broker.answer(1 + chance.below(3));
    await this.server.clock.settleFor(chance.below(4));
    client.read();
    if (chance.below(3) === 0) client.seen();
  }

  async connect(client: Model): Promise<void> {
    if (client.isSubscribed) return;
    client.read();
    const { line } = client;
    if (line === undefined || line.isOver || this.chance.below(2) === 0) {
      line?.end();
      client.subscribe(await this.server.connect());
    } else client.subscribe(line);
  }

  /** An older copy takes over: the latest publications were never there. It grows to where the stream was, or about; perhaps a client is away meanwhile. */
  async #failOver(client: Model): Promise<void> {
    const { broker, chance } = this;
    const { top, entries } = broker.stream(NAME);
    const oldest = entries[0]?.offset ?? top.offset;
    if (oldest >= top.offset) return;
    const isAway = chance.below(2) === 0;
    if (isAway) {
      client.read();
      client.line?.end();
    }
    const wasDeaf = broker.isDeaf;
    broker.isDeaf ||= chance.below(2) === 0;
    const lost = 1 + chance.below(Math.min(4, top.offset - oldest));
    broker.rollBack(NAME, top.offset - lost);
    for (let i = lost + chance.below(4) - 1; i > 0; i--) this.publish();
    broker.isDeaf = wasDeaf;
    if (isAway) await this.connect(client);
    if (chance.below(2) === 0) broker.doubt(NAME);
  }

  /** No more faults: everybody comes to the top. */
  async end(): Promise<void> {
    const { broker, clients, server } = this;
    broker.isSlow = broker.isDeaf = broker.isAway = false;
    broker.answer();
    broker.doubt(NAME);
    for (const client of clients) {
      client.line?.pipe.resume();
      client.read();
      client.line?.end();
      client.subscribe(await server.connect());
    }
    for (let i = 0; i < 30; i++) {
      broker.answer();
      await server.clock.advance(1_000);
      for (const client of clients) {
        client.read();
        client.seen();
      }
    }
    const { epoch, top } = broker.stream(NAME);
    for (const client of clients) {
      assertEquals(client.position, [epoch, top.offset, top.fingerprint], "at the top in the end");
      client.line!.end();
    }
    await server.clock.advance(10_000);
    const { channels, subscriptions } = server.node.stats();
    assertEquals([channels, subscriptions, server.clock.pending], [0, 0, 0], "nothing is left");
  }
}

describe("random runs of a node", () => {
  for (let first = 1; first <= SEEDS; first += EACH) {
    it(`seeds ${first} to ${first + EACH - 1}: no hole, no repeat, no phantom, no recovery that is none`, async () => {
      const counts = { publications: 0, resets: 0, recovered: 0 };
      for (let seed = first; seed < first + EACH; seed++) {
        const run = new Run(seed);
        try {
          for (let i = 0; i < STEPS; i++) await run.step();
          await run.end();
        } catch (error) {
          throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
        }
        for (const client of run.clients) {
          counts.publications += client.publications;
          counts.resets += client.resets;
          counts.recovered += client.recovered;
        }
      }
      for (const [what, count] of Object.entries(counts)) assert(count > EACH, `${what}: ${count}`);
    });
  }
});
