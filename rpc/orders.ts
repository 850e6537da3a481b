/**
 * What the program tells all nodes of its app: who is to leave, whose subscriptions are to be looked at again. A channel that no client can name, with a history:
 * a node that misses a push reads it there.
 *
 * @module
 */
import { Asking } from "./asking.ts";
import type { Broker, BrokerListener, Entry, Page } from "./broker.ts";
import type { Clock } from "./clock.ts";
import type { Limits } from "./limits.ts";
import { decodeMessage, encodeMessage } from "./message_data.ts";

/** Somebody is to leave. */
export interface KickOrder {
  readonly do: "kick";
  readonly subject: string;
  readonly code: number;
  readonly reason: string;
}

/** Something that all nodes do. */
export type Order =
  | KickOrder
  | {
    readonly do: "reauthorize";
    readonly subject?: string | undefined;
    readonly channel?: string | undefined;
  };

/** What orders need. */
export interface OrdersParts {
  /** Where nodes meet. */
  readonly broker: Broker;
  /** Time and chance. */
  readonly clock: Clock;
  /** Names this node: what it has ordered it has done. */
  readonly node: string;
  /** For what others wrote. */
  readonly limits: Limits;
  /** Milliseconds since 1970. */
  readonly date: () => number;
  /** Does it here. A kick concerns connections that were opened by then, in the time of `clock`; all that there are without it. Never throws. */
  readonly obey: (order: Order, by?: number) => void;
  /** Tells the program of an error. Never throws. */
  readonly report: (error: unknown) => void;
}

/** No pattern of a program can have a `*` in its text. */
const CHANNEL = "*orders";
/** A node that was away for longer asks all its rules again. */
const RETENTION = { messages: 1_000, ms: 600_000, metaMs: 600_000 } as const;
/** Milliseconds from one comparison with the broker to the next: a push that was lost in silence is found, and a quiet stream kept. */
const CHECK = 20_000;
/** Milliseconds that the clocks of a node and of its broker may be apart. */
const CLOCKS = 60_000;
/** What is read at once. */
const PAGE = { messages: 1_000, bytes: 256 * 1024 } as const;

/** The orders of an app, as one node gives and gets them. */
export class Orders implements BrokerListener {
  readonly #parts: OrdersParts;
  readonly #asking: Asking;
  /** Up to where they were obeyed. */
  #at: { readonly epoch: string; readonly offset: number; readonly fingerprint: number } | undefined;
  /** Orders that came before: as many as the channel keeps. */
  readonly #known = new Set<string>();
  /** From when on orders may concern somebody here, by the broker's clock. */
  #since = 0;
  /** While it is not known what is new in the channel: until it was read for the first time, and after a loss. Times tell then whom an order concerns. */
  #isBlind = true;
  /** Whether rules are to be asked when that is over. */
  #mustAsk = false;
  #isReading = true;
  #again = false;
  #timer: unknown;
  #state: "new" | "listening" | "ended" = "new";

  /** Listens to nothing yet. */
  constructor(parts: OrdersParts) {
    this.#parts = parts;
    this.#asking = new Asking(parts);
  }

