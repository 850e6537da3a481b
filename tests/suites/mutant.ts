/**
 * A clean history under the knife, for tests that make one thing in it wrong.
 */
import type { Rule } from "../../testing/anomaly.ts";
import type { LogEvent } from "../../testing/log.ts";
import { CleanHistory } from "./clean_history.ts";

/** A bug, and the rule that finds it. */
export type SeededBug = readonly [rule: Rule, bug: string, make: (mutant: Mutant) => void];

type Is = LogEvent["is"];
/** A line of a kind. */
export type Line<K extends Is> = Extract<LogEvent, { is: K }>;

/** A log under the knife: the index of a line of a kind, the last one that fits by default. */
export class Mutant {
  readonly log: LogEvent[];

  constructor(seed: number) {
    this.log = structuredClone(new CleanHistory(seed).log);
  }

  find<K extends Is>(is: K, fits: (event: Line<K>, at: number) => boolean = () => true): number {
    const at = this.log.findLastIndex((event, index) => event.is === is && fits(event as Line<K>, index));
    if (at < 0) throw new Error(`the history has no such ${is}`);
    return at;
  }

  get<K extends Is>(_is: K, at: number): Line<K> {
    return this.log[at] as Line<K>;
  }

  change<K extends Is>(_is: K, at: number, change: Partial<Line<K>>): void {
    Object.assign(this.log[at]!, change);
  }

  /** The last message of a subscription after which there is another one without anything between. */
  followed(fits: (event: Line<"message">) => boolean = () => true): number {
    return this.find(
      "message",
      (event, at) =>
        fits(event) &&
        this.log.slice(at + 1).some((next) =>
          next.is === "message" && next.sub === event.sub && next.position.epoch === event.position.epoch &&
          next.position.offset === event.position.offset + 1
        ),
    );
  }

  /** The next message of the same subscription. */
  next(at: number): number {
    const { sub } = this.get("message", at);
    return this.log.findIndex((event, index) => index > at && event.is === "message" && event.sub === sub);
  }

  insert(at: number, event: LogEvent): void {
    this.log.splice(at, 0, event);
  }

  remove(at: number): void {
    this.log.splice(at, 1);
  }

  /** The same event again, right behind. */
  repeat(at: number, change: object = {}): void {
    this.insert(at + 1, { ...structuredClone(this.log[at]!), ...change });
  }
}
