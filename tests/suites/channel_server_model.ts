/**
 * A server of one channel that does everything a stream can go through, and answers as DESIGN section 8 says: the other end of a client whose
 * subscriptions are checked step by step.
 */
import type { ChannelEvent, Position } from "../../client/mod.ts";
import { ChannelClient, FRESH, RECOVERED, RESET } from "./channel_client.ts";
import { type Message, payload } from "./wire.ts";

interface Entry {
  readonly offset: number;
  readonly fingerprint: number;
  readonly previous: number;
}

/** One life of the stream, as it is now. */
interface Stream {
  readonly epoch: string;
  top: { offset: number; fingerprint: number };
  entries: Entry[];
}

/** The server of a {@linkcode ChannelClient}. */
export class ModelServer {
  readonly fake: ChannelClient;
  /** Every entry that there ever was, by epoch and fingerprint. */
  readonly known = new Map<string, Entry>();
  readonly resets = { told: 0 };
  #stream: Stream;
  #lives = 0;
  #fingerprint = 0;
  #alias = 0;
  /** What the client has sent, and was not looked at. */
  readonly #asked: unknown[][] = [];
  /** What the client is subscribed with on this connection. */
  #sub: { readonly sub: number; alias: number } | undefined;

  constructor(fake: ChannelClient) {
    this.fake = fake;
    this.#stream = this.#begin();
  }

  get top(): Position {
    const { epoch, top: { offset, fingerprint } } = this.#stream;
    return { epoch, offset, fingerprint };
  }

  /** Somewhere in the present stream, as it would be kept from earlier. */
  place(back: number): Position {
    const { epoch, entries } = this.#stream;
    const { offset, fingerprint } = entries.at(-1 - back) ?? { offset: 0, fingerprint: 0 };
    return { epoch, offset, fingerprint };
  }

