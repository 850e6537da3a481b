/**
 * The channels of a client, whose code is loaded when the program opens the first one. What the program does before it is there waits, in
 * order. Nothing of a channel can come from the server meanwhile: it speaks of what was subscribed.
 *
 * @module
 */
import type { Published } from "../rpc/channel_types.ts";
import type { Clock } from "../rpc/clock.ts";
import { CallError } from "../rpc/errors.ts";
import type { Peer } from "../rpc/peer.ts";
import type { Position } from "../rpc/broker.ts";
import type { PublishingOptions } from "./changes.ts";
import type { Channels, ChannelsParts } from "./channels.ts";
import { Late, type Source, type Waiter } from "./late.ts";

/** The module that has the code. */
export interface ChannelsModule {
  /** Makes the channels of a client. */
  readonly Channels: typeof Channels;
}

interface Sized {
  readonly length: number;
}

/** The channels of a client. */
export class LateChannels {
  /** They themselves, once their code is there. */
  made: Channels | undefined;
  /** Whether the client is over. */
  isOver = false;
  readonly #parts: ChannelsParts;
  readonly #clock: Clock;
  readonly #late: Late<ChannelsModule>;
  /** What waits to be published, signalled, asked or entered: held to the bounds of the outbox as what is there. */
  #count = 0;
  #bytes = 0;
  #peer: Peer | undefined;

  /** Loads nothing yet. */
  constructor(source: Source<ChannelsModule>, parts: ChannelsParts) {
    this.#parts = parts;
    this.#clock = parts.clock;
    this.#late = new Late(parts.clock, source, ({ Channels }) => {
      this.made = new Channels(parts);
      if (this.#peer !== undefined) this.connected(this.#peer);
    });
  }

  /** Asks for the code, if it is not there. */
  load(): void {
    this.#late.load();
  }

  // What happens to the client.

  /** There is a connection, and HELLO is on its way. Told again of the same one, it does nothing. */
  connected(peer: Peer): void {
    this.#peer = peer;
    if (this.made === undefined) return this.#late.hurry();
    peer.channels = this.made.connected((write) => peer.send(write), () => peer.outbox.peer.calls);
  }

  /** It is gone. */
  disconnected(): void {
    this.#peer = undefined;
    this.made?.disconnected();
  }

  /** There will be none any more. */
  end(error: CallError): void {
    this.isOver = true;
    this.disconnected();
    this.made?.end(error);
    this.#late.end(error);
  }

  /** Resolves when all subscriptions have come to these places, or will not. */
  async seen(places: ReadonlyMap<string, Position>): Promise<void> {
    if (this.made !== undefined) return this.made.seen(places);
    if (!this.#late.isAwaited) return;
    await new Promise<void>((resolve) => {
      this.wait({ run: (channels) => resolve(channels.seen(places)), fail: () => resolve() });
    });
  }

  // What the program does.

  /** Does something with the channels, when they are there. What waits counts as a publication of that size. */
  use<T>(run: (channels: Channels) => Promise<T>, data: Sized = ""): Promise<T> {
    if (this.made !== undefined) return run(this.made);
    return new Promise((resolve, reject) => {
      this.#hold(data, { run: (channels) => resolve(run(channels)), fail: reject });
    });
  }

  /** Publishes what is encoded already, or changes a message by it. */
  publish(name: string, data: Uint8Array, options: PublishingOptions): Promise<Published> {
    if (this.made !== undefined) return this.made.publish(name, data, options);
    const { signal, timeout } = options;
    const isTimed = timeout! >= 0 && timeout! < Infinity;
    const until = this.#clock.now() + timeout!;
    return new Promise((resolve, reject) => {
      const giveUp = (code: string, cause?: unknown) => {
        release();
        over();
        reject(new CallError(code, undefined, { ambiguous: false, cause }));
      };
      const abort = () => giveUp("CANCELLED", signal?.reason);
      const over = () => {
        this.#clock.clearTimeout(timer);
        signal?.removeEventListener("abort", abort);
      };
      signal?.addEventListener("abort", abort); // before anything is kept: it may be none
      const timer = isTimed ? this.#clock.setTimeout(() => giveUp("DEADLINE"), timeout!) : undefined;
      const release = this.#hold(data, {
        run: (channels) => {
          over();
          const left = isTimed ? Math.max(0, until - this.#clock.now()) : timeout;
          resolve(channels.publish(name, data, { ...options, timeout: left }));
        },
        fail: (error) => {
          over();
          reject(error);
        },
      });
      if (signal?.aborted) abort();
    });
  }

  /** Signals what is encoded already, if there is a connection, or there still is one when the code has come. */
  signal(name: string, data: Uint8Array): boolean {
    if (this.made !== undefined) return this.made.signal(name, data);
    if (this.#peer === undefined) return false;
    const run = (channels: Channels) => {
      try {
        channels.signal(name, data);
      } catch (error) {
        this.#parts.report(error); // too large: its caller has gone on
      }
    };
    let isHeld = true;
    this.#hold(data, { run, fail: () => isHeld = false }); // without the code it is lost, as signals may be
    return isHeld;
  }

  /** Listens to signals. */
  onSignal(name: string, run: (message: unknown) => void): () => void {
    if (this.made !== undefined) return this.made.onSignal(name, run);
    let stop = this.wait({
      run: (channels) => void (stop = channels.onSignal(name, run)),
      fail: (error) => this.#parts.report(error),
    });
    return () => stop();
  }

  /** Waits for the code, until what it returns is called. */
  wait({ run, fail }: Waiter<Channels>): () => void {
    return this.#late.wait({ run: () => run(this.made!), fail });
  }

  /** Told of what the program's functions threw. */
  report(error: unknown): void {
    this.#parts.report(error);
  }

  /** Waits for the code, or fails at once where there is no room. */
  #hold({ length }: Sized, { run, fail }: Waiter<Channels>): () => void {
    const { count, bytes } = this.#parts.outbox;
    if (this.#count > 0 && (this.#count >= count || this.#bytes + length > bytes)) {
      fail(new CallError("RESOURCE_EXHAUSTED"));
      return () => {};
    }
    this.#count++;
    this.#bytes += length;
    const release = () => {
      stop();
      this.#count--;
      this.#bytes -= length;
    };
    const stop = this.wait({
      run: (channels) => {
        release();
        run(channels);
      },
      fail: (error) => {
        release();
        fail(error);
      },
    });
    return release;
  }
}
