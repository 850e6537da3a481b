/**
 * A subscription, or a watch of presence, that was made before the code of channels was there.
 *
 * @module
 */
import type { Position } from "../rpc/broker.ts";
import { CallError } from "../rpc/errors.ts";
import type { ChannelEvent, Subscription, Traffic } from "./channel_types.ts";
import type { Channels } from "./channels.ts";
import type { LateChannels } from "./late_channels.ts";
import type { PresenceWatch } from "./presence_types.ts";
import type { Wanted } from "./wanted.ts";
import type { Wildcard } from "./wildcard.ts";

const DONE: IteratorResult<never, undefined> = { done: true, value: undefined };

/** Passes everything on to what it becomes: a subscription, that of a wildcard, or a watch of presence. */
export class LateSubscription implements Subscription<unknown> {
  readonly #start: Position | undefined;
  /** The subscription; `undefined` when this one was closed before. */
  readonly #made: Promise<Subscription<unknown> | undefined>;
  /** The same, once it is there. */
  #found: Subscription<unknown> | undefined;
  #isClosed = false;
  #close: () => void;

  /** Waits for the code; `make` makes what it becomes. */
  constructor(late: LateChannels, wanted: Wanted, make: (channels: Channels) => Subscription<unknown>) {
    const { signal, handler, start, onError } = wanted;
    const { promise, resolve, reject } = Promise.withResolvers<Subscription<unknown> | undefined>();
    promise.catch(() => {}); // who asks is told
    this.#made = promise;
    this.#start = start.position;
    const { isOver } = late;
    this.#close = () => {
      this.#isClosed = true;
      stop();
      signal?.removeEventListener("abort", this.#close);
      resolve(undefined);
    };
    signal?.addEventListener("abort", this.#close); // before anything is kept: it may be none
    const stop = late.wait({
      run: (channels) => {
        signal?.removeEventListener("abort", this.#close);
        resolve(this.#found = make(channels));
      },
      fail: (error) => {
        reject(error);
        this.#close();
        if (handler === undefined || isOver) return; // an `onError` may subscribe anew
        try {
          if (onError !== undefined) onError(error);
          else if (error.code !== "CLOSED") late.report(error);
        } catch (failure) {
          late.report(failure);
        }
      },
    });
    if (signal?.aborted) this.#close();
  }

  get position(): Position | undefined {
    return this.#found ? this.#found.position : this.#start;
  }

  get state(): Subscription<unknown>["state"] {
    return this.#found?.state ?? (this.#isClosed ? "closed" : "subscribing");
  }

  get traffic(): Readonly<Traffic> {
    return this.#found?.traffic ?? { bytes: 0, bytesSaved: 0 };
  }

  /** Of a wildcard. */
  get channels(): readonly unknown[] {
    return (this.#found as Partial<Wildcard>)?.channels ?? [];
  }

  /** Of a watch of presence. */
  get view(): unknown {
    return (this.#found as Partial<PresenceWatch<unknown>> | undefined)?.view;
  }

  async ready(): Promise<void> {
    const made = await this.#made;
    if (made === undefined) throw new CallError("CLOSED");
    return made.ready();
  }

  async reaches(position: Position): Promise<boolean> {
    const made = await this.#made.catch(() => undefined); // without the code nothing comes
    return await made?.reaches(position) ?? false;
  }

  close(): void {
    if (this.#found) this.#found.close();
    else this.#close();
  }

  async next(): Promise<IteratorResult<ChannelEvent<unknown>, undefined>> {
    return await (await this.#made)?.next() ?? DONE;
  }

  return(): Promise<IteratorResult<ChannelEvent<unknown>, undefined>> {
    this.close();
    return Promise.resolve(DONE);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
