/**
 * One wildcard of one connection: finds the channels that it matches, asks the rule of each whether the client may know of it, and tells their names. The client
 * subscribes to them as to any other.
 *
 * Names come by two ways: a list, page by page, of what is there, and whatever appears later. Both go through one queue, which is bounded: what finds no
 * room there, what cannot be answered now, and what may have been missed is found by listing again. A rule that takes long is not waited for: its answer counts
 * when it comes.
 *
 * @module
 */
import { BrokerError } from "./broker.ts";
import type { ChannelMatch } from "./channel_match.ts";
import type { NamedChannel } from "./channel_rules.ts";
import type { CallError } from "./errors.ts";
import { MatchState } from "./match_state.ts";
import type { MaybePromise } from "./maybe_promise.ts";
import { MOST_NAMES, type NameList } from "./directory.ts";
import type { PatternMember } from "./pattern_watch.ts";

/** What it needs of its connection. */
export interface WildcardOwner {
  /** The channel of a name. */
  find(name: string): NamedChannel | undefined;
  /** The names of its pattern. */
  list(pattern: string): NameList;
  /** Whether the client may subscribe: `undefined` where it may, a `retryable` error where that cannot be said now. */
  ask(channel: NamedChannel): MaybePromise<CallError | undefined>;
  /** Which identity is asked about: another number, another one. */
  readonly identity: number;
  /** Whether one more name would be too many. */
  isFull(name: string): boolean;
  /** A name is told. `isNew`: it has appeared while the client was told of everything. */
  added(name: string, isNew: boolean): void;
  /** One is not any more. */
  removed(name: string): void;
  /** MATCHED. */
  tell(n: number, state: number, name: string): void;
  /** Resolves when the socket has room. */
  room(): Promise<void> | undefined;
  /** Resolves at the end of the turn. */
  turn(): Promise<void>;
  /** A random part of so many milliseconds later, or no earlier than so many. */
  later(run: () => void, most: number, least?: number): unknown;
  /** Not then. */
  notLater(timer: unknown): void;
  /** Tells the program of an error. */
  report(error: unknown): void;
  /** Something of ours failed. */
  fail(error: unknown): void;
}

/** Rules that are asked at once, of each wildcard, beside those that have taken too long. */
const AT_ONCE = 4;
/** Milliseconds that they may take before the next are asked. */
const PATIENCE = 2_000;
/** Names that have appeared and wait; above it the list is read again instead. */
const MOST_WAITING = MOST_NAMES;
/** Milliseconds until it is listed again, of which a random part is waited: the first time, and at the most. */
const FIRST_WAIT = 1_000;
const LAST_WAIT = 20_000;

interface Name {
  readonly name: string;
  readonly isNew: boolean;
}

/** A name whose rule is asked, for whom. */
interface Asked extends Name {
  readonly identity: number;
}

/** One wildcard. */
export class ServerWildcard implements PatternMember {
  readonly told: Set<string> = new Set<string>();
  readonly #n: number;
  readonly #match: ChannelMatch;
  readonly #owner: WildcardOwner;
  #waiting: Name[] = [];
  #list: NameList | undefined;
  /** Whether a list is to be read, or read on. */
  #isToList = false;
  /** Whether it is to be read again when it has been read. */
  #isToListAgain = false;
  #isRunning = false;
  /** Whether everything that was there has been told once. */
  #isComplete = false;
  /** Whether some could not be asked about since the list was begun. */
  #isUnanswered = false;
  /** Whether there are more than may be told. */
  #isFull = false;
  #failures = 0;
  #timer: unknown;
  /** Names whose rule has not answered: they are asked about once at a time. */
  readonly #asked = new Set<string>();
  #patience: unknown;
  #isOver = false;

  /** Waits until its pattern is watched. */
  constructor(n: number, match: ChannelMatch, owner: WildcardOwner) {
    this.#n = n;
    this.#match = match;
    this.#owner = owner;
  }

  /** The pattern. */
  get pattern(): string {
    return this.#match.pattern.pattern;
  }

  /** See {@linkcode PatternMember.watched}: what is listed from now on, and what appears, is all there is. */
  watched(): void {
    this.#relist();
  }

