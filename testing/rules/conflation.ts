/**
 * Conflation at the publisher: what was replaced never landed, and whoever published it was told of a newer one.
 *
 * @module
 */
import type { Position } from "../../rpc/broker.ts";
import { show } from "./publications.ts";
import type { Line, RuleCheck, Surroundings } from "./rule.ts";
import { positionKey } from "./truth.ts";

type ConflationLine = "append" | "message" | "published" | "publish replaced";

/** What was replaced before it was sent. */
export class Conflation implements RuleCheck<ConflationLine> {
  /** As of a `RuleCheck`. */
  readonly reads: readonly ConflationLine[] = ["append", "message", "published", "publish replaced"];
  readonly #surroundings: Surroundings;
  readonly #landed = new Set<string>();
  /** What was appended at a position. */
  readonly #values = new Map<string, string>();
  readonly #replaced: { event: Line<"publish replaced">; line: number }[] = [];

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  /** As of a `RuleCheck`. */
  see(event: Line<ConflationLine>, line: number): void {
    const { truth } = this.#surroundings;
    switch (event.is) {
      case "append":
        this.#values.set(placeKey(event), event.value);
        return this.#lands(event.value, line);
      case "message":
        return this.#lands(event.value, line);
      case "published": {
        const value = truth.published(event)?.value;
        return value === undefined ? undefined : void this.#values.set(placeKey(event), value);
      }
      case "publish replaced": {
        const value = truth.published(event)?.value;
        if (value !== undefined && this.#landed.has(value)) this.#found(`${value} has landed`, line);
        this.#replaced.push({ event, line });
      }
    }
  }

  /** As of a `RuleCheck`. */
  end(): void {
    for (const { event, line } of this.#replaced) this.#isNewer(event, line);
  }

  #lands(value: string, line: number): void {
    this.#landed.add(value);
    if (this.#surroundings.truth.publications.get(value)?.outcome === "publish replaced") {
      this.#found(`${value} lands`, line);
    }
  }

  /** What it was told is of the same producer, and was published later. */
  #isNewer(event: Line<"publish replaced">, line: number): void {
    const { truth } = this.#surroundings;
    const { channel, producer, number, position } = event;
    const value = this.#values.get(placeKey(event));
    const what = `${producer} ${number} was told ${channel} ${show(position)}`;
    if (value === undefined) {
      if (truth.channel(channel).isTold) this.#found(`${what}, where nothing is`, line);
      return;
    }
    const newer = truth.publications.get(value);
    if (newer?.producer === producer && newer.number > number) return;
    this.#found(`${what}, where ${value} is, which has not replaced it`, line);
  }

  #found(what: string, line: number): void {
    this.#surroundings.found("conflation", `replaced: ${what}`, line);
  }
}

function placeKey({ channel, position }: { readonly channel: string; readonly position: Position }): string {
  return `${channel} ${positionKey(position)}`;
}