  /** Listens from now on, if it does not yet: somebody is here whom an order may concern. */
  listen(): void {
    if (this.#state !== "new") return;
    this.#state = "listening";
    this.#since = this.#parts.date() - CLOCKS;
    this.#asking.ask(() => this.#parts.broker.subscribe(CHANNEL, this), () => this.#read());
  }

  /**
   * Does something here, and lets all others do it.
   *
   * @throws {BrokerError} They may not have heard of it.
   */
  async give(order: Order): Promise<void> {
    const { obey, broker, clock, node } = this.#parts;
    const data = encodeMessage({ node, ...order }); // what the others cannot be told is not done here either
    obey(order);
    const fingerprint = 1 + Math.floor(clock.random() * 0xffffffff);
    await broker.append(CHANNEL, { data, room: 0, fingerprint, retention: RETENTION });
  }

  /** Listens no more. */
  end(): void {
    const { broker, clock } = this.#parts;
    this.#asking.stop();
    clock.clearTimeout(this.#timer);
    if (this.#state === "listening") broker.unsubscribe(CHANNEL, this);
    this.#state = "ended";
  }

  /** {@inheritDoc BrokerListener.entry} */
  entry(epoch: string, entry: Entry): void {
    const at = this.#at;
    if (this.#isReading || at === undefined) return this.uncertain();
    const follows = epoch === at.epoch && entry.offset === at.offset + 1 && entry.previous === at.fingerprint;
    if (follows) this.#take(epoch, entry);
    else if (!this.#known.has(nameOf(epoch, entry))) this.uncertain();
  }

  /** {@inheritDoc BrokerListener.signal} */
  signal(): void {}

  /** {@inheritDoc BrokerListener.uncertain} */
  uncertain(): void {
    if (this.#state !== "listening") return;
    this.#again = true;
    if (!this.#isReading) this.#read();
  }

  #read(): void {
    this.#isReading = true;
    this.#again = false;
    this.#parts.clock.clearTimeout(this.#timer);
    const query = this.#at === undefined ? { at: this.#since, ...PAGE } : { after: this.#at.offset, ...PAGE };
    this.#asking.ask(() => this.#parts.broker.read(CHANNEL, query), (page) => this.#took(page));
  }

  #took(page: Page): void {
    const { epoch, top, oldest, boundary, entries, more } = page;
    const at = this.#at;
    if (
      at !== undefined && !(epoch === at.epoch && boundary === at.fingerprint && oldest <= at.offset + 1)
    ) return this.#lost(at.offset + top.offset > 0);
    for (const entry of entries) this.#take(epoch, entry);
    if (more) return this.#read();
    this.#at = { epoch, ...top };
    this.#isBlind = false;
    if (this.#mustAsk) this.#parts.obey({ do: "reauthorize" });
    this.#mustAsk = false;
    if (this.#again) return this.#read();
    this.#isReading = false;
    this.#timer = this.#parts.clock.setTimeout(() => this.uncertain(), CHECK);
  }

  /** What was ordered meanwhile is not known, but for what the channel has now. Rules know who may what, whoever has asked for it. */
  #lost(isNews: boolean): void {
    // A channel that was empty, and is, has most likely lost nothing: that is no news.
    if (isNews) {
      this.#parts.report(new Error("Orders to this node were lost: all subscriptions are authorized again"));
    }
    this.#at = undefined;
    this.#isBlind = true;
    this.#parts.obey({ do: "reauthorize" });
    this.#read();
  }

  #take(epoch: string, entry: Entry): void {
    const { offset, fingerprint, at, data } = entry;
    this.#at = { epoch, offset, fingerprint };
    const name = nameOf(epoch, entry);
    if (this.#known.has(name)) return;
    this.#known.add(name);
    if (this.#known.size > RETENTION.messages) this.#known.delete(this.#known.values().next().value!);
    try {
      const order = decodeMessage(data.slice(), this.#parts.limits) as Order & { readonly node: string };
      if (order.node === this.#parts.node) return;
      if (!this.#isBlind) this.#parts.obey(order);
      else if (order.do === "kick") this.#parts.obey(order, this.#latest(at));
      else this.#mustAsk = true;
    } catch (error) {
      this.#parts.report(error);
    }
  }

  /** The latest time, by the clock of this node, that the broker may have meant by one of its own. */
  #latest(at: number): number {
    const { clock, date } = this.#parts;
    return clock.now() + Math.min(0, at + CLOCKS - date());
  }
}

/** An order in one history: another at the same offset has other random bits. */
function nameOf(epoch: string, { offset, fingerprint }: Entry): string {
  return `${epoch} ${offset} ${fingerprint}`;
}
