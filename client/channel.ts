/**
 * One channel as the program holds it, whether the code of channels is there already or not.
 *
 * @module
 */
import { ANYTHING, ChannelPattern, type GivenParams } from "../rpc/channel_pattern.ts";
import type { Published } from "../rpc/channel_types.ts";
import { encodeMessage } from "../rpc/message_data.ts";
import type { AnyReactor, Changer, MessageTarget } from "../rpc/interactions.ts";
import type { FilteredHistoryQuery, HistoryPage } from "../rpc/publisher.ts";
import type {
  ClientChannel,
  EventHandler,
  PublishCallOptions,
  SelectiveOptions,
  Subscription,
} from "./channel_types.ts";
import type { PublishingOptions } from "./changes.ts";
import type { LateChannels } from "./late_channels.ts";
import { latePresence } from "./late_presence.ts";
import { LateSubscription } from "./late_subscription.ts";
import type { ClientPresence } from "./presence_types.ts";
import type { Said } from "./reacting.ts";
import { readWanted } from "./wanted.ts";

/** One channel of a client, or all those of a pattern that a name with `*` stands for. Any number of them may stand for the same. */
export class ChannelHandle
  implements
    ClientChannel<unknown, unknown, unknown, unknown, unknown, unknown>,
    Changer<unknown, PublishCallOptions>,
    AnyReactor {
  readonly name: string;
  readonly #late: LateChannels;
  readonly #pattern: string | undefined;

  /** Does nothing yet. `pattern`: of a wildcard. */
  constructor(name: string, late: LateChannels, pattern?: string) {
    this.name = name;
    this.#late = late;
    this.#pattern = pattern;
  }

  get presence(): ClientPresence<unknown, unknown> {
    return latePresence(this.name, this.#late);
  }

  subscribe(
    given: SelectiveOptions<unknown> | EventHandler<unknown> = {},
    handler?: EventHandler<unknown>,
  ): Subscription<unknown> {
    const wanted = readWanted(given, handler);
    const { made } = this.#late;
    return made === undefined
      ? new LateSubscription(this.#late, wanted, (made) => made.subscribe(this.name, wanted, this.#pattern))
      : made.subscribe(this.name, wanted, this.#pattern);
  }

  publish(
    message: unknown,
    options?: PublishCallOptions,
    change?: PublishingOptions["change"],
  ): Promise<Published> {
    try {
      const data = encodeMessage(message); // at once, since the program may change it
      return this.#late.publish(this.name, data, { ...options, change });
    } catch (error) {
      return Promise.reject(error); // what cannot be encoded
    }
  }

  edit(target: MessageTarget, message: unknown, options?: PublishCallOptions): Promise<Published> {
    return this.publish(message, options, ["edit", target]);
  }

  append(target: MessageTarget, piece: unknown, options?: PublishCallOptions): Promise<Published> {
    return this.publish(piece, options, ["append", target]);
  }

  delete(target: MessageTarget, options?: PublishCallOptions): Promise<Published> {
    return this.publish(undefined, options, ["delete", target]);
  }

  react(...said: Said): Promise<Published> {
    return this.#late.use((channels) => channels.react(this.name, said));
  }

  unreact(...said: Said): Promise<Published> {
    return this.#late.use((channels) => channels.react(this.name, said, true));
  }

  history(query: FilteredHistoryQuery<unknown> = {}): Promise<HistoryPage<unknown>> {
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
  const open = (pattern: string, params?: Partial<GivenParams>, missing?: string) => {
    const name = new ChannelPattern(pattern).name(params, missing);
    late.load();
    return new ChannelHandle(name, late, missing && pattern);
  };
  return {
    channel: (pattern: string, params?: GivenParams) => open(pattern, params),
    channels: (pattern: string, given?: Partial<GivenParams>) => open(pattern, given, ANYTHING),
  };
}
