import { MemoryBroker, type MemoryBrokerOptions } from "../../brokers/memory.ts";
import type { Append, BrokerListener, Query } from "../../rpc/broker.ts";
import type { BrokerCapability, BrokerFixture } from "../../testing/broker_suite.ts";
import { ManualClock } from "./manual_clock.ts";

/** What {@linkcode MemoryFixture} can do. */
export const CAPABILITIES: readonly BrokerCapability[] = ["advance", "evict", "node", "restart"];

/** Where the calendar of these tests stands when their clock begins. */
export const BEGIN = 1_800_000_000_000;

/** A broker in memory that knows what it was asked about, to forget it all. */
class Known extends MemoryBroker {
  readonly names = new Set<string>();

  override append(name: string, append: Append) {
    this.names.add(name);
    return super.append(name, append);
  }

  override subscribe(name: string, listener: BrokerListener) {
    this.names.add(name);
    return super.subscribe(name, listener);
  }

  override read(name: string, query: Query) {
    this.names.add(name);
    return super.read(name, query);
  }
}

/** A broker in memory whose time stands still until a test moves it. */
export class MemoryFixture implements BrokerFixture {
  readonly clock = new ManualClock();
  readonly errors: unknown[] = [];
  readonly broker: MemoryBroker;

  constructor(options: MemoryBrokerOptions = {}, make: typeof MemoryBroker = Known) {
    this.broker = new make({
      clock: this.clock,
      date: () => BEGIN + this.clock.now(),
      report: (error) => this.errors.push(error),
      ...options,
    });
  }

  async advance(ms: number): Promise<void> {
    await this.clock.advance(ms);
  }

  evict(channel: string): void {
    this.broker.forget(channel);
  }

  node(): MemoryBroker {
    return this.broker;
  }

  restart(): void {
    if (this.broker instanceof Known) { for (const name of this.broker.names) this.broker.forget(name); }
  }

  close(): void {
    this.broker.close();
  }
}
