// One subscription as the checks see it: every offset once, in order, and the same everywhere.
import type { ChannelEvent, Subscription } from "../../client/mod.ts";
import type { Findings } from "./kit.ts";

/** What is published in these runs. */
export interface Message {
  readonly by: string;
  readonly n: number;
}

/** What all subscribers of a channel saw at each offset. */
export class Seen {
  readonly name: string;
  readonly #at: (string | undefined)[] = [];
  readonly #offsets = new Map<string, number>();
  readonly #lastOf = new Map<string, number>();

  constructor(name: string) {
    this.name = name;
  }

  /** Agreement, and each message at one place. */
  saw(offset: number, { by, n }: Message, findings: Findings): void {
    const value = `${by}.${n}`;
    const known = this.#at[offset];
    if (known === value) return;
    if (known !== undefined) return findings.wrong(`${this.name} ${offset} is both ${known} and ${value}`);
    this.#at[offset] = value;
    const other = this.#offsets.get(value);
    if (other !== undefined) findings.wrong(`${this.name}: ${value} landed at ${other} and at ${offset}`);
    this.#offsets.set(value, offset);
  }

  /** Where a message is. */
  offsetOf(by: string, n: number): number | undefined {
    return this.#offsets.get(`${by}.${n}`);
  }

  /** Messages of each producer are in its order. */
  checkOrder(findings: Findings): void {
    for (const value of this.#at) {
      if (value === undefined) continue;
      const [by, n] = [
        value.slice(0, value.lastIndexOf(".")),
        Number(value.slice(value.lastIndexOf(".") + 1)),
      ];
      if (n <= (this.#lastOf.get(by) ?? -1)) {
        findings.wrong(`${this.name}: ${value} is out of its producer's order`);
      }
      this.#lastOf.set(by, n);
    }
  }
}

/** Follows one subscription. */
export class Follower {
  readonly name: string;
  readonly resets: { readonly offset: number; readonly reason: string }[] = [];
  /** Of the last message or reset. */
  offset: number;
  #epoch: string | undefined;
  readonly #seen: Seen;
  readonly #findings: Findings;

  /** Begins behind `offset`. */
  constructor(name: string, seen: Seen, { offset, findings }: { offset: number; findings: Findings }) {
    this.name = name;
    this.offset = offset;
    this.#seen = seen;
    this.#findings = findings;
  }

  /** Takes an event. */
  take(event: ChannelEvent<Message>): void {
    const { type, position: { epoch, offset } } = event;
    const findings = this.#findings;
    if (type === "reset") {
      findings.add("reset");
      this.resets.push({ offset, reason: event.reason });
      this.#epoch = epoch;
      this.offset = offset;
      return;
    }
    if (type === "gap") return findings.wrong(`${this.name}: a gap, ${event.reason}`);
    this.#epoch ??= epoch;
    if (epoch !== this.#epoch) findings.wrong(`${this.name}: another epoch without a reset`);
    findings.add("delivered");
    this.#seen.saw(offset, event.data, findings);
    if (offset > this.offset + 1) {
      findings.add("lost", offset - this.offset - 1);
      findings.wrong(`${this.name}: ${offset} after ${this.offset}: lost`);
    } else if (offset === this.offset) {
      findings.add("duplicated");
      findings.wrong(`${this.name}: ${offset} twice`);
    } else if (offset < this.offset) {
      findings.add("reordered");
      findings.wrong(`${this.name}: ${offset} after ${this.offset}`);
    }
    this.offset = Math.max(offset, this.offset);
  }

  /** Takes all events of a subscription that is read as an iterator, until it is closed. */
  async read(subscription: Subscription<Message>): Promise<void> {
    try {
      for await (const event of subscription) this.take(event);
    } catch (error) {
      this.#findings.wrong(`${this.name}: ended by ${error}`);
    }
  }
}

/** The counts that a table always shows. */
export function startCounts(findings: Findings): void {
  for (const name of ["delivered", "lost", "duplicated", "reordered", "reset"]) findings.counts[name] = 0;
}
