/**
 * Writes the log of a simulation.
 *
 * @module
 */
import type { VirtualClock } from "./clock.ts";
import type { Happening, LogEvent } from "./log.ts";

/** Writes what happens, with the time at which it does. */
export class Recorder {
  /** What has happened. */
  readonly log: LogEvent[] = [];
  readonly #clock: VirtualClock;

  /** An empty log. */
  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  /** Writes a line. The event belongs to the log from now on: a copy of each would be a hundredth of a run. */
  add(event: Happening): void {
    const line = event as LogEvent & { at: number };
    line.at = this.#clock.now();
    this.log.push(line);
  }

  /** Writes down something that goes wrong. */
  fault(what: string, by?: "cut" | "broker"): void {
    this.add({ is: "fault", what, by });
  }
}
