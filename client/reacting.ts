/**
 * Reactions of a client: one of each channel at a time is on its way, so that one that is sent again passes none.
 *
 * @module
 */
import type { Published } from "../rpc/channel_types.ts";
import type { Clock } from "../rpc/clock.ts";
import { CallError } from "../rpc/errors.ts";
import type { MessageTarget } from "../rpc/interactions.ts";
import { askedChange } from "../rpc/message_target.ts";
import { asAmbiguous, readPublished } from "./publishing.ts";

/** What is said. */
export type Said = readonly [target: MessageTarget, kind: string, value?: string];

/** Reactions of one channel that may wait. */
const MOST = 256;
/** How often one is sent again because the server asks for that. */
const MOST_TIMES = 12;
/** Milliseconds until then, at most: a random part of a time that doubles. */
const FIRST_WAIT = 100;
const LAST_WAIT = 5_000;

/** What it needs of the client. */
export interface ReactingParts {
  /** Time and chance. */
  readonly clock: Pick<Clock, "setTimeout" | "clearTimeout" | "random">;
  /** Calls a procedure of the library. */
  readonly call: (name: string, input: unknown) => PromiseLike<unknown>;
}

/** The reactions of a client. */
export class Reacting {
  readonly #parts: ReactingParts;
  /** The last one that waits, of each channel that has any, and how many there are. */
  readonly #rows = new Map<string, { count: number; last: Promise<unknown> }>();
  /** Those that wait to be sent again. */
  readonly #pauses = new Map<unknown, () => void>();
  #n = 0;
  #ended: CallError | undefined;

  /** None waits. */
  constructor(parts: ReactingParts) {
    this.#parts = parts;
  }

  /** Reacts when those before it are done. Rejects with a `TypeError` for a target that is none. */
  async react(channel: string, [target, kind, value]: Said, undo?: boolean): Promise<Published> {
    const { target: offset, epoch } = askedChange("react", target);
    const row = this.#rows.get(channel) ?? { count: 0, last: Promise.resolve() };
    if (row.count >= MOST) {
      throw new CallError("RESOURCE_EXHAUSTED", "Too many reactions wait for their answer");
    }
    const input = { channel, n: ++this.#n, target: offset, epoch, kind, value, undo };
    const before = row.last;
    row.count++;
    this.#rows.set(channel, row);
    const done = before.then(() => this.#send(input));
    row.last = done.catch(() => {});
    try {
      return await done;
    } finally {
      if (--row.count === 0) this.#rows.delete(channel);
    }
  }

  /** There will be no connection any more. */
  end(error: CallError): void {
    this.#ended = error;
    for (const [timer, goOn] of this.#pauses) {
      this.#parts.clock.clearTimeout(timer);
      goOn();
    }
    this.#pauses.clear();
  }

  async #send(input: object): Promise<Published> {
    let mayHaveRun = false;
    const told = (error: CallError) => mayHaveRun ? asAmbiguous(error) : error;
    for (let times = 0;;) {
      if (this.#ended !== undefined) throw told(this.#ended);
      try {
        const published = readPublished(await this.#parts.call("@react", input));
        if (published === undefined) {
          throw new CallError("BAD_MESSAGE", "The answer to a reaction makes no sense");
        }
        return published;
      } catch (error) {
        if (!(error instanceof CallError)) throw error;
        mayHaveRun ||= error.ambiguous;
        const isLost = error.code === "DISCONNECTED";
        if (isLost && error.ambiguous) continue; // it waits for the next connection
        if (!(isLost || error.retryable) || ++times > MOST_TIMES) throw told(error);
        await this.#pause(times);
      }
    }
  }

  #pause(times: number): Promise<void> {
    const { clock } = this.#parts;
    const bound = Math.min(LAST_WAIT, FIRST_WAIT * 2 ** times);
    return new Promise((resolve) => {
      const timer = clock.setTimeout(() => {
        this.#pauses.delete(timer);
        resolve();
      }, clock.random() * bound);
      this.#pauses.set(timer, resolve);
    });
  }
}
