/**
 * The presence of one channel as the program holds it, whether the code of channels is there already or not.
 *
 * @module
 */
import type { MembersPage, MembersQuery } from "../rpc/member_types.ts";
import { encodeMessage } from "../rpc/message_data.ts";
import type { LateChannels } from "./late_channels.ts";
import type {
  ClientPresence,
  PresenceHandler,
  PresenceView,
  PresenceWatch,
  WatchPresenceOptions,
} from "./presence_types.ts";
import { readWatch, type WatchArguments } from "./watch_arguments.ts";

/** Passes everything on. */
export class LatePresence implements ClientPresence<unknown, unknown> {
  readonly #name: string;
  readonly #late: LateChannels;

  /** Does nothing yet. */
  constructor(name: string, late: LateChannels) {
    this.#name = name;
    this.#late = late;
  }

  async enter(data?: unknown): Promise<string> {
    const bytes = encodeMessage(data); // at once, since the program may change it
    return await this.#late.use(({ presences }) => presences.enter(this.#name, bytes));
  }

  async update(data: unknown): Promise<string> {
    const bytes = encodeMessage(data);
    return await this.#late.use(({ presences }) => presences.update(this.#name, bytes));
  }

  leave(): Promise<void> {
    return this.#late.use(({ presences }) => presences.leave(this.#name));
  }

  get(query: MembersQuery = {}): Promise<MembersPage<unknown>> {
    return this.#late.use(({ presences }) => presences.get(this.#name, query));
  }

  watch(
    given: WatchPresenceOptions | PresenceHandler<unknown> = {},
    handler?: PresenceHandler<unknown>,
  ): PresenceWatch<unknown> {
    return new LateWatch(this.#name, this.#late, readWatch(given, handler));
  }
}

type Result = IteratorResult<PresenceView<unknown>, undefined>;

/** A watch, and what it becomes when the code is there. */
class LateWatch implements PresenceWatch<unknown> {
  readonly #made: Promise<PresenceWatch<unknown>>;
  #watch: PresenceWatch<unknown> | undefined;
  #isClosed = false;

  constructor(name: string, late: LateChannels, wanted: WatchArguments) {
    this.#made = late.use(({ presences }) => {
      this.#watch = presences.watch(name, wanted);
      if (this.#isClosed) this.#watch.close();
      return Promise.resolve(this.#watch as PresenceWatch<unknown>);
    });
    this.#made.catch((error) => {
      if (wanted.handler === undefined) return; // who reads is told
      if (wanted.onError !== undefined) wanted.onError(error);
      else late.report(error);
    });
  }

  get view(): PresenceView<unknown> | undefined {
    return this.#watch?.view;
  }

  close(): void {
    this.#isClosed = true;
    this.#watch?.close();
  }

  async next(): Promise<Result> {
    return await (this.#watch ?? await this.#made).next();
  }

  return(): Promise<Result> {
    this.close();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
