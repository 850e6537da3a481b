/**
 * What a client asks for with SUBSCRIBE, once it is allowed.
 *
 * @module
 */
import type { Position } from "./broker.ts";
import type { Rewind } from "./channel_messages.ts";
import type { Filter } from "./filter.ts";
import type { Policy } from "./policy.ts";

/** What a client asks for. */
export interface Wanted {
  /** The client's number for it: the generation. */
  readonly sub: number;
  /** Where the client was. */
  readonly position: Position | undefined;
  /** Where it wants to begin when it was nowhere. */
  readonly rewind: Rewind;
  /** Whether a position before all publications, which everybody can write, is taken for one where the client was. @default true */
  readonly mayLookBack?: boolean;
  /** Whether it takes publications as the difference to the one before. */
  readonly delta: boolean;
  /** Whether it takes CHANGE. @default false */
  readonly changes?: boolean;
  /** Which publications it wants. */
  readonly filter?: Filter | undefined;
  /** What may be left out of them. */
  readonly policy?: Policy | undefined;
}
