/**
 * The names of channels by their pattern, in memory.
 *
 * @module
 */
import { type Directory, type DirectoryWatcher, MOST_NAMES, type NameList } from "../rpc/directory.ts";

interface Group {
  /** Until when each name is known. */
  readonly names: Map<string, number>;
  /** Never changed in place. */
  watchers: readonly DirectoryWatcher[];
}

/** Which channels there are. Whoever keeps the channels notes what is published to, and forgets what it forgets. */
export class ChannelIndex implements Directory {
  readonly #now: () => number;
  readonly #report: (error: unknown) => void;
  readonly #groups = new Map<string, Group>();

  /**
   * Knows none.
   *
   * @param now Time that never goes back.
   * @param report Told of what watchers throw.
   */
  constructor(now: () => number, report: (error: unknown) => void) {
    this.#now = now;
    this.#report = report;
  }

  /** Names that are kept. */
  get size(): number {
    let size = 0;
    for (const { names } of this.#groups.values()) size += names.size;
    return size;
  }

  /** A channel was published to, and is known for so long. `isFirst`: by the first publication of a stream. */
  note(pattern: string, name: string, { ms, isFirst }: { ms: number; isFirst: boolean }): void {
    const { names, watchers } = this.#group(pattern);
    const now = this.#now();
    const until = names.get(name);
    names.set(name, now + ms);
    if (!isFirst && until !== undefined && until > now) return;
    this.#tell(watchers, (watcher) => watcher.appeared(name));
  }

  /** A channel is forgotten. */
  forget(pattern: string, name: string): void {
    this.#groups.get(pattern)?.names.delete(name);
    this.#dropEmpty(pattern);
  }

  /** See {@linkcode Directory.list}. What appears meanwhile is told to who watches, and ends no list later. */
  list(pattern: string): NameList {
    const names = this.#groups.get(pattern)?.names ?? new Map<string, number>();
    const entries = names.entries();
    let left = names.size;
    return {
      next: () => {
        const page: string[] = [];
        for (; left > 0 && page.length < MOST_NAMES; left--) {
          const { done, value } = entries.next();
          if (done) left = 1;
          else if (value[1] > this.#now()) page.push(value[0]);
        }
        return page.length === 0 ? undefined : page;
      },
    };
  }

  /** See {@linkcode Directory.known}. */
  known(pattern: string, names: readonly string[]): readonly string[] {
    const known = this.#groups.get(pattern)?.names;
    return names.filter((name) => (known?.get(name) ?? 0) > this.#now());
  }

  /** See {@linkcode Directory.watch}. */
  watch(pattern: string, watcher: DirectoryWatcher): void {
    const group = this.#group(pattern);
    if (!group.watchers.includes(watcher)) group.watchers = [...group.watchers, watcher];
  }

  /** See {@linkcode Directory.unwatch}. */
  unwatch(pattern: string, watcher: DirectoryWatcher): void {
    const group = this.#groups.get(pattern);
    if (group === undefined) return;
    group.watchers = group.watchers.filter((other) => other !== watcher);
    this.#dropEmpty(pattern);
  }

  /** All that watch hear that they may have missed something. */
  doubt(): void {
    for (const { watchers } of [...this.#groups.values()]) {
      this.#tell(watchers, (watcher) => watcher.uncertain());
    }
  }

  #group(pattern: string): Group {
    let group = this.#groups.get(pattern);
    if (group === undefined) this.#groups.set(pattern, group = { names: new Map(), watchers: [] });
    return group;
  }

  #dropEmpty(pattern: string): void {
    const group = this.#groups.get(pattern);
    if (group?.names.size === 0 && group.watchers.length === 0) this.#groups.delete(pattern);
  }

  #tell(watchers: readonly DirectoryWatcher[], tell: (watcher: DirectoryWatcher) => void): void {
    for (const watcher of watchers) {
      try {
        tell(watcher);
      } catch (error) {
        this.#report(error);
      }
    }
  }
}
