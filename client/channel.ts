/**
 * One channel as the program holds it, whether the code of channels is there already or not.
 *
 * @module
 */
import { ChannelPattern, type GivenParams } from "../rpc/channel_pattern.ts";
import type { Published } from "../rpc/channel_types.ts";
import { encodeMessage } from "../rpc/message_data.ts";
import type { AnyReactor, Changer, MessageTarget } from "../rpc/interactions.ts";
import type { HistoryPage, HistoryQuery } from "../rpc/publisher.ts";
import type {
  ClientChannel,
  EventHandler,
  PublishCallOptions,
  SubscribeOptions,
  Subscription,
} from "./channel_types.ts";
import type { PublishingOptions } from "./changes.ts";
import type { LateChannels } from "./late_channels.ts";
import { LateSubscription } from "./late_subscription.ts";
import type { Said } from "./reacting.ts";
import { readWanted } from "./wanted.ts";

/** One channel of a client. Any number of them may stand for the same. */
export class ChannelHandle
  implements
    ClientChannel<unknown, unknown, unknown, unknown>,
    Changer<unknown, PublishCallOptions>,
    AnyReactor {
  readonly name: string;
  readonly #late: LateChannels;

  /** Does nothing yet. */
  constructor(name: string, late: LateChannels) {
    this.name = name;
    this.#late = late;
  }

  subscribe(
    given: SubscribeOptions | EventHandler<unknown> = {},
    handler?: EventHandler<unknown>,
  ): Subscription<unknown> {
    const wanted = readWanted(given, handler);
    const { made } = this.#late;
    return made === undefined
      ? new LateSubscription(this.#late, this.name, wanted)
      : made.subscribe(this.name, wanted);
  }

  publish(message: unknown, options: PublishingOptions = {}): Promise<Published> {
    try {
      const data = encodeMessage(message); // at once, since the program may change it
      return this.#late.publish(this.name, data, options);
    } catch (error) {
      return Promise.reject(error); // what cannot be encoded
    }
  }

  edit(target: MessageTarget, message: unknown, options?: PublishCallOptions): Promise<Published> {
    return this.publish(message, { ...options, change: { kind: "edit", target } });
  }

  append(target: MessageTarget, piece: unknown, options?: PublishCallOptions): Promise<Published> {
    return this.publish(piece, { ...options, change: { kind: "append", target } });
  }

  delete(target: MessageTarget, options?: PublishCallOptions): Promise<Published> {
    return this.publish(undefined, { ...options, change: { kind: "delete", target } });
  }

  react(target: MessageTarget, kind: string, value?: string): Promise<Published> {
    return this.#react({ target, kind, value, undo: false });
  }

  unreact(target: MessageTarget, kind: string, value?: string): Promise<Published> {
    return this.#react({ target, kind, value, undo: true });
  }

  #react(said: Said): Promise<Published> {
    return this.#late.use((channels) => channels.react(this.name, said));
  }

  history(query: HistoryQuery = {}): Promise<HistoryPage<unknown>> {
    return this.#late.use((channels) => channels.history(this.name, query));
  }

  signal(message: unknown): boolean {
    const data = encodeMessage(message); // before anything is written, since it may be refused
    return this.#late.signal(this.name, data);
  }

  onSignal(run: (message: unknown) => void): () => void {
    return this.#late.onSignal(this.name, run);
  }
}

/**
 * Opens a channel: `openChannel(channels, "board/:id", { id: "7" })`. Its code is loaded from now on.
 *
 * @throws {TypeError} If the pattern is none, or the parameters name no channel.
 */
export function openChannel(late: LateChannels, pattern: string, params?: GivenParams): ChannelHandle {
  const handle = new ChannelHandle(new ChannelPattern(pattern).name(params), late);
  late.load();
  return handle;
}
