// One client of the crowd: what it is subscribed to, what it publishes, and what comes of it.
import {
  CallError,
  type ChannelEvent,
  type Client,
  connect,
  type Position,
  type Subscription,
} from "../../../client/mod.ts";
import type { Random } from "../../soak/random.ts";
import type { Findings } from "../kit.ts";
import type { App } from "./app.ts";
import type { Record } from "./record.ts";
import type { Tap } from "./tap.ts";

/** The channels. */
export const ROOMS = ["a", "b", "c", "d"] as const;

/** What is published. */
interface Message {
  readonly value: string;
}

/** One subscription. */
interface Held {
  readonly name: string;
  readonly room: string;
  readonly subscription: Subscription<Message>;
  isClosed: boolean;
}

/** What a member is made of. */
export interface MemberParts {
  readonly name: string;
  readonly url: string;
  readonly record: Record;
  readonly tap: Tap;
  readonly random: Random;
  readonly findings: Findings;
  /** By default the client's own. */
  readonly backoff?: { readonly base: number; readonly cap: number } | undefined;
}

/** One client. */
export class Member {
  readonly name: string;
  readonly client: Client<App>;
  /** When the connection came last, in milliseconds of the log. */
  openedAt = 0;
  /** When the first publication came on it; 0 before. */
  wentOnAt = 0;
  readonly #parts: MemberParts;
  readonly #held: Held[] = [];
  readonly #numbers = new Map<string, number>();
  /** Publications that are not answered. */
  readonly #open = new Set<Promise<void>>();
  #subscriptions = 0;
  #isClosed = false;

  /** Connects. */
  constructor(parts: MemberParts) {
    const { name, url, tap, findings, backoff } = parts;
    this.#parts = parts;
    this.name = name;
    this.client = connect<App>(url, {
      token: name,
      webSocket: tap.socketOf(name),
      ...(backoff === undefined ? {} : { backoff }),
      onError: (error) => findings.wrong(`onError of ${name}: ${error}`),
    });
    this.client.on("state", ({ status }) => {
      if (status !== "open") return;
      this.openedAt = performance.now();
      this.wentOnAt = 0;
    });
  }

  /** Its subscriptions: where the program is, and whether the client says that it is live. */
  get held(): readonly {
    readonly name: string;
    readonly room: string;
    readonly subscription: Subscription<Message>;
  }[] {
    return this.#held.filter(({ isClosed }) => !isClosed);
  }

  /** Subscribes, where it was or with some of the past. */
  subscribe(
    room: string,
    { from, rewind }: { from?: Position | undefined; rewind?: number } = {},
  ): Promise<void> {
    const { record, findings } = this.#parts;
    const name = `${this.name}/${++this.#subscriptions}`;
    record.add({ is: "subscribe", client: this.name, channel: `room/${room}`, sub: name, from });
    const options = {
      ...(from === undefined ? {} : { position: from }),
      ...(rewind === undefined ? {} : { rewind }),
      onError: (error: unknown) => {
        if (held.isClosed || (error instanceof CallError && error.retryable)) return;
        held.isClosed = true;
        record.add({ is: "unsubscribed", sub: name, code: String(error) });
        findings.wrong(`${name} ended: ${error}`);
      },
    };
    const subscription = this.#channel(room).subscribe(options, (event) => this.#take(name, event));
    const held: Held = { name, room, subscription, isClosed: false };
    this.#held.push(held);
    return this.#begin(held);
  }

  /** Closes one of its subscriptions, and gives where it was. */
  leave(): { readonly room: string; readonly position: Position | undefined } | undefined {
    const held = this.#held.find(({ isClosed, subscription }) => !isClosed && subscription.state === "live");
    if (held === undefined) return undefined;
    held.isClosed = true;
    const { name: sub, room, subscription } = held;
    const { position } = subscription;
    this.#parts.record.add({ is: "unsubscribed", sub });
    subscription.close();
    return { room, position };
  }

  /** Publishes; it is written down what comes of it. */
  publish(room: string): void {
    const { record, findings } = this.#parts;
    const channel = `room/${room}`;
    const number = (this.#numbers.get(room) ?? 0) + 1;
    this.#numbers.set(room, number);
    const publishing = { channel, producer: this.name, number };
    const value = `${this.name}-${room}-${number}`;
    record.add({ is: "publish", ...publishing, value });
    const done = this.#channel(room).publish({ value }).then(({ epoch, offset, fingerprint }) => {
      findings.add("published");
      record.add({ is: "published", ...publishing, position: { epoch, offset, fingerprint } });
    }, (error) => {
      if (this.#isClosed) return; // the run is over, and was told why
      const { code, ambiguous } = error instanceof CallError
        ? error
        : { code: String(error), ambiguous: true };
      findings.wrong(`${value} failed: ${error}`);
      record.add({ is: ambiguous ? "publish unknown" : "publish refused", ...publishing, code });
    });
    this.#open.add(done);
    void done.then(() => this.#open.delete(done));
  }

  /** Ends. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const held of this.#held) held.isClosed = true;
    await this.client.close();
  }

  /** How many of its publications are not answered. */
  get unanswered(): number {
    return this.#open.size;
  }

  /** Reads a part of the history. */
  async history(room: string): Promise<void> {
    const { record, random } = this.#parts;
    const channel = `room/${room}`;
    const limit = 1 + random.below(50);
    const top = this.held.find((one) => one.room === room)?.subscription.position?.offset ?? 0;
    const upwards = random.below(2) === 0;
    const place = upwards ? { after: Math.max(0, top - random.below(40)) } : {};
    const query = { ...place, limit, at: performance.now() };
    try {
      const page = await this.#channel(room).history({ ...place, limit });
      const entries = page.entries.map(({ position, data }) => ({ position, value: data.value }));
      if (!upwards) entries.reverse();
      const { position, oldest, more } = page;
      record.add({
        is: "page",
        client: this.name,
        channel,
        entries,
        query,
        told: { top: position, oldest, more },
      });
      this.#parts.findings.add("pages");
    } catch (error) {
      if (!(error instanceof CallError)) throw error; // whoever asks while Redis is away may be told so
      this.#parts.findings.add("pages refused");
    }
  }

  #channel(room: string) {
    return this.client.channel("room/:id", { id: room });
  }

  async #begin({ name: sub, subscription }: Held): Promise<void> {
    for (;;) {
      try {
        await subscription.ready();
        const { position } = subscription;
        if (position !== undefined) this.#parts.record.add({ is: "subscribed", sub, position });
        return;
      } catch (error) {
        if (!(error instanceof CallError && error.retryable)) return; // it was closed: its end is written there
      }
    }
  }

  #take(sub: string, event: ChannelEvent<Message>): void {
    const { record, findings } = this.#parts;
    const { position } = event;
    if (event.type === "message") {
      findings.add("delivered");
      if (this.wentOnAt === 0) this.wentOnAt = performance.now();
      record.add({ is: "message", sub, position, value: event.data.value });
    } else if (event.type === "reset") {
      findings.add("reset");
      record.add({ is: "reset", sub, position, reason: event.reason });
    } else {
      record.add({ is: "gap", sub, from: event.from, to: event.to, position, reason: event.reason });
    }
  }
}
