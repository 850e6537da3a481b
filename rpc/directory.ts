/**
 * Which channels there are: the part of a broker that wildcards need. It knows names, by the pattern that they belong to, of channels that were published to not
 * longer ago than their streams outlive it; to read a channel, or to listen to one, makes it known to nobody.
 *
 * @module
 */
import type { MaybePromise } from "./maybe_promise.ts";

/** Who wants to know of new names. None of its methods throws. */
export interface DirectoryWatcher {
  /** A channel was published to which was not known, or whose stream was begun anew. It may be told twice, and before the publication itself is pushed. */
  appeared(name: string): void;
  /** Names may have been missed: list again. */
  uncertain(): void;
}

/** The names of one pattern, page by page, so that nobody holds all of them. Whoever stops reading has nothing to close. */
export interface NameList {
  /**
   * The next names, in no order, some perhaps twice, a page perhaps empty; `undefined` after the last. What is known all the while comes at least once.
   *
   * @throws {BrokerError} `UNAVAILABLE`: begin again.
   */
  next(): MaybePromise<readonly string[] | undefined>;
}

/** The names of channels. */
export interface Directory {
  /** Lists the names of a pattern. */
  list(pattern: string): NameList;
  /** Those of some names of a pattern, at most {@linkcode MOST_NAMES}, that are known. */
  known(pattern: string, names: readonly string[]): MaybePromise<readonly string[]>;
  /** Tells of names. When this is answered, whatever is published to later is told of. Once is enough for each watcher and pattern. */
  watch(pattern: string, watcher: DirectoryWatcher): MaybePromise<void>;
  /** Tells of no more. */
  unwatch(pattern: string, watcher: DirectoryWatcher): void;
}

/** Names that a page of a list has, and that are asked about at once. */
export const MOST_NAMES = 256;
