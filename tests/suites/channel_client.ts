/**
 * A client whose server is the test, as far as channels go: positions, messages and events in short.
 */
import { assertEquals } from "@std/assert";
import type { ChannelEvent, ClientChannel, ConnectOptions, HasContract, Position } from "../../client/mod.ts";
import { FakeClient } from "./fake_client.ts";
import type { FakeWebSocket } from "./fake_web_socket.ts";
import { type Message, payload } from "./wire.ts";

export const SUBSCRIBE = 32;
export const UNSUBSCRIBE = 35;
export const SEEN = 39;
export const SIGNAL = 40;
export const FRESH = 0;
export const RECOVERED = 1;
export const RESET = 2;

/** A place in the stream of the test. Fingerprints of different `past`s differ. */
export function at(offset: number, epoch = "E", past = 1): Position {
  return { epoch, offset, fingerprint: offset === 0 ? 0 : past * 1_000_000 + offset };
}

/** A position as it is on the wire. */
export function wired({ epoch, offset, fingerprint }: Position): unknown[] {
  return [epoch, offset, fingerprint];
}

/** SUBSCRIBED. */
export function subscribed(sub: number, alias: number, status: number, position: Position): Message {
  return [33, sub, alias, status, ...wired(position)];
}

/** UNSUBSCRIBED. */
export function unsubscribed(sub: number, code: string, flags = 0): Message {
  return [34, sub, code, flags, payload({ message: code })];
}

/** PUBLICATION, whose message is its offset. */
export function publication(
  alias: number,
  offset: number,
  { past = 1, data = offset as unknown } = {},
): Message {
  return [36, alias, offset, at(offset, "", past).fingerprint, payload(data)];
}

/** Publications from one offset to another. */
export function publications(alias: number, from: number, to: number): Message[] {
  return Array.from({ length: to - from + 1 }, (_, i) => publication(alias, from + i));
}

/** GAP. */
export function gap(alias: number, from: number, to: number, reason = "slow"): Message {
  return [37, alias, from, to, at(to).fingerprint, reason];
}

/** SKIP. */
export function skip(alias: number, to: number): Message {
  return [38, alias, to, at(to).fingerprint];
}

/** An event in short: the message, `gap 2-3`, `reset E 7 history`. */
export function brief(event: ChannelEvent<unknown>): unknown {
  if (event.type === "message") return event.data;
  if (event.type === "gap") return `gap ${event.from}-${event.to} ${event.reason}`;
  return `reset ${event.position.epoch} ${event.position.offset} ${event.reason}`;
}

/** A client, its server, and channels without types. */
export class ChannelClient extends FakeClient {
  /** A channel of the client. */
  channel(
    pattern = "board/:id",
    params: object = { id: "7" },
  ): ClientChannel<unknown, unknown, unknown, unknown> {
    return (this.client.channel as unknown as typeof this.channel)(pattern, params);
  }

  /** A client that has connected. */
  static override async connected(options: ConnectOptions<HasContract> = {}): Promise<ChannelClient> {
    const fake = new ChannelClient(options);
    await fake.clock.settle();
    fake.socket.accept();
    await fake.clock.settle();
    return fake;
  }

  /** The connection is lost, and there is another, on which HELLO was answered. */
  async reconnect(): Promise<FakeWebSocket> {
    await this.drop();
    const socket = await this.retry();
    socket.accept();
    await this.clock.settle();
    return socket;
  }

  /** The server says this. */
  async server(...messages: Message[]): Promise<void> {
    this.socket.receive(...messages);
    await this.clock.settle();
  }

  /**
   * What the client has sent of SUBSCRIBE and UNSUBSCRIBE: `[32, sub, name, position, options]` and `[35, sub]`. That it takes changes, which every SUBSCRIBE says, is
   * left out.
   */
  asked(): unknown[][] {
    const isOne = ([kind]: unknown[]) => kind === SUBSCRIBE || kind === UNSUBSCRIBE;
    const found = this.socket.sent.filter(isOne);
    const rest = this.socket.sent.filter((message) => !isOne(message));
    this.socket.sent.splice(0, Infinity, ...rest);
    return found.map((message) => {
      if (message[0] !== SUBSCRIBE) return message;
      const { changes, ...options } = message[4] as Record<string, unknown>;
      assertEquals(changes, true);
      return [...message.slice(0, 4), Object.keys(options).length === 0 ? null : options];
    });
  }

  /** Subscribes with a handler that writes down in short what it gets. */
  follow(
    options: object = {},
    channel = this.channel(),
  ): { readonly got: unknown[] } & ReturnType<typeof channel.subscribe> {
    const got: unknown[] = [];
    const subscription = channel.subscribe(options, (event) => void got.push(brief(event)));
    return Object.assign(subscription, { got });
  }
}
