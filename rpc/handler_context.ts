/**
 * What a handler finds beside the context of its app.
 *
 * @module
 */
import type { CallContext, CallerConnection, ErrorConstructors } from "./context.ts";
import { type CallSurroundings, IncomingCall, type Registered } from "./incoming_call.ts";
import type { ErrorSchemas } from "./procedure.ts";
import { type ChannelTools, channelTools } from "./publisher.ts";
import { tellingCaller } from "./caused.ts";

const NOTHING = new Uint8Array(0);
/** What handlers of a client find. */
const NO_CHANNELS = channelTools({
  channel: (pattern) => {
    throw new TypeError(`There is no channel "${pattern}"`);
  },
});

/**
 * The part of a handler's context that is special to its call. Getters, so that nothing is made that nobody looks at: for
 * most calls not even the {@linkcode IncomingCall}, which is three times as large as everything else they need.
 */
export class HandlerContext implements CallContext {
  readonly #registered: Registered;
  readonly #surroundings: CallSurroundings;
  readonly #id: number;
  #call: IncomingCall | undefined;
  #tools: ChannelTools | undefined;

  private constructor(
    registered: Registered,
    surroundings: CallSurroundings,
    id: number,
    call: IncomingCall | undefined,
  ) {
    this.#registered = registered;
    this.#surroundings = surroundings;
    this.#id = id;
    this.#call = call;
  }

  /** For a call that is there. */
  static of(call: IncomingCall): HandlerContext {
    const { registered, surroundings, id } = call;
    const context = new HandlerContext(registered, surroundings, id, call);
    HandlerContext.share(context);
    return context;
  }

  /**
   * For a call that has no deadline and no stream of items, and whose input is decoded at once. Before its handler runs it is
   * {@linkcode HandlerContext.share}d.
   */
  static plain(registered: Registered, surroundings: CallSurroundings, id: number): HandlerContext {
    return new HandlerContext(registered, surroundings, id, undefined);
  }

  /** The call it belongs to, made when it is not there. */
  static callOf(context: HandlerContext): IncomingCall {
    if (context.#call !== undefined) return context.#call;
    const input = { bytes: NOTHING, start: 0, end: 0 };
    const received = { id: context.#id, deadline: Infinity, items: undefined, ...input };
    const call = context.#call = new IncomingCall(context.#registered, context.#surroundings, received);
    call.started = call.decoded = true;
    return call;
  }

  /** The call it belongs to, if anybody needed it so far. */
  static madeCallOf(context: HandlerContext): IncomingCall | undefined {
    return context.#call;
  }

  /** Adds the context of the app, whose accessors may throw. */
  static share(context: HandlerContext): void {
    Object.assign(context, context.#surroundings.context());
  }

  get procedure(): string {
    return this.#registered.name;
  }

  get signal(): AbortSignal {
    return HandlerContext.callOf(this).signal;
  }

  get timeLeft(): () => number {
    return () => {
      const until = this.#call?.until ?? Infinity;
      return Math.max(0, until - this.#surroundings.clock.now());
    };
  }

  get errors(): ErrorConstructors<ErrorSchemas> {
    return this.#registered.definition.raise as ErrorConstructors<ErrorSchemas>;
  }

  get client(): never {
    return this.#surroundings.offered(HandlerContext.callOf(this)) as never;
  }

  get connection(): CallerConnection {
    return this.#surroundings.connection;
  }

  get publish(): ChannelTools["publish"] {
    return this.#channelTools.publish;
  }

  get channel(): ChannelTools["channel"] {
    return this.#channelTools.channel;
  }

  get presence(): ChannelTools["presence"] {
    return this.#channelTools.presence;
  }

  get #channelTools(): ChannelTools {
    const { channels } = this.#surroundings;
    if (channels === undefined) return NO_CHANNELS;
    return this.#tools ??= channelTools(tellingCaller(channels, HandlerContext.callOf(this)));
  }
}
