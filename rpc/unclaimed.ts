/**
 * A stream whose units came before the message that names it was read: that one travels in fragments, or its call waits
 * for its turn undecoded.
 *
 * @module
 */
import type { CallError } from "./errors.ts";
import { keep } from "./keep.ts";
import { Receiver, type Unit } from "./receiver.ts";

/** Holds units, up to the window, until somebody claims the stream. Nothing of it counts as read. */
export class Unclaimed extends Receiver {
  readonly #arrived: ((receiver: Receiver) => void)[] = [];

  override unit(n: number, unit: Unit): void {
    this.count(n, unit.end - unit.start);
    this.#hold(unit, (receiver, kept) => receiver.unit(n, kept));
  }

  override part(n: number, remaining: number, unit: Unit): void {
    this.count(n, unit.end - unit.start);
    this.#hold(unit, (receiver, kept) => receiver.part(n, remaining, kept));
  }

  override breakOff(): void {
    this.stop();
  }

  /** Gives the claimer everything that came. */
  replay(receiver: Receiver): void {
    for (const arrive of this.#arrived.splice(0)) arrive(receiver);
  }

  protected override onEnd(error: CallError | undefined): void {
    const n = this.arrived;
    this.#arrived.push((receiver) => receiver.finish(n, error));
  }

  protected override discard(): void {
    this.#arrived.length = 0;
  }

  #hold(unit: Unit, give: (receiver: Receiver, kept: Unit) => void): void {
    if (this.stopped) return;
    const bytes = keep(unit);
    const kept = { bytes, start: 0, end: bytes.length, piece: unit.piece ?? false };
    this.#arrived.push((receiver) => give(receiver, kept));
  }
}
