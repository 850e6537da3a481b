/**
 * The identity of what a node publishes by itself, so that it lands once and in order, too, when it has to be sent again.
 *
 * @module
 */

/**
 * Results that are kept of it in each channel, each in the place of its number modulo this: more than these unanswered at once, and a lost connection makes the
 * oldest ambiguous.
 */
export const OWN_RESULTS = 1_024;

/** Numbers for one node, of which each channel sees a part. */
export class NodeProducer {
  /** No other node has it. */
  readonly id: string;
  /**
   * The highest number that was given in any channel: one that is idle begins above it, and leaves nothing behind here. It begins at the first place, so that
   * there are as many results in Redis as were on their way in one go: one of a channel that waits for each answer, and not 1,024, 74 KB.
   */
  #high = 0;
  /** Numbers that have no answer, lowest first, and the last one, of channels that have any. */
  readonly #channels = new Map<string, { last: number; readonly unanswered: Set<number> }>();

  /** @param node 96 random bits, as text. */
  constructor(node: string) {
    this.id = JSON.stringify(["node", node]);
  }

  /** The next number of a channel. {@linkcode NodeProducer.end} follows. */
  begin(channel: string): number {
    let numbers = this.#channels.get(channel);
    if (numbers === undefined) {
      const first = (Math.floor(this.#high / OWN_RESULTS) + 1) * OWN_RESULTS;
      this.#channels.set(channel, numbers = { last: first - 1, unanswered: new Set() });
    }
    numbers.unanswered.add(++numbers.last);
    this.#high = Math.max(this.#high, numbers.last);
    return numbers.last;
  }

  /** The lowest number that has no answer: those below it are over. */
  low(channel: string): number {
    const [lowest] = this.#channels.get(channel)!.unanswered;
    return lowest!;
  }

  /** It was answered, or is not waited for any more. */
  end(channel: string, n: number): void {
    const { unanswered } = this.#channels.get(channel)!;
    unanswered.delete(n);
    if (unanswered.size === 0) this.#channels.delete(channel);
  }
}
