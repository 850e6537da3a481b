/**
 * One channel as the program holds it, whether the code of channels is there already or not.
 *
 * @module
 */
import { ANYTHING, ChannelPattern, type GivenParams } from "../rpc/channel_pattern.ts";
import type { Published } from "../rpc/channel_types.ts";
import { encodeMessage } from "../rpc/message_data.ts";
import type { HistoryPage, HistoryQuery } from "../rpc/publisher.ts";
import type {
  ClientChannel,
  EventHandler,
  PublishCallOptions,
  SubscribeOptions,
  Subscription,
} from "./channel_types.ts";
import type { Channels } from "./channels.ts";
import type { LateChannels } from "./late_channels.ts";
import { LateSubscription } from "./late_subscription.ts";
import { readWanted, type Wanted } from "./wanted.ts";

/** One channel of a client. Any number of them may stand for the same. */
export class ChannelHandle implements ClientChannel<unknown, unknown, unknown, unknown> {
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
    return begin(this.#late, (channels) => channels.subscribe(this.name, wanted), wanted);
  }

  publish(message: unknown, options: PublishCallOptions = {}): Promise<Published> {
    try {
      const data = encodeMessage(message); // at once, since the program may change it
      return this.#late.publish(this.name, data, options);
    } catch (error) {
      return Promise.reject(error); // what cannot be encoded
    }
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

/** How the channels of a client are opened: `Client.channel` and `Client.channels`. Their code is loaded from then on. */
export function opening(late: LateChannels): object {
  return {
    channel: (pattern: string, params?: GivenParams) => {
      const handle = new ChannelHandle(new ChannelPattern(pattern).name(params), late);
      late.load();
      return handle;
    },
    channels: (pattern: string, given?: Partial<GivenParams>) => {
      const match = new ChannelPattern(pattern).name(given, ANYTHING);
      late.load();
      const subscribe = (options: SubscribeOptions = {}, handler?: EventHandler<unknown>) => {
        const wanted = readWanted(options, handler);
        return begin(late, (channels) => channels.subscribeAll(pattern, match, wanted), wanted);
      };
      return { match, subscribe };
    },
  };
}

/** What `open` gives, as soon as there is code that can. */
function begin(
  late: LateChannels,
  open: (channels: Channels) => Subscription<unknown>,
  wanted: Wanted,
): Subscription<unknown> {
  return late.made === undefined ? new LateSubscription(late, open, wanted) : open(late.made);
}
