import type { ItemInputOf, ItemOutputOf } from "../rpc/calls.ts";
import type { ErrorConstructors } from "../rpc/context.ts";
import type { ContractOf, HasContract } from "../rpc/contract.ts";
import type { ErrorSchemas, Procedure } from "../rpc/procedure.ts";
import type { InputOf, OutputOf, Schema } from "../rpc/schema.ts";

/** What a client's own procedure finds when the server calls it. Members can be taken apart. */
export interface OfferContext<Errors extends ErrorSchemas = ErrorSchemas> {
  /** The name of the procedure, as on the wire. */
  readonly procedure: string;
  /** Aborts when the server cancels, the deadline passes, or the connection is lost. */
  readonly signal: AbortSignal;
  /** Milliseconds until the deadline, `Infinity` without one, 0 when it has passed. */
  readonly timeLeft: () => number;
  /** Makes the errors that the procedure declares. */
  readonly errors: ErrorConstructors<Errors>;
}

/**
 * A function that implements a procedure, for each shape. The client has no schemas: the server's validate
 * both ways.
 */
export interface OfferShapes<
  Input extends Schema | undefined,
  Items extends Schema | undefined,
  Output extends Schema | undefined,
  Errors extends ErrorSchemas,
> {
  /** One value to one value. */
  value: (
    input: OutputOf<Input>,
    context: OfferContext<Errors>,
  ) => InputOf<Output> | Promise<InputOf<Output>>;
  /** One value to a stream. */
  stream: (input: OutputOf<Input>, context: OfferContext<Errors>) => AsyncIterable<ItemInputOf<Output>>;
  /** A stream to one value; `input` is `undefined` where the procedure has none. */
  upload: (
    input: OutputOf<Input>,
    items: AsyncIterable<ItemOutputOf<Items>>,
    context: OfferContext<Errors>,
  ) => InputOf<Output> | Promise<InputOf<Output>>;
  /** A stream to a stream; `input` is `undefined` where the procedure has none. */
  duplex: (
    input: OutputOf<Input>,
    items: AsyncIterable<ItemOutputOf<Items>>,
    context: OfferContext<Errors>,
  ) => AsyncIterable<ItemInputOf<Output>>;
}

/** The functions that implement a group of procedures: the same tree of names. */
export type OfferTree<G> = {
  readonly [Name in keyof G]: G[Name] extends
    Procedure<infer S, infer Input, infer Items, infer Output, infer Errors, infer _Needs>
    ? OfferShapes<Input, Items, Output, Errors>[S]
    : OfferTree<G[Name]>;
};

/** What a client of an app may offer its server: all of what the contract names, or nothing. */
export type Offers<App extends HasContract> = OfferTree<ContractOf<App>["client"]>;
