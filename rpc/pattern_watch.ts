/**
 * The patterns that somebody on this node has wildcards of: each is watched once, and what is gone is asked about once for all.
 *
 * @module
 */
import { Asking } from "./asking.ts";
import type { Clock } from "./clock.ts";
import { type Directory, type DirectoryWatcher, MOST_NAMES, type NameList } from "./directory.ts";
import type { MaybePromise } from "./maybe_promise.ts";

/** A wildcard of somebody. None of its methods throws. */
export interface PatternMember {
  /** The names that it has told. */
  readonly told: ReadonlySet<string>;
  /** From now on it hears of whatever appears. */
  watched(): void;
  /** See {@linkcode DirectoryWatcher.appeared}. */
  appeared(name: string): void;
  /** See {@linkcode DirectoryWatcher.uncertain}. */
  uncertain(): void;
  /** These channels are known no more. */
  gone(names: ReadonlySet<string>): void;
}

/** What it takes. */
export interface PatternWatchParts {
  /** Time and chance. */
  readonly clock: Clock;
  /** Which channels there are; `undefined` where the broker does not know. */
  readonly directory: Directory | undefined;
  /** Tells the program of an error. Never throws. */
  readonly report: (error: unknown, pattern: string) => void;
}

/** Takes note of what runs, and gives it back. */
export type Counted = <T>(work: MaybePromise<T>) => MaybePromise<T>;

/** Milliseconds from one look at what is gone to the next: channels are known for ten minutes at the least. */
const LOOK = 60_000;

/** One pattern. */
class PatternWatch implements DirectoryWatcher {
  readonly members = new Set<PatternMember>();
  readonly #pattern: string;
  readonly #directory: Directory;
  readonly #clock: Clock;
  readonly #asking: Asking;
  readonly #looking: Asking;
  #isConfirmed = false;
  /** What has appeared since it was asked what is known. */
  readonly #since = new Set<string>();
  #timer: unknown;
  #isOver = false;

  constructor(pattern: string, counted: Counted, { clock, directory, report }: PatternWatchParts) {
    this.#pattern = pattern;
    this.#directory = directory!;
    this.#clock = clock;
    const asking = { clock, report: (error: unknown) => report(error, pattern) };
    this.#asking = new Asking(asking);
    this.#looking = new Asking(asking);
    this.#asking.ask(() => counted(directory!.watch(pattern, this)), () => {
      this.#isConfirmed = true;
      for (const member of [...this.members]) member.watched();
    });
    this.#arm();
  }

  join(member: PatternMember): void {
    this.members.add(member);
    if (this.#isConfirmed) member.watched();
  }

  appeared(name: string): void {
    if (this.#since.size < MOST_NAMES) this.#since.add(name);
    for (const member of [...this.members]) member.appeared(name);
  }

  uncertain(): void {
    for (const member of [...this.members]) member.uncertain();
  }

  end(): void {
    this.#isOver = true;
    this.#asking.stop();
    this.#looking.stop();
    this.#clock.clearTimeout(this.#timer);
    this.#directory.unwatch(this.#pattern, this);
  }

  #arm(): void {
    this.#timer = this.#clock.setTimeout(() => {
      const told = new Set([...this.members].flatMap(({ told }) => [...told]));
      this.#look([...told]);
    }, LOOK);
  }

  #look(names: readonly string[]): void {
    const some = names.slice(0, MOST_NAMES);
    if (some.length === 0) return this.#arm();
    this.#since.clear();
    this.#looking.ask(() => this.#directory.known(this.#pattern, some), (known) => {
      const there = new Set(known);
      const isFull = this.#since.size >= MOST_NAMES; // what else has appeared is not known: the next look tells
      const gone = isFull ? [] : some.filter((name) => !there.has(name) && !this.#since.has(name));
      if (gone.length > 0) { for (const member of [...this.members]) member.gone(new Set(gone)); }
      if (!this.#isOver) this.#look(names.slice(MOST_NAMES)); // the last member may have left when it was told
    });
  }
}

/** The patterns of a node. */
export class PatternWatches {
  readonly #parts: PatternWatchParts;
  readonly #watches = new Map<string, PatternWatch>();

  /** Watches nothing yet. */
  constructor(parts: PatternWatchParts) {
    this.#parts = parts;
  }

  /** Whether there can be wildcards. */
  get isPossible(): boolean {
    return this.#parts.directory !== undefined;
  }

  /** Patterns that are watched. */
  get size(): number {
    return this.#watches.size;
  }

  /** Takes somebody in, who is told at once or later that it is watched. What the broker is asked for that goes through `counted`. */
  join(pattern: string, member: PatternMember, counted: Counted): void {
    let watch = this.#watches.get(pattern);
    if (watch === undefined) {
      watch = new PatternWatch(pattern, counted, this.#parts);
      this.#watches.set(pattern, watch);
    }
    watch.join(member);
  }

  /** Somebody has left. */
  leave(pattern: string, member: PatternMember): void {
    const watch = this.#watches.get(pattern);
    if (!watch?.members.delete(member) || watch.members.size > 0) return;
    this.#watches.delete(pattern);
    watch.end();
  }

  /** The names of a pattern. */
  list(pattern: string): NameList {
    return this.#parts.directory!.list(pattern);
  }

  /** Watches nothing any more. */
  end(): void {
    for (const watch of this.#watches.values()) watch.end();
    this.#watches.clear();
  }
}
