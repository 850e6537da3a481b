/**
 * What the broker is known to have of members: a read that is asked for later gives it, or what came after it.
 *
 * @module
 */
import { getOr } from "./get_or.ts";
import { clientOf } from "./presence_views.ts";

/** What is known of members, by their clients: the number of the latest word; that there is none any more. */
type Words = ReadonlyMap<string, number | "gone">;

/** What was acknowledged, or read before. */
export class Register {
  readonly #channels = new Map<string, Map<string, number | "gone">>();

  /** Copied as it is now, since a read is asked for. */
  known(channel: string): Words {
    return new Map(this.#channels.get(channel));
  }

  /** It wants to be in, with this: whether it is known to be gone is over. */
  enters(channel: string, client: string): void {
    const words = this.#words(channel);
    if (words.get(client) === "gone") words.delete(client);
  }

  /** The broker has had this of it. */
  has(channel: string, value: string): void {
    const [words, client, n] = [this.#words(channel), clientOf(value), numberOf(value)];
    const before = words.get(client) ?? 0;
    if (before !== "gone") words.set(client, Math.max(before, n));
  }

  /** The broker has it no more. */
  gone(channel: string, client: string): void {
    this.#words(channel).set(client, "gone");
  }

  /** What is wrong with what was read, of what was known as it was asked for. */
  wrong(channel: string, read: readonly string[], known: Words): string | undefined {
    for (const value of read) {
      const client = clientOf(value);
      const word = known.get(client);
      if (word === "gone") {
        if (this.#words(channel).get(client) === "gone") return `${value}, which had left`;
      } else if (numberOf(value) < (word ?? 0)) return `${value} after ${client}@${word}`;
    }
    return undefined;
  }

  #words(channel: string): Map<string, number | "gone"> {
    return getOr(this.#channels, channel, () => new Map());
  }
}

function numberOf(value: string): number {
  return Number(value.slice(value.lastIndexOf("@") + 1));
}