  /** Publishes. `lost`: the client is not told, as when a push gets lost between nodes. */
  async publish(count: number, { lost = false, twice = false } = {}): Promise<void> {
    const messages: Message[] = [];
    for (let i = 0; i < count; i++) {
      const { top } = this.#stream;
      const entry = { offset: top.offset + 1, fingerprint: ++this.#fingerprint, previous: top.fingerprint };
      this.#stream.entries.push(entry);
      this.#stream.top = entry;
      this.known.set(`${this.#stream.epoch} ${entry.fingerprint}`, entry);
      if (!lost) messages.push(this.#publication(entry));
      if (twice) messages.push(this.#publication(entry));
    }
    if (this.#sub !== undefined && messages.length > 0) await this.fake.server(...messages);
  }

  /** Some publications come as a gap. */
  async gap(count: number): Promise<void> {
    const from = this.#stream.top.offset + 1;
    await this.publish(count, { lost: true });
    if (this.#sub === undefined) return;
    const { offset, fingerprint } = this.#stream.top;
    await this.fake.server([37, this.#sub.alias, from, offset, fingerprint, "slow"]);
  }

  /** Some publications are not for this client. */
  async skip(count: number): Promise<void> {
    await this.publish(count, { lost: true });
    if (this.#sub === undefined) return;
    const { offset, fingerprint } = this.#stream.top;
    await this.fake.server([38, this.#sub.alias, offset, fingerprint]);
  }

  /** Old entries go. */
  trim(keep: number): void {
    this.#stream.entries.splice(0, Math.max(0, this.#stream.entries.length - keep));
  }

  /** Everything is lost. A server that noticed tells; otherwise the client finds out when it comes again. */
  async flush(tells: boolean): Promise<void> {
    this.#stream = this.#begin();
    await this.#replaced(tells);
  }

  /** A replica without the latest entries is promoted, and grows again. */
  async failOver(lost: number, tells: boolean): Promise<void> {
    const { entries, top } = this.#stream;
    const gone = entries.splice(Math.max(0, entries.length - lost));
    const first = gone[0];
    if (first !== undefined) this.#stream.top = { offset: first.offset - 1, fingerprint: first.previous };
    else this.#stream.top = top;
    await this.#replaced(tells);
  }

  /** The subscription ends for now. */
  async kick(): Promise<void> {
    const sub = this.#sub;
    this.#sub = undefined;
    if (sub !== undefined) {
      await this.fake.server([34, sub.sub, "UNAVAILABLE", 1, payload({ message: "later" })]);
    }
  }

  /** The connection is lost, and there is another. */
  async reconnect(): Promise<void> {
    this.#sub = undefined;
    this.#asked.length = 0;
    await this.fake.reconnect();
  }

  /** Answers what the client asks, until it asks no more, or so many messages of it. */
  async answer(most: number = Infinity): Promise<void> {
    for (let answered = 0; answered < most; answered++) {
      await this.fake.clock.settle();
      this.#asked.push(...this.fake.asked());
      const message = this.#asked.shift();
      if (message === undefined) return;
      await this.#answer(message);
    }
  }

  async #answer([kind, sub, , position, options]: unknown[]): Promise<void> {
    if (kind === 35) {
      if (this.#sub?.sub === sub) this.#sub = undefined;
      return;
    }
    if (this.#sub !== undefined) throw new Error("subscribed twice");
    const alias = this.#alias = this.#aliasOf(this.#stream.epoch);
    const [status, from] = this.#decide(
      position as [string, number, number] | null,
      options as { rewind?: number } | null,
    );
    if (status === RESET) this.resets.told++;
    this.#sub = { sub: sub as number, alias };
    const rest = this.#stream.entries.filter(({ offset }) => offset > from.offset).map((entry) =>
      this.#publication(entry)
    );
    await this.fake.server([33, sub, alias, status, from.epoch, from.offset, from.fingerprint], ...rest);
  }

  /** The table of section 8. */
  #decide(
    position: [string, number, number] | null,
    options: { rewind?: number } | null,
  ): [number, Position] {
    const { epoch, entries, top } = this.#stream;
    if (position === null) {
      const first = entries.at(-(options?.rewind ?? 0));
      if (options?.rewind === undefined || options.rewind === 0 || entries.length === 0) {
        return [FRESH, this.top];
      }
      const begin = options.rewind >= entries.length ? entries[0]! : first!;
      return [FRESH, { epoch, offset: begin.offset - 1, fingerprint: begin.previous }];
    }
    const [itsEpoch, offset, fingerprint] = position;
    const given = { epoch: itsEpoch, offset, fingerprint };
    if (itsEpoch !== epoch || offset > top.offset) return [RESET, this.top];
    const known = offset === top.offset
      ? top.fingerprint
      : entries.find((entry) => entry.offset === offset)?.fingerprint ??
        entries.find((entry) => entry.offset === offset + 1)?.previous;
    return known === fingerprint ? [RECOVERED, given] : [RESET, this.top];
  }

  async #replaced(tells: boolean): Promise<void> {
    const sub = this.#sub;
    if (sub === undefined) return;
    if (!tells) return await this.reconnect();
    sub.alias = this.#alias = this.#aliasOf(`${this.#stream.epoch} ${++this.#lives}`);
    this.resets.told++;
    await this.fake.server([
      33,
      sub.sub,
      sub.alias,
      RESET,
      this.top.epoch,
      this.top.offset,
      this.top.fingerprint,
    ]);
  }

  #publication({ offset, fingerprint }: Entry): Message {
    return [36, this.#sub?.alias ?? 0, offset, fingerprint, payload(fingerprint)];
  }

  #begin(): Stream {
    return { epoch: `life ${++this.#lives}`, top: { offset: 0, fingerprint: 0 }, entries: [] };
  }

  readonly #aliases = new Map<string, number>();

  #aliasOf(stream: string): number {
    const alias = this.#aliases.get(stream) ?? this.#aliases.size + 1;
    this.#aliases.set(stream, alias);
    return alias;
  }
}

/** Holds what one subscription is told to the rules, event by event. */
export class EventCheck {
  readonly counts = { message: 0, gap: 0, reset: 0 };
  readonly #server: ModelServer;
  #at: Position | undefined;

  constructor(server: ModelServer, start: Position | undefined) {
    this.#server = server;
    this.#at = start;
  }

  get position(): Position | undefined {
    return this.#at;
  }

  event(event: ChannelEvent<unknown>): void {
    this.counts[event.type]++;
    const at = this.#at;
    const { epoch, offset, fingerprint } = event.position;
    this.#at = event.position;
    if (event.type === "reset") return;
    const entry = this.#server.known.get(`${epoch} ${fingerprint}`);
    if (entry?.offset !== offset) throw new Error(`a phantom: ${JSON.stringify(event)}`);
    if (at !== undefined && at.epoch !== epoch) {
      throw new Error(`another life without a reset: ${JSON.stringify(event)}`);
    }
    if (event.type === "gap") {
      const follows = at === undefined || event.from === at.offset + 1 ||
        this.skipped.includes(event.from - 1);
      if (event.to !== offset || !follows) {
        throw new Error(`a gap that is none: ${JSON.stringify([at, event])}`);
      }
      return;
    }
    if (event.data !== fingerprint) throw new Error(`a message of another place: ${JSON.stringify(event)}`);
    if (at === undefined) return;
    if (offset <= at.offset) throw new Error(`twice: ${JSON.stringify([at, event])}`);
    // What is between was skipped, and only the server knows; else the entry must follow the one that was given last.
    const follows = offset === at.offset + 1
      ? entry.previous === at.fingerprint
      : this.skipped.some((n) => n === offset - 1);
    if (!follows) throw new Error(`does not follow: ${JSON.stringify([at, event, entry])}`);
  }

  /** Offsets that a skip ended at. */
  readonly skipped: number[] = [];
}
