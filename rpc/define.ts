import type { AppOptions, Millrace } from "./app.ts";
import {
  type NeedsOf,
  type ProcedureBuilder,
  procedureBuilder,
  type Scope,
  type ScopeOf,
} from "./builder.ts";
import type { ChannelDefinition, ReservedNames } from "./context.ts";
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
  /** Makes the app. */
  readonly millrace: <Procedures extends Group<NeedsOf<S>>>(
    options: AppOptions<S["base"], Procedures, S["client"]>,
  ) => Millrace<Contract<Procedures, S["client"], S["channels"]>, S["base"]>;
  /**
   * The same tools where handlers also know what clients offer (`context.client`) and the channels. These are
   * declared before the procedures, because a handler inside the same object literal could not be given their
   * types.
   *
   * @throws {TypeError} A refused name, or a client procedure with a handler.
   */
  readonly with: <
    Client extends Group = Record<never, never>,
    Channels extends ChannelGroup = Record<never, never>,
  >(
    declared: { readonly client?: Client; readonly channels?: Channels },
  ) => Factory<ScopeOf<S["base"], S["context"], Client, Channels>>;
  /** The same tools where every procedure has this middleware around it, inside the ones before. */
  readonly use: <Added>(
    middleware: Middleware<S["context"], Added, S["client"]>,
  ) => Factory<ScopeOf<S["base"], S["context"] & Added, S["client"], S["channels"]>>;
}

/** Channels by their pattern. */
export interface ChannelGroup {
  /** A channel: `"board/:id"`. */
  readonly [pattern: string]: ChannelDefinition;
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
  /** The channels. */
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
    millrace: (options: AppOptions<object, Group>) => makeApp(declared, options),
    with: ({ client, channels }: { client?: object; channels?: ChannelGroup }) =>
      factory(around, {
        client: client === undefined ? declared.client : clientProcedures(client),
        channels: channels ?? declared.channels,
      }),
    use: (middleware: ErasedMiddleware) => factory([...around, middleware], declared),
  });
  return () => factory([], { client: new Map(), channels: {} }) as never;
}
