/**
 * Publications of which only the newest matters: while one is on its way, those behind it that have not left are replaced by the newest of them.
 *
 * @module
 */
import type { Published } from "../rpc/channel_types.ts";
import { CallError } from "../rpc/errors.ts";
import type { SendingOptions } from "./changes.ts";
import { refusal } from "./outbox.ts";
import { type Carried, Publishing, type PublishingParts } from "./publishing.ts";

/** Who waits for a publication, or for the one that replaced it. */
interface Waiter {
  readonly resolve: (published: Published) => void;
  readonly reject: (error: unknown) => void;
  /** Forgets timer, signal, and that it was replaced. */
  release: () => void;
  /** Rejects it, whatever becomes of the newer one, since too many wait. */
  readonly tooMany: () => void;
}

/** A publication, and all whose place it has taken. */
interface Newest {
  readonly conflate: string;
  data: Uint8Array;
  readonly own: Waiter;
  /** In the order in which they were published. */
  readonly waiters: Set<Waiter>;
  /** Where it is handed on; `undefined` as long as it is held here. */
  carried: Carried | undefined;
}

/** What has the same name. */
interface Lane {
  /** The only one that may not have left. */
  newest: Newest | undefined;
  /** Those that were handed on and have no answer. */
  readonly passed: Set<Newest>;
}

/** The publications of one channel, some of which are conflated. */
export class ConflatedPublishing extends Publishing {
  readonly #parts: PublishingParts;
  readonly #lanes = new Map<string, Lane>();

  /** As of a `Publishing`. */
  constructor(channel: string, parts: PublishingParts, last = 0) {
    super(channel, parts, last);
    this.#parts = parts;
  }

  override get isIdle(): boolean {
    return super.isIdle && this.#lanes.size === 0;
  }

  override publish(data: Uint8Array, options: SendingOptions): Promise<Published> {
    const { conflate } = options;
    const lane = this.#lanes.get(conflate!) ?? { newest: undefined, passed: new Set() };
    const old = lane.newest?.carried?.isSent === true ? undefined : lane.newest;
    const refused = refusal(this.#parts.size, data.length, options, old?.data.length);
    if (refused !== undefined) return Promise.reject(refused);
    if (conflate === undefined) {
      this.#passAll(); // it comes behind them
      return super.publish(data, options);
    }
    return new Promise((resolve, reject) => {
      const own: Waiter = {
        resolve,
        reject,
        release: () => {},
        tooMany: () => this.#forget(own, newest, "RESOURCE_EXHAUSTED", TOO_MANY),
      };
      const newest: Newest = { conflate, data, own, waiters: old?.waiters ?? new Set(), carried: undefined };
      this.#watch(newest, options); // before anything is kept: the signal may be none
      if (old !== undefined) this.#replace(old, lane);
      newest.waiters.add(own);
      this.#lanes.set(conflate, lane);
      lane.newest = newest;
      if (lane.passed.size === 0) this.#pass(newest, lane);
      else this.#hold(newest, 1);
    });
  }

  override end(error: CallError): void {
    for (const [conflate, lane] of this.#lanes) {
      const { newest } = lane;
      if (newest === undefined || newest.carried !== undefined) continue;
      this.#hold(newest, -1);
      lane.newest = undefined;
      if (lane.passed.size === 0) this.#lanes.delete(conflate);
      rejectAll(newest, new CallError(error.code, error.message, { ambiguous: false }));
    }
    super.end(error);
  }

  /** Ends the program's waiting for one, when it says so. */
  #watch(newest: Newest, { signal, timeout }: SendingOptions): void {
    const { clock } = this.#parts;
    const { own } = newest;
    const abort = () => this.#giveUp(newest, "CANCELLED", signal?.reason);
    signal?.addEventListener("abort", abort, { once: true });
    const timer = timeout === undefined || timeout === Infinity
      ? undefined
      : clock.setTimeout(() => this.#giveUp(newest, "DEADLINE"), timeout);
    own.release = () => {
      clock.clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
      this.#parts.size.replaced.delete(own.tooMany);
    };
  }

  /** It gives its place, and those who wait for it, to a newer one. */
  #replace(old: Newest, lane: Lane): void {
    const { replaced, most } = this.#parts.size;
    lane.newest = undefined;
    replaced.add(old.own.tooMany);
    if (replaced.size > most.count) replaced.values().next().value!();
    if (old.carried === undefined) this.#hold(old, -1);
    else {
      lane.passed.delete(old);
      old.carried.giveUp("CANCELLED");
    }
    old.data = NOTHING; // who waits for it keeps it
  }

  /** What is held counts as what waits in a channel. */
  #hold({ data }: Newest, by: 1 | -1): void {
    const { size } = this.#parts;
    size.count += by;
    size.bytes += by * data.length;
  }

  #passAll(): void {
    for (const lane of this.#lanes.values()) this.#passHeld(lane);
  }

  #passHeld(lane: Lane): void {
    const { newest } = lane;
    if (newest === undefined || newest.carried !== undefined) return;
    this.#hold(newest, -1);
    this.#pass(newest, lane);
  }

  #pass(newest: Newest, lane: Lane): void {
    lane.passed.add(newest);
    newest.carried = { isSent: false, giveUp: () => {} };
    super.publish(newest.data, {}, newest.carried).then(
      (published) => {
        if (!this.#settles(newest, lane)) return;
        for (const waiter of newest.waiters) {
          waiter.release();
          waiter.resolve(waiter === newest.own ? published : { ...published, conflated: true });
        }
      },
      (error) => {
        if (this.#settles(newest, lane)) rejectAll(newest, error);
      },
    );
  }

  /** It has its answer, and the next may go. Gives whether it was not replaced. */
  #settles(newest: Newest, lane: Lane): boolean {
    if (!lane.passed.delete(newest)) return false;
    if (lane.newest === newest) lane.newest = undefined;
    if (lane.passed.size === 0) this.#passHeld(lane);
    if (lane.newest === undefined && lane.passed.size === 0) this.#lanes.delete(newest.conflate);
    return true;
  }

  /** The program waits no longer for one. If that was replaced the newer one goes on. */
  #giveUp(newest: Newest, code: string, cause?: unknown): void {
    const { conflate, own, carried } = newest;
    const lane = this.#lanes.get(conflate)!;
    if (lane.newest !== newest && !lane.passed.has(newest)) {
      return this.#forget(own, newest, code, undefined, cause);
    }
    if (carried !== undefined) return carried.giveUp(code, cause);
    this.#hold(newest, -1);
    lane.newest = undefined;
    rejectAll(newest, new CallError(code, undefined, { ambiguous: false, cause }));
  }

  #forget(own: Waiter, { waiters }: Newest, code: string, message?: string, cause?: unknown): void {
    waiters.delete(own);
    own.release();
    own.reject(new CallError(code, message, { ambiguous: false, cause }));
  }
}

const NOTHING = new Uint8Array(0);
const TOO_MANY = "Too many publications were replaced and wait for the answer of a newer one";

function rejectAll({ waiters }: Newest, error: unknown): void {
  for (const { release, reject } of waiters) {
    release();
    reject(error);
  }
}
