/**
 * What a wildcard needs of its connection and its client.
 *
 * @module
 */
import type { Clock } from "../rpc/clock.ts";
import type { CallError } from "../rpc/errors.ts";
import type { LocalSubscription } from "./subscription.ts";
import type { Wanted } from "./wanted.ts";

/** A wildcard, as its connection knows it. */
export interface WildcardWire {
  /** The pattern, as the app declares it. */
  readonly pattern: string;
  /** A name, with `*` for what may be anything. */
  readonly match: string;
  /** MATCHED, for the present number. */
  matched(state: number, name: string): void;
  /** UNWILDCARD, for the present number. */
  refused(error: CallError): void;
}

/** What a wildcard sends on the present connection. */
export interface WildcardConnection {
  /** WILDCARD. Gives its number. */
  askAll(wildcard: WildcardWire): number;
  /** UNWILDCARD. */
  giveUpAll(n: number): void;
}

/** What a wildcard needs of its client. */
export interface WildcardParts {
  /** Time and chance. */
  readonly clock: Clock;
  /** Told of what handlers threw. */
  readonly report: (error: unknown) => void;
  /** Subscribes to a channel. */
  readonly subscribe: (name: string, wanted: Wanted, Local: typeof LocalSubscription) => LocalSubscription;
  /** It is over. */
  readonly closed: () => void;
}
