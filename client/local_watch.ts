/**
 * One watch of the program: gives the latest view that it has not had, to a handler or to who reads.
 *
 * @module
 */
import { CallError } from "../rpc/errors.ts";
import { isPromise } from "../rpc/iterating.ts";
import type { Member } from "../rpc/member_types.ts";
import { type Known, type KnownMember, tells } from "./presence_state.ts";
import type { PresenceHandler, PresenceView, PresenceWatch, PresentUser } from "./presence_types.ts";

/** What it asks of the channel. */
export interface WatchedChannel {
  /** What is known now. */
  readonly known: Known | undefined;
  /** It is watched no more. */
  part(watch: LocalWatch): void;
  /** Told of what a handler threw. */
  report(error: unknown): void;
}

/** What the program wants. */
export interface WatchWanted {
  readonly countOnly: boolean;
  readonly handler: PresenceHandler<unknown> | undefined;
  readonly onError: ((error: unknown) => void) | undefined;
}

const DONE: IteratorResult<never, undefined> = { done: true, value: undefined };
const NOBODY: ReadonlyMap<string, KnownMember> = new Map();

/** One watch. */
export class LocalWatch implements PresenceWatch<unknown> {
  readonly wanted: WatchWanted;
  /** Called when it has closed. */
  onClose: () => void = () => {};
  readonly #channel: WatchedChannel;
  #given: Known | undefined;
  #view: PresenceView<unknown> | undefined;
  #reading: PromiseWithResolvers<IteratorResult<PresenceView<unknown>, undefined>>[] = [];
  #error: unknown;
  #isFailed = false;
  #isClosed = false;
  /** Whether a refusal for now was told. */
  #isTold = false;

  /** Has had nothing. */
  constructor(channel: WatchedChannel, wanted: WatchWanted) {
    this.#channel = channel;
    this.wanted = wanted;
  }

  get view(): PresenceView<unknown> | undefined {
    return this.#view;
  }

  /** There is something else to know. */
  changed(): void {
    this.#isTold = false;
    const { handler } = this.wanted;
    if (handler === undefined && this.#reading.length === 0) return; // who reads gets the latest
    const view = this.#next();
    if (view === undefined) return;
    if (handler === undefined) return this.#reading.shift()!.resolve({ done: false, value: view });
    try {
      const given: unknown = handler(view);
      if (isPromise(given)) Promise.resolve(given).catch((error) => this.#channel.report(error));
    } catch (error) {
      this.#channel.report(error);
    }
  }

  /** It is refused for now. */
  refused(error: CallError): void {
    if (this.wanted.handler === undefined || this.#isTold) return;
    this.#isTold = true;
    this.#tell(error);
  }

  /** It is over. */
  fail(error: CallError): void {
    if (this.#isClosed) return;
    this.#error = error;
    this.#isFailed = true;
    this.close();
    if (this.wanted.handler !== undefined) this.#tell(error);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#channel.part(this);
    this.onClose();
    const reading = this.#reading;
    this.#reading = [];
    for (const one of reading) {
      if (this.#isFailed) one.reject(this.#error);
      else one.resolve(DONE);
      this.#isFailed = false;
    }
  }

  next(): Promise<IteratorResult<PresenceView<unknown>, undefined>> {
    if (this.#isClosed) {
      if (!this.#isFailed) return Promise.resolve(DONE);
      this.#isFailed = false;
      return Promise.reject(this.#error);
    }
    const view = this.#reading.length === 0 ? this.#next() : undefined;
    if (view !== undefined) return Promise.resolve({ done: false, value: view });
    const reading = Promise.withResolvers<IteratorResult<PresenceView<unknown>, undefined>>();
    this.#reading.push(reading);
    return reading.promise;
  }

  return(): Promise<IteratorResult<PresenceView<unknown>, undefined>> {
    this.close();
    return Promise.resolve(DONE);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #next(): PresenceView<unknown> | undefined {
    const { known } = this.#channel;
    const before = this.#given;
    if (known === undefined || known === before || this.#isClosed) return undefined;
    this.#given = known;
    if (this.wanted.countOnly) {
      if (before?.count === known.count) return undefined;
      return this.#view = viewOf({ count: known.count, isSample: false, members: NOBODY }, NOBODY);
    }
    return this.#view = viewOf(known, before?.members ?? NOBODY);
  }

  #tell(error: CallError): void {
    try {
      if (this.wanted.onError !== undefined) this.wanted.onError(error);
      else if (error.code !== "CLOSED") this.#channel.report(error);
    } catch (failure) {
      this.#channel.report(failure);
    }
  }
}

function viewOf(known: Known, before: ReadonlyMap<string, KnownMember>): PresenceView<unknown> {
  const shown = new Map<string, Member<unknown>>();
  const [entered, updated, left]: Member<unknown>[][] = [[], [], []];
  for (const [id, one] of known.members) {
    const member = plain(one);
    shown.set(id, member);
    const earlier = before.get(id);
    if (earlier === undefined) entered!.push(member);
    else if (earlier !== one && !tells(earlier, one.user, one.bytes)) updated!.push(member); // it may have left and come back
  }
  for (const [id, one] of before) if (!known.members.has(id)) left!.push(plain(one));
  const members = [...shown.values()];
  return {
    count: known.count,
    isSample: known.isSample,
    members,
    users: byUser(members),
    entered: entered!,
    updated: updated!,
    left: left!,
  };
}

function plain({ id, user, data }: KnownMember): Member<unknown> {
  return { id, user, data };
}

function byUser(members: readonly Member<unknown>[]): PresentUser<unknown>[] {
  const users: { user: string | undefined; members: Member<unknown>[] }[] = [];
  const known = new Map<string, Member<unknown>[]>();
  for (const member of members) {
    const { user } = member;
    const found = user === undefined ? undefined : known.get(user);
    if (found !== undefined) {
      found.push(member);
      continue;
    }
    const one = { user, members: [member] };
    users.push(one);
    if (user !== undefined) known.set(user, one.members);
  }
  return users;
}
