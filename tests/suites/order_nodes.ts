/**
 * Two nodes that tell each other what all nodes do: on a broker in memory whose pushes can be lost, and that the second reaches by a link of its own.
 */
import { MemoryBroker } from "../../brokers/memory.ts";
import { channel } from "../../mod.ts";
import { type Broker, BrokerError, type BrokerListener } from "../../rpc/broker.ts";
import { ChannelNode } from "./channel_node.ts";
import { ManualClock } from "./manual_clock.ts";
import { anything } from "./pair.ts";

/** Two nodes on one broker; who comes is who the token says. */
export class Nodes {
  readonly clock = new ManualClock();
  readonly broker: Broken;
  /** The broker as the second node sees it. */
  readonly link: Link;
  readonly banned = new Set<string>();
  /** Resolves what `authenticate` waits for. */
  readonly asked: (() => void)[] = [];
  waits = false;
  readonly #made: ChannelNode<Broker>[];

  constructor() {
    this.broker = new Broken({ clock: this.clock, date: () => 1_000_000 + this.clock.now() });
    this.link = new Link(this.broker);
    this.#made = [this.#make(1, this.broker), this.#make(2, this.link)];
  }

  get here(): ChannelNode<Broker> {
    return this.#made[0]!;
  }

  get there(): ChannelNode<Broker> {
    return this.#made[1]!;
  }

  get errors(): string[] {
    return this.#made.flatMap(({ errors }) => errors.map((error) => (error as Error).message));
  }

  end(): void {
    for (const { node } of this.#made) void node.drain({ code: 1001, deadline: 0, retryAfter: undefined });
  }

  #make(number: number, broker: Broker): ChannelNode<Broker> {
    let sessions = 0;
    const newSession = () => new Uint8Array(16).fill(100 * number + ++sessions);
    const allow = ({ subject }: { subject?: string }) => !this.banned.has(subject ?? "");
    return new ChannelNode({
      broker,
      clock: this.clock,
      authenticate: async ({ token }) => {
        if (this.waits) await new Promise<void>((resolve) => this.asked.push(resolve));
        return { subject: token };
      },
      channels: { "board/:id": channel({ message: anything, allow: { subscribe: allow as never } }) },
      surroundings: { isShared: true, newSession },
    });
  }
}

/** A broker that can lose pushes, be away, and lose what it has. */
class Broken extends MemoryBroker {
  readonly #listeners = new Map<BrokerListener, BrokerListener>();
  deaf = false;
  away = false;

  override append(...given: Parameters<MemoryBroker["append"]>) {
    if (this.away) throw new BrokerError("UNAVAILABLE", "away");
    return super.append(...given);
  }

  override subscribe(name: string, listener: BrokerListener): void {
    const own: BrokerListener = {
      entry: (epoch, entry) => this.deaf || listener.entry(epoch, entry),
      signal: (data, from) => listener.signal(data, from),
      uncertain: () => listener.uncertain(),
    };
    this.#listeners.set(listener, own);
    super.subscribe(name, own);
  }

  override unsubscribe(name: string, listener: BrokerListener): void {
    super.unsubscribe(name, this.#listeners.get(listener) ?? listener);
  }
}

/** The way of one node to a broker, which may be down. */
class Link implements Broker {
  isDown = false;
  readonly #broker: MemoryBroker;

  constructor(broker: MemoryBroker) {
    this.#broker = broker;
  }

  get ledger() {
    return this.#up.ledger;
  }

  append(...given: Parameters<MemoryBroker["append"]>) {
    return this.#up.append(...given);
  }

  subscribe(...given: Parameters<MemoryBroker["subscribe"]>) {
    return this.#up.subscribe(...given);
  }

  unsubscribe(...given: Parameters<MemoryBroker["unsubscribe"]>) {
    return this.#broker.unsubscribe(...given);
  }

  read(...given: Parameters<MemoryBroker["read"]>) {
    return this.#up.read(...given);
  }

  signal(...given: Parameters<MemoryBroker["signal"]>) {
    return this.#up.signal(...given);
  }

  close(): void {}

  get #up(): MemoryBroker {
    if (this.isDown) throw new BrokerError("UNAVAILABLE", "down");
    return this.#broker;
  }
}
