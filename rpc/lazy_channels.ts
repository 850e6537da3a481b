/**
 * The channels of a connection that has used none yet: most of ten thousand idle connections cost one small object each.
 *
 * @module
 */
import type { CallerConnection } from "./context.ts";
import type { ChannelReader } from "./dispatch.ts";
import {
  type ChannelEvents,
  dispatchChannel,
  type Subscribe,
  type WildcardAsked,
} from "./dispatch_channels.ts";
import type { Limits } from "./limits.ts";
import { ProtocolError } from "./protocol_error.ts";
import type { Unit } from "./receiver.ts";
import type { ChannelOwner, ChannelParts } from "./channel_owner.ts";
import type { Watch } from "./dispatch_presence.ts";
import { ServerChannels } from "./server_channels.ts";
import type { ServerParts } from "./server_parts.ts";
import { ServerWatches } from "./server_watches.ts";
import { ownerOf } from "./shares.ts";

/** Whose channels they are. */
export interface ChannelsOwner extends CallerConnection, Pick<ChannelOwner, "context" | "fault"> {
  /** What carries its messages. */
  readonly carrier: Pick<ChannelOwner, "connection" | "outbox" | "transport">;
}

/** Makes the channels of a connection when the client uses the first. */
export class LazyChannels implements ChannelEvents, ChannelReader {
  readonly #parts: ServerParts<ChannelsOwner>;
  readonly #owner: ChannelsOwner;
  #made: ServerChannels | undefined;
  #watches: ServerWatches | undefined;
  #ended = false;

  /** Makes nothing yet. */
  constructor(parts: ServerParts<never>, owner: ChannelsOwner) {
    this.#parts = parts as ServerParts<ChannelsOwner>;
    this.#owner = owner;
  }

  /** Subscriptions that have not ended. */
  get size(): number {
    return this.#made?.size ?? 0;
  }

  /** See {@linkcode ServerChannels.isSlow}. */
  get isSlow(): boolean {
    return this.#made?.isSlow ?? false;
  }

  /** See {@linkcode ChannelReader.read}. */
  read(kind: number, frame: Uint8Array, limits: Limits): number {
    return dispatchChannel(kind, frame, limits, this);
  }

  /** SUBSCRIBE. */
  subscribe(wanted: Subscribe): void {
    this.#channels?.subscribe(wanted);
  }

  /** UNSUBSCRIBE. */
  unsubscribe(sub: number): void {
    if (this.#made !== undefined) return this.#made.unsubscribe(sub);
    if (!this.#ended) throw new ProtocolError("Ends a subscription that never was");
  }

  /** WILDCARD. */
  wildcard(wildcard: WildcardAsked): void {
    this.#channels?.wildcards.begin(wildcard);
  }

  /** UNWILDCARD. */
  unwildcard(n: number): void {
    this.#channels?.wildcards.finish(n);
  }

  /** SEEN. */
  seen(alias: number, offset: number): void {
    this.#made?.seen(alias, offset);
  }

  /** SIGNAL. */
  signal(channel: string | number, unit: Unit): void {
    this.#channels?.signal(channel, unit);
  }

  /** WATCH. */
  watch(wanted: Watch): void {
    if (!this.#ended) (this.#watches ??= new ServerWatches(...this.#its)).watch(wanted);
  }

  /** UNWATCH. */
  unwatch(watch: number): void {
    if (this.#watches !== undefined) return this.#watches.unwatch(watch);
    if (!this.#ended) throw new ProtocolError("Ends a watch that never was");
  }

  /** See {@linkcode ServerChannels.reauthorize}. */
  reauthorize(channel?: string): void {
    this.#made?.reauthorize(channel);
    this.#watches?.reauthorize(channel);
  }

  /** What waited in front of the socket has left. */
  drained(): void {
    this.#made?.drained();
    this.#watches?.drained();
  }

  /** The connection is gone. The rest of a frame in which it was closed is still read, and finds nothing here. */
  end(): void {
    this.#ended = true;
    this.#made?.end();
    this.#watches?.end();
  }

  get #channels(): ServerChannels | undefined {
    if (this.#made === undefined && !this.#ended) this.#made = new ServerChannels(...this.#its);
    return this.#made;
  }

  get #its(): [ChannelParts, ChannelOwner] {
    const { channels, clock, limits, date, nodeId: node, report, addressKey } = this.#parts;
    const client = this.#owner;
    const { carrier } = client;
    return [{ clock, limits, date, node, channels: channels! }, {
      ...carrier,
      get context() {
        return client.context;
      },
      get owner() {
        return ownerOf(carrier.connection, addressKey);
      },
      report: (error) => report(error, { connection: client }),
      fault: (error) => client.fault(error),
    }];
  }
}
