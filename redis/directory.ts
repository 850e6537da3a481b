/**
 * Which channels there are, on Redis: see `directory_scripts.ts`.
 *
 * @module
 */
import { BrokerError } from "../rpc/broker.ts";
import { type Directory, type DirectoryWatcher, MOST_NAMES, type NameList } from "../rpc/directory.ts";
import { type Commands, unavailable } from "./commands.ts";
import { ADD, KNOWN, NAMES } from "./directory_scripts.ts";
import { indexKey } from "./keys.ts";
import type { RedisSubscriber } from "./link.ts";

/** What it needs. */
export interface RedisDirectoryParts {
  /** The way to Redis. */
  readonly commands: Commands;
  /** What hears pushes. */
  readonly subscriber: RedisSubscriber;
  /** What all keys begin with. */
  readonly prefix: string;
  /** Ends what takes too long, as `UNAVAILABLE`. */
  readonly inTime: (done: Promise<void>) => Promise<void>;
  /** Told of what watchers throw. */
  readonly report: (error: unknown) => void;
}

/** The names of channels in Redis. */
export class RedisDirectory implements Directory {
  readonly #parts: RedisDirectoryParts;
  /** By the name of what is pushed, which is that of the set. */
  readonly #watchers = new Map<string, Set<DirectoryWatcher>>();

  /** Watches nothing yet. */
  constructor(parts: RedisDirectoryParts) {
    this.#parts = parts;
  }

  /** A publication landed, as `reply` tells. Where the script that appended it could not list its channel, that is done now; should it fail, a later one does it. */
  async landed<T>(
    reply: readonly string[],
    { pattern, channel, ms }: { pattern: string | undefined; channel: string; ms: number },
    appended: T,
  ): Promise<T> {
    const [, , offset, , isUnlisted] = reply;
    if (isUnlisted !== "1" || pattern === undefined) return appended;
    const args = [channel, offset === "1" ? "1" : "0", String(ms + 60_000)];
    const job = { keys: [this.#key(pattern)], args: () => args, kind: "append" } as const;
    await this.#parts.commands.run({ script: ADD, ...job }).catch(() => {});
    return appended;
  }

  /** See {@linkcode Directory.list}. */
  list(pattern: string): NameList {
    const keys = [this.#key(pattern)];
    let from: string | undefined = "0";
    return {
      next: async () => {
        if (from === undefined) return undefined;
        const args = [from, String(MOST_NAMES)];
        const reply = await this.#parts.commands.run({ script: NAMES, keys, args: () => args, kind: "read" });
        const [next, ...names] = reply as [string, ...string[]];
        from = next === "0" ? undefined : next;
        return names;
      },
    };
  }

  /** See {@linkcode Directory.known}. */
  async known(pattern: string, names: readonly string[]): Promise<readonly string[]> {
    if (names.length === 0) return [];
    const job = { keys: [this.#key(pattern)], args: () => names, kind: "read" } as const;
    return await this.#parts.commands.run({ script: KNOWN, ...job }) as readonly string[];
  }

  /** See {@linkcode Directory.watch}. */
  async watch(pattern: string, watcher: DirectoryWatcher): Promise<void> {
    const { subscriber, inTime } = this.#parts;
    const key = this.#key(pattern);
    const watchers = this.#watchers.get(key) ?? new Set();
    this.#watchers.set(key, watchers.add(watcher));
    try {
      await inTime(subscriber.subscribe(key));
    } catch (error) {
      throw error instanceof BrokerError ? error : unavailable("Redis cannot be reached now", error);
    }
  }

  /** See {@linkcode Directory.unwatch}. */
  unwatch(pattern: string, watcher: DirectoryWatcher): void {
    const key = this.#key(pattern);
    const watchers = this.#watchers.get(key);
    if (!watchers?.delete(watcher) || watchers.size > 0) return;
    this.#watchers.delete(key);
    this.#parts.subscriber.unsubscribe(key);
  }

  /** Something was pushed. Says whether it was a name. */
  told(key: string, name: string): boolean {
    const watchers = this.#watchers.get(key);
    if (watchers === undefined) return false;
    this.#tell(watchers, (watcher) => watcher.appeared(name));
    return true;
  }

  /** Pushes may be missing. */
  uncertain(): void {
    for (const watchers of [...this.#watchers.values()]) {
      this.#tell(watchers, (watcher) => watcher.uncertain());
    }
  }

  /** Watches nothing any more. */
  close(): void {
    this.#watchers.clear();
  }

  #tell(watchers: ReadonlySet<DirectoryWatcher>, tell: (watcher: DirectoryWatcher) => void): void {
    for (const watcher of [...watchers]) {
      try {
        tell(watcher);
      } catch (error) {
        this.#parts.report(error);
      }
    }
  }

  #key(pattern: string): string {
    return indexKey(this.#parts.prefix, pattern);
  }
}
