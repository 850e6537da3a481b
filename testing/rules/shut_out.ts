/**
 * Who is shut out of which channels, and how long the server could have known.
 *
 * @module
 */
import { getOr } from "./get_or.ts";
import type { Line } from "./rule.ts";

/** The lines that tell. */
export type ShutOutLine = "revoke" | "grant" | "fault";

/** Who is shut out, and since when by the time in which the server ran: one that stands still learns of nothing, and first does what was due before. */
export class ShutOut {
  /** The lines to show it. */
  static readonly reads: readonly ShutOutLine[] = ["revoke", "grant", "fault"];
  readonly #since = new Map<string, number>();
  /** Whoever was shut out at any time, whichever of their lives it was. */
  readonly #ever = new Set<string>();
  /** How long it stood still, without the latest time. */
  #stood = 0;
  #stoodFrom = 0;
  #stoodUntil = 0;

  /** The next line. */
  see(event: Line<ShutOutLine>): void {
    if (event.is === "fault") {
      if (event.still !== undefined) this.#standsStill(event.at, event.still);
      return;
    }
    const { client, channel, at } = event;
    const key = keyOf(client, channel);
    if (event.is === "grant") return void this.#since.delete(key);
    getOr(this.#since, key, () => this.#ran(at));
    this.#ever.add(keyOf(lifeless(client), channel));
  }

  /** For how many milliseconds in which the server ran a client is shut out; less than 0 where it is not. */
  since(client: string, channel: string, at: number): number {
    return this.#ran(at) - (this.#since.get(keyOf(client, channel)) ?? Infinity);
  }

  /** Whether a client was ever shut out, in any of its lives. */
  was(client: string, channel: string): boolean {
    return this.#ever.has(keyOf(lifeless(client), channel));
  }

  #standsStill(at: number, ms: number): void {
    this.#stood += Math.min(at, this.#stoodUntil) - this.#stoodFrom;
    this.#stoodFrom = at;
    this.#stoodUntil = at + ms;
  }

  /** The time in which it ran, up to now. */
  #ran(at: number): number {
    return at - this.#stood - (Math.min(at, this.#stoodUntil) - this.#stoodFrom);
  }
}

function keyOf(client: string, channel: string): string {
  return `${client} ${channel}`;
}

/** Whichever life of a client it is. */
function lifeless(client: string): string {
  return client.split(".")[0]!;
}
