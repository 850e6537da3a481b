/**
 * The members of one channel on the wire: one WATCH for all who want to know, again on each connection, from where it was.
 *
 * @module
 */
import type { Clock } from "../rpc/clock.ts";
import { CallError } from "../rpc/errors.ts";
import { Flag } from "../rpc/kinds.ts";
import type { WatchOptions } from "../rpc/presence_messages.ts";
import type { LocalWatch, WatchedChannel } from "./local_watch.ts";
import { type Known, PresenceState } from "./presence_state.ts";

/** The messages that it sends on the present connection. */
export interface PresenceConnection {
  /** WATCH. Gives its number: what quotes another is not for this channel any more. */
  askPresence(wire: WirePresence, options: WatchOptions | undefined): number;
  /** UNWATCH. */
  giveUpPresence(watch: number): void;
  /** Lets what is told of an alias come here. */
  bindPresence(alias: number, wire: WirePresence): void;
  /** Lets it come here no more. */
  unbindPresence(alias: number, wire: WirePresence): void;
}

/** What it needs of the client. */
export interface WirePresenceParts {
  /** Time and chance. */
  readonly clock: Clock;
  /** Decodes what members tell. */
  readonly decode: (data: Uint8Array) => unknown;
  /** Told of what handlers threw. */
  readonly report: (error: unknown) => void;
  /** Nobody watches any more. */
  readonly idle: () => void;
}

/** Waits before it is asked for again, in milliseconds, double from the first to the last, of which a random half is waited. */
const FIRST_WAIT = 250;
const LAST_WAIT = 20_000;

/** One channel. */
export class WirePresence implements WatchedChannel {
  /** Its name. */
  readonly name: string;
  readonly #parts: WirePresenceParts;
  readonly #state: PresenceState;
  readonly #watches = new Set<LocalWatch>();
  #connection: PresenceConnection | undefined;
  /** The number of the present WATCH, and whether it is for numbers alone. */
  #asked: { readonly watch: number; readonly isCounting: boolean } | undefined;
  #alias = 0;
  #failures = 0;
  #retry: unknown;

  /** Nobody watches. */
  constructor(name: string, parts: WirePresenceParts) {
    this.name = name;
    this.#parts = parts;
    this.#state = new PresenceState(parts.decode);
  }

  get known(): Known | undefined {
    return this.#state.known;
  }

  /** Somebody watches. */
  join(watch: LocalWatch): void {
    this.#watches.add(watch);
    const isEnough = this.#asked !== undefined && (!this.#asked.isCounting || watch.wanted.countOnly);
    if (!isEnough) return this.#askAnew();
    if (this.known !== undefined) queueMicrotask(() => watch.changed());
  }

  part(watch: LocalWatch): void {
    this.#watches.delete(watch);
    if (this.#watches.size > 0) return;
    this.#giveUp();
    this.#stopWaiting();
    this.#parts.idle();
  }

  report(error: unknown): void {
    this.#parts.report(error);
  }

  /** There is a connection. */
  connected(connection: PresenceConnection): void {
    this.#connection = connection;
    this.#stopWaiting();
    this.#ask();
  }

  /** It is gone. */
  disconnected(): void {
    this.#connection = undefined;
    this.#asked = undefined;
    this.#alias = 0;
    this.#stopWaiting();
  }

  /** There will be none any more, or it is refused for good. */
  end(error: CallError): void {
    for (const watch of [...this.#watches]) watch.fail(error);
  }

  /** WATCHED, for the present number. */
  watched(alias: number, told: Readonly<Record<string, unknown>>): void {
    if (alias === 0) return this.#refused(told);
    if (this.#alias !== alias) {
      this.#unbind();
      this.#alias = alias;
      this.#connection?.bindPresence(alias, this);
    }
    this.told(told);
  }

  /** PRESENCE, for the present alias, and what WATCHED brings. */
  told(told: Readonly<Record<string, unknown>>): void {
    let applied;
    try {
      applied = this.#state.apply(told);
    } catch (error) {
      this.#parts.report(error);
      applied = "hole";
    }
    if (applied === "hole") return this.#startOver();
    if (applied === "part") return;
    this.#failures = 0;
    for (const watch of [...this.#watches]) watch.changed(); // also where that was known: one of them may be new
  }

  #askAnew(): void {
    this.#giveUp();
    this.#ask();
  }

  /** What was told joins nothing, or cannot be read. Where that is so again before anything else has come it is waited: it may be so for ever. */
  #startOver(): void {
    this.#giveUp();
    if (this.#failures > 0) return this.#askLater();
    this.#failures++;
    this.#ask();
  }

  #ask(): void {
    if (this.#connection === undefined || this.#watches.size === 0 || this.#retry !== undefined) return;
    this.#state.restart();
    const isCounting = [...this.#watches].every(({ wanted }) => wanted.countOnly);
    const position = isCounting ? undefined : this.#state.place;
    const options = isCounting ? { count: true as const } : position && { position };
    this.#asked = { watch: this.#connection.askPresence(this, options), isCounting };
  }

  #giveUp(): void {
    if (this.#asked !== undefined) this.#connection?.giveUpPresence(this.#asked.watch);
    this.#asked = undefined;
    this.#unbind();
  }

  #unbind(): void {
    if (this.#alias !== 0) this.#connection?.unbindPresence(this.#alias, this);
    this.#alias = 0;
  }

  #refused({ code, flags, message }: Readonly<Record<string, unknown>>): void {
    const retryable = typeof flags === "number" && (flags & Flag.RETRYABLE) !== 0;
    const error = new CallError(`${code}`, typeof message === "string" ? message : undefined, {
      retryable,
      ambiguous: false,
    });
    this.#asked = undefined;
    this.#unbind();
    if (!retryable) return this.end(error);
    for (const watch of [...this.#watches]) watch.refused(error);
    this.#askLater();
  }

  #askLater(): void {
    const { clock } = this.#parts;
    const most = Math.min(LAST_WAIT, FIRST_WAIT * 2 ** Math.min(this.#failures++, 16));
    this.#retry = clock.setTimeout(() => {
      this.#retry = undefined;
      this.#ask();
    }, most / 2 + clock.random() * most / 2);
  }

  #stopWaiting(): void {
    this.#parts.clock.clearTimeout(this.#retry);
    this.#retry = undefined;
  }
}