  /** See {@linkcode PatternMember.appeared}. Where there are too many already nothing is looked at. */
  appeared(name: string): void {
    if (this.#isFull || this.told.has(name) || !this.#match.has(name)) return;
    if (this.#waiting.length >= MOST_WAITING) return this.#relistLater();
    this.#waiting.push({ name, isNew: this.#isComplete });
    void this.#run();
  }

  /** See {@linkcode PatternMember.uncertain}. */
  uncertain(): void {
    this.#relist();
  }

  /** See {@linkcode PatternMember.gone}. */
  gone(names: ReadonlySet<string>): void {
    for (const name of names) {
      if (!this.told.delete(name)) continue;
      this.#owner.tell(this.#n, MatchState.GONE, name);
      this.#owner.removed(name);
    }
  }

  /** The client may not have this one any more; should it be allowed again, it is told again. */
  forget(name: string): void {
    if (this.told.delete(name)) this.#owner.removed(name);
  }

  /** There is room again. */
  hasRoom(): void {
    if (this.#isFull) this.#relistLater();
  }

  /** The client may know of others now: of any, or of this one. */
  mayKnow(only: string | undefined): void {
    if (only === undefined || (this.#match.has(only) && !this.told.has(only))) this.#relistLater();
  }

  /** It is wanted no more. */
  end(): void {
    this.#isOver = true;
    this.#owner.notLater(this.#timer);
    this.#owner.notLater(this.#patience);
    this.#waiting = [];
    this.#asked.clear();
    for (const name of this.told) this.#owner.removed(name);
    this.told.clear();
  }

  #relist(): void {
    if (this.#list !== undefined) this.#isToListAgain = true;
    this.#isToList = true;
    void this.#run();
  }

  #relistLater(): void {
    if (this.#isOver || this.#timer !== undefined) return;
    const most = Math.min(LAST_WAIT, FIRST_WAIT * 2 ** Math.min(this.#failures++, 16));
    this.#timer = this.#owner.later(() => {
      this.#timer = undefined;
      this.#relist();
    }, most);
  }

  async #run(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    try {
      while (!this.#isOver && (this.#waiting.length > 0 || this.#isToList)) await this.#step();
    } catch (error) {
      this.#owner.fail(error);
    }
    this.#isRunning = false;
  }

  async #step(): Promise<void> {
    const room = this.#owner.room();
    if (room !== undefined) await room;
    const names = this.#waiting.splice(0, AT_ONCE);
    if (names.length > 0) await this.#inTime(names.map((name) => this.#consider(name)));
    else if (this.#isToList) await this.#readPage();
  }

  async #readPage(): Promise<void> {
    const page = await this.#nextPage();
    if (this.#isOver || page === "failed" || this.#isFull) return;
    if (page === undefined) return this.#listed();
    for (const name of page) {
      if (this.#match.has(name) && !this.told.has(name)) this.#waiting.push({ name, isNew: false });
    }
    await this.#owner.turn();
  }

  async #nextPage(): Promise<readonly string[] | undefined | "failed"> {
    if (this.#list === undefined) {
      this.#isToListAgain = this.#isUnanswered = this.#isFull = false;
      this.#list = this.#owner.list(this.pattern);
    }
    try {
      return await this.#list.next();
    } catch (error) {
      if (!(error instanceof BrokerError)) this.#owner.report(error);
      this.#list = undefined;
      this.#isToList = false;
      this.#relistLater();
      return "failed";
    }
  }

  #listed(): void {
    this.#list = undefined;
    this.#isToList = this.#isToListAgain;
    if (this.#isToList) return;
    this.#isComplete = true;
    if (this.#isUnanswered) this.#relistLater();
    else this.#failures = 0;
    this.#owner.tell(this.#n, this.#isUnanswered ? MatchState.SOME : MatchState.ALL, "");
  }

  /** Who has not answered by then is told of when it has: one that hangs holds nobody else up. */
  #inTime(answers: readonly MaybePromise<void>[]): Promise<void> | undefined {
    const late = answers.filter((answer) => answer instanceof Promise);
    if (late.length === 0 || this.#isOver) return undefined;
    return new Promise((resolve) => {
      const goOn = () => {
        this.#notNow();
        resolve();
      };
      const timer = this.#patience = this.#owner.later(goOn, 0, PATIENCE);
      void Promise.all(late).then(() => {
        this.#owner.notLater(timer);
        resolve();
      });
    });
  }

  #consider({ name, isNew }: Name): MaybePromise<void> {
    const owner = this.#owner;
    const channel = owner.find(name);
    // A more exact pattern may have the name.
    if (channel?.pattern.pattern !== this.pattern || this.told.has(name) || this.#isFull) return;
    if (owner.isFull(name)) return this.#tooMany();
    if (this.#asked.has(name)) return this.#notNow();
    const asked = { name, isNew, identity: owner.identity };
    const answer = owner.ask(channel);
    if (!(answer instanceof Promise)) return this.#answered(asked, answer);
    this.#asked.add(name);
    return answer.then((refusal) => {
      this.#asked.delete(name);
      this.#answered(asked, refusal);
    }).catch((error) => owner.fail(error));
  }

  #answered({ name, isNew, identity }: Asked, refusal: CallError | undefined): void {
    const owner = this.#owner;
    if (this.#isOver || this.told.has(name) || this.#isFull) return;
    if (identity !== owner.identity || refusal?.retryable) return this.#notNow();
    if (refusal !== undefined) return;
    if (owner.isFull(name)) return this.#tooMany();
    this.told.add(name);
    owner.added(name, isNew);
    owner.tell(this.#n, MatchState.THERE, name);
  }

  #notNow(): void {
    this.#isUnanswered = true;
    if (this.#list === undefined) this.#relistLater();
  }

  /** The rest is not looked at before there is room. */
  #tooMany(): void {
    this.#isFull = this.#isComplete = true;
    this.#isToList = false;
    this.#list = undefined;
    this.#waiting = [];
    this.#owner.notLater(this.#timer);
    this.#timer = undefined;
    this.#failures = 0;
    this.#owner.tell(this.#n, MatchState.FULL, "");
  }
}
