import type { AppOptions, Millrace } from "./app.ts";
import {
  type NeedsOf,
  type ProcedureBuilder,
  procedureBuilder,
  type Scope,
  type ScopeOf,
} from "./builder.ts";
import { type ChannelBuilder, defineChannel, serverChannels } from "./channel_definition.ts";
import type { ChannelGroup } from "./channel_types.ts";
import type { ReservedNames } from "./context.ts";
import { clientProcedures, type Contract } from "./contract.ts";
import type { ErasedMiddleware, Middleware } from "./middleware.ts";
import type { Group, ProcedureDefinition } from "./procedure.ts";

/**
 * The tools of one app, typed alike: what `define` gives. All members may be taken apart.
 *
 * @example
 * ```ts
 * import { define } from "@millrace/millrace";
 *
 * const { procedure, millrace } = define<{ user: { name: string } }>();
 * ```
 */
export interface Factory<S extends Scope> {
  /** Makes procedures whose handlers know this context. */
  readonly procedure: ProcedureBuilder<S>;
  /** Makes a middleware for such procedures: gives back what it is given, with its types. */
  readonly middleware: <Added>(
    middleware: Middleware<S["context"], Added, S["client"]>,
  ) => Middleware<S["context"], Added, S["client"]>;
  /** Makes channels whose rules and hooks know this context. */
  readonly channel: ChannelBuilder<S>;
  /**
   * Makes the app. Channels given here are those that no handler publishes to; the others are declared by `with`.
   *
   * @throws {TypeError | RangeError} An option, procedure, channel or limit that is none.
   */
  readonly millrace: <
    Procedures extends Group<NeedsOf<S>>,
    Channels extends ChannelGroup<NeedsOf<S>> = Record<never, never>,
  >(
    options: AppOptions<S["base"], Procedures, S["client"], Channels>,
  ) => Millrace<Contract<Procedures, S["client"], S["channels"] & Channels>, S["base"]>;
  /**
   * The same tools where handlers also know what clients offer (`context.client`) and the channels. These are
   * declared before the procedures, because a handler inside the same object literal could not be given their
   * types.
   *
   * @throws {TypeError} A refused name, a client procedure with a handler, or something that is no channel.
   */
  readonly with: <
    Client extends Group = Record<never, never>,
    Channels extends ChannelGroup<NeedsOf<S>> = Record<never, never>,
  >(
    declared: { readonly client?: Client; readonly channels?: Channels },
  ) => Factory<ScopeOf<S["base"], S["context"], Client, Channels>>;
  /** The same tools where every procedure has this middleware around it, inside the ones before. */
  readonly use: <Added>(
    middleware: Middleware<S["context"], Added, S["client"]>,
  ) => Factory<ScopeOf<S["base"], S["context"] & Added, S["client"], S["channels"]>>;
}

/** Makes the tools of one app; `Context` is what `authenticate` finds out about a connection. */
export type Define = <Context extends object & ReservedNames = object>() => Factory<
  ScopeOf<Context, Context, Record<never, never>, Record<never, never>>
>;

/** The scope of an app without a context, without offers and channels. */
export type PlainScope = ScopeOf<object, object, Record<never, never>, Record<never, never>>;

/** What a factory knows at run time and gives to the function that makes the app. */
export interface Declared {
  /** What clients offer, by the name on the wire. */
  readonly client: ReadonlyMap<string, ProcedureDefinition>;
  /** The channels that `with` declared. */
  readonly channels: ChannelGroup;
}

/**
 * Makes `define`, given what makes an app. The file that joins sockets and calls hands that in, so that this
 * one stays below it.
 */
export function defineWith(
  makeApp: (declared: Declared, options: AppOptions<object, Group>) => Millrace<Contract, never>,
): Define {
  const factory = (around: readonly ErasedMiddleware[], declared: Declared): unknown => ({
    procedure: procedureBuilder(around),
    middleware: (middleware: ErasedMiddleware) => middleware,
    channel: defineChannel,
    millrace: (options: AppOptions<object, Group>) => makeApp(declared, options),
    with: ({ client, channels }: { client?: object; channels?: ChannelGroup }) => {
      if (channels !== undefined) serverChannels(channels);
      return factory(around, {
        client: client === undefined ? declared.client : clientProcedures(client),
        channels: channels ?? declared.channels,
      });
    },
    use: (middleware: ErasedMiddleware) => factory([...around, middleware], declared),
  });
  return () => factory([], { client: new Map(), channels: {} }) as never;
}
