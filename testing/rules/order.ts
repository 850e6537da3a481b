/**
 * Real-time order and producer order.
 *
 * @module
 */
import type { Position } from "../../rpc/broker.ts";
import { getOr } from "./get_or.ts";
import type { Line, RuleCheck, Surroundings } from "./rule.ts";
import type { Publication } from "./truth.ts";

/** Where a publication is, as somebody told it. */
interface Place {
  readonly publication: Publication;
  readonly position: Position;
  readonly line: number;
}

/** What had been acknowledged when something was published. */
interface Floor {
  readonly epoch: string;
  readonly offset: number;
}

type RealTimeOrderLine = "publish" | "published" | "append" | "message" | "rollback";

/** What is published after an acknowledgement comes after it. */
export class RealTimeOrder implements RuleCheck<RealTimeOrderLine> {
  /** As of a `RuleCheck`. */
  readonly reads: readonly RealTimeOrderLine[] = ["publish", "published", "append", "message", "rollback"];
  readonly #surroundings: Surroundings;
  /** Acknowledged offsets of a channel's present stream. */
  readonly #acknowledged = new Map<string, { epoch: string; offsets: number[] }>();
  readonly #floors = new Map<Publication, Floor>();
  readonly #places: Place[] = [];

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  /** As of a `RuleCheck`. */
  see(event: Line<RealTimeOrderLine>, line: number): void {
    const { truth } = this.#surroundings;
    switch (event.is) {
      case "publish": {
        const acknowledged = this.#acknowledged.get(event.channel);
        const publication = truth.publications.get(event.value);
        if (acknowledged === undefined || publication === undefined) return;
        const offset = acknowledged.offsets.reduce((most, one) => Math.max(most, one), 0);
        this.#floors.set(publication, { epoch: acknowledged.epoch, offset });
        return;
      }
      case "published": {
        this.#acknowledge(event.channel, event.position);
        return this.#place(truth.published(event)?.value, event.position, line);
      }
      case "append":
      case "message":
        return this.#place(event.value, event.position, line);
      case "rollback": {
        const acknowledged = this.#acknowledged.get(event.channel);
        if (acknowledged?.epoch !== event.epoch) return;
        acknowledged.offsets = acknowledged.offsets.filter((offset) => offset <= event.top);
        return;
      }
    }
  }

  /** As of a `RuleCheck`. */
  end(): void {
    for (const { publication, position, line } of this.#places) {
      const floor = this.#floors.get(publication);
      if (floor?.epoch !== position.epoch) continue;
      const { losses } = this.#surroundings.truth.channel(publication.channel);
      const since = losses.filter((loss) => loss.is === "rollback" && loss.line > publication.line);
      const least = since.reduce((least, { top }) => Math.min(least, top), floor.offset);
      if (position.offset > least) continue;
      const what = `${publication.value} came to offset ${position.offset} of ${publication.channel}`;
      this.#surroundings.found(
        "real-time order",
        `${what}, although offset ${least} had been acknowledged before it was published`,
        line,
      );
    }
  }

  /** Only what is part of the stream: an acknowledgement may come late, of what has been lost. */
  #acknowledge(name: string, position: Position): void {
    const channel = this.#surroundings.truth.channel(name);
    if (channel.isTold && !channel.has(position)) return;
    const { epoch, offset } = position;
    const acknowledged = getOr(this.#acknowledged, name, () => ({ epoch, offsets: [] }));
    if (acknowledged.epoch !== epoch) Object.assign(acknowledged, { epoch, offsets: [] });
    // The largest is what counts; a rollback may take it away, so that the largest below are needed too.
    if (acknowledged.offsets.length > 200) acknowledged.offsets.splice(0, 100);
    acknowledged.offsets.push(offset);
  }

  #place(value: string | undefined, position: Position, line: number): void {
    const publication = value === undefined ? undefined : this.#surroundings.truth.publications.get(value);
    if (publication !== undefined) this.#places.push({ publication, position, line });
  }
}

type ProducerOrderLine = "append" | "message" | "reset" | "rollback" | "stream lost";

/** The publications of one producer come in its order: in the broker, and to each subscription. */
export class ProducerOrder implements RuleCheck<ProducerOrderLine> {
  /** As of a `RuleCheck`. */
  readonly reads: readonly ProducerOrderLine[] = ["append", "message", "reset", "rollback", "stream lost"];
  readonly #surroundings: Surroundings;
  /** The entries of each producer that the broker still has, and those that each subscription has got. */
  readonly #last = new Map<string, { offset: number; number: number; value: string }[]>();

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  /** As of a `RuleCheck`. */
  see(event: Line<ProducerOrderLine>, line: number): void {
    switch (event.is) {
      case "append":
        return this.#next(`broker ${event.channel}`, event, line);
      case "message":
        return this.#next(`sub ${event.sub}`, event, line);
      case "reset":
        return this.#forget(`sub ${event.sub}`, 0);
      case "rollback":
        return this.#forget(`broker ${event.channel}`, event.top);
      case "stream lost":
        return this.#forget(`broker ${event.channel}`, 0);
    }
  }

  #next(
    where: string,
    { value, position }: { readonly value: string; readonly position: Position },
    line: number,
  ): void {
    const publication = this.#surroundings.truth.publications.get(value);
    if (publication === undefined) return;
    const { producer, number } = publication;
    const before = getOr(this.#last, `${where} ${producer}`, () => []);
    const last = before.at(-1);
    if (last !== undefined && last.number >= number && last.value !== value) {
      const what = `${value} (${producer} ${number}) comes after ${last.value} (${last.number})`;
      this.#surroundings.found("producer order", `${what}, ${where}`, line);
    }
    before.push({ offset: position.offset, number, value });
  }

  /** Forgets what is above an offset. */
  #forget(where: string, top: number): void {
    for (const [key, entries] of this.#last) {
      if (!key.startsWith(`${where} `)) continue;
      while (entries.length > 0 && entries.at(-1)!.offset > top) entries.pop();
    }
  }
}
