/**
 * Calls of every shape between the ends of a pair, whose outcome says by itself whether it is right.
 */
import { CallError } from "../../rpc/errors.ts";
import type { OutgoingCall } from "../../rpc/outgoing_call.ts";
import { anything, procedure } from "./pair.ts";
import { ByteSource } from "./sources.ts";

/** How much one call moves. */
export interface Amount {
  /** Items or chunks. */
  readonly count: number;
  /** Bytes of each. */
  readonly size: number;
}

/** The kinds of calls, which are names of procedures too. */
export const KINDS = [
  "echo",
  "down",
  "up",
  "talk",
  "pour",
  "swallow",
  "through",
  "hang",
  "refuse",
  "ordered",
] as const;

/** One of {@linkcode KINDS}. */
export type Kind = typeof KINDS[number];

interface Item {
  readonly n: number;
  readonly fill: Uint8Array;
}

async function* items({ count, size }: Amount): AsyncGenerator<Item> {
  for (let n = 0; n < count; n++) yield { n, fill: new Uint8Array(size).fill(n) };
}

/** Throws unless it is the item after the last one. */
function check(item: unknown, n: number, size: number): void {
  const { n: is, fill } = item as Item;
  if (is !== n || fill.length !== size || (size > 0 && fill[size - 1] !== (n & 255))) {
    throw new Error(`item ${is} of ${fill.length} bytes instead of ${n} of ${size}`);
  }
}

/** The procedures; what starts in an order of its own is noted in `ordered`. */
export function procedures(ordered: number[]): Record<string, unknown> {
  return {
    echo: procedure({ input: anything }, (input) => input),
    down: procedure.stream({ input: anything }, (input) => items(input as Amount)),
    up: procedure.upload({ input: anything, items: anything }, async (input, items) => {
      let n = 0;
      for await (const item of items) check(item, n++, (input as Amount).size);
      return n;
    }),
    talk: procedure.duplex({ items: anything }, async function* (items) {
      for await (const item of items) yield item;
    }),
    pour: procedure({ input: anything }, (input) => new ByteSource(input as Amount).stream),
    swallow: procedure(
      { input: anything },
      (input) => checkBytes((input as { bytes: ReadableStream }).bytes),
    ),
    through: procedure({ input: anything }, (input) => input),
    hang: procedure((_, { signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
      })
    ),
    refuse: procedure(() => {
      throw new CallError("FORBIDDEN");
    }),
    ordered: procedure({ input: anything, ordered: true }, async (input) => {
      ordered.push((input as { order: number }).order);
      await Promise.resolve();
    }),
  };
}

/** Reads chunks that are filled with their number, 1 first. Returns how many bytes there were. */
async function checkBytes(stream: ReadableStream<Uint8Array>, gate?: Gate): Promise<number> {
  const reader = stream.getReader();
  let [length, last] = [0, 0];
  while (true) {
    await gate?.pass();
    const { done, value } = await reader.read();
    if (done) return length;
    length += value.length;
    for (const byte of [value[0]!, value.at(-1)!]) {
      const ahead = (byte - last) & 255;
      if (ahead > 1 && value.length < 256) throw new Error(`chunk ${byte} after ${last}`);
      last = byte;
    }
  }
}

/** Lets a reader read so much and no more, until it is opened. */
export class Gate {
  #permits = 0;
  #wake: (() => void)[] = [];

  /** Lets `count` more pass; `Infinity` lets all. */
  permit(count: number): void {
    this.#permits += count;
    for (const wake of this.#wake.splice(0)) wake();
  }

  /** Waits for a permit and takes it. */
  async pass(): Promise<void> {
    while (this.#permits <= 0) await new Promise<void>((resolve) => this.#wake.push(resolve));
    this.#permits--;
  }
}

/** A call on its way, and how it ended. */
export class Trip {
  readonly gate: Gate = new Gate();
  readonly call: OutgoingCall;
  /** Whether it was asked to end early. */
  cancelled = false;
  /** Every outcome: "ok", or the code of the error, or what was wrong. More than one is wrong too. */
  readonly outcomes: string[] = [];

  /** What it is, for messages. */
  readonly name: string;
  /** Whether it never ends by itself. */
  readonly isEndless: boolean;

  constructor(kind: Kind, amount: Amount, start: (...args: unknown[]) => OutgoingCall) {
    this.name = `${kind} ${amount.count} x ${amount.size}`;
    this.isEndless = kind === "hang";
    this.call = start(...argumentsOf(kind, amount));
    this.#follow(kind, amount).then(
      (ok) => this.outcomes.push(ok),
      (error) => this.outcomes.push(error instanceof CallError ? error.code : String(error)),
    );
  }

  async #follow(kind: Kind, amount: Amount): Promise<string> {
    if (kind === "down" || kind === "talk") {
      let n = 0;
      await this.gate.pass();
      for await (const item of this.call) {
        check(item, n++, amount.size);
        await this.gate.pass();
      }
      return n === amount.count
        ? "ok"
        : this.cancelled
        ? "CANCELLED"
        : `${n} items instead of ${amount.count}`;
    }
    const value = await this.call;
    if (kind === "pour") return this.#whole(await checkBytes(value as ReadableStream, this.gate), amount);
    if (kind === "through") {
      const { bytes } = value as { bytes: ReadableStream<Uint8Array> };
      return this.#whole(await checkBytes(bytes, this.gate), amount);
    }
    if (kind === "up") return value === amount.count ? "ok" : `${value} items went up`;
    if (kind === "swallow") return this.#whole(value as number, amount);
    if (kind === "echo") check(value, amount.count, amount.size);
    return "ok";
  }

  #whole(length: number, { count, size }: Amount): string {
    return length === count * size ? "ok" : `${length} bytes instead of ${count * size}`;
  }
}

function argumentsOf(kind: Kind, amount: Amount): unknown[] {
  switch (kind) {
    case "echo":
      return [{ n: amount.count, fill: new Uint8Array(amount.size).fill(amount.count) }];
    case "up":
      return [amount, items(amount)];
    case "talk":
      return [items(amount)];
    case "swallow":
    case "through":
      return [{ bytes: new ByteSource(amount).stream }];
    case "ordered":
      return [{ order: amount.count, fill: new Uint8Array(amount.size) }];
    default:
      return [amount];
  }
}
