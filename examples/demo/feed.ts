/** How many values wait for a follower that is slower than what it follows; older ones make room. */
const WAITING = 64;

/** One who follows a ticket: what waits for it, and how to wake it. */
interface Follower<T> {
  readonly waiting: T[];
  wake: () => void;
}

/**
 * Values by ticket, for whoever follows that ticket at the moment. Nothing is kept for tickets that nobody follows, so tickets can be any
 * text that a client makes up.
 */
export class Feed<T> {
  readonly #followers = new Map<string, Set<Follower<T>>>();

  /** Gives a value to all who follow the ticket now. */
  publish(ticket: string, value: T): void {
    for (const follower of this.#followers.get(ticket) ?? []) {
      if (follower.waiting.length >= WAITING) follower.waiting.shift();
      follower.waiting.push(value);
      follower.wake();
    }
  }

  /** The values of a ticket from now on, until the signal aborts or the reader leaves. */
  follow(ticket: string, signal: AbortSignal): AsyncGenerator<T, void> {
    const follower: Follower<T> = { waiting: [], wake: () => {} };
    const all = this.#followers.get(ticket) ?? new Set();
    this.#followers.set(ticket, all.add(follower));
    const leave = () => {
      all.delete(follower);
      if (all.size === 0) this.#followers.delete(ticket);
      follower.wake();
    };
    // A stream that is cancelled before its first item never enters the generator, so leaving hangs on the signal.
    signal.addEventListener("abort", leave, { once: true });
    return read(follower, { signal, leave });
  }
}

async function* read<T>(
  follower: Follower<T>,
  { signal, leave }: { signal: AbortSignal; leave: () => void },
): AsyncGenerator<T, void> {
  try {
    while (!signal.aborted) {
      while (follower.waiting.length > 0) yield follower.waiting.shift()!;
      if (!signal.aborted) await new Promise<void>((resolve) => follower.wake = resolve);
    }
  } finally {
    signal.removeEventListener("abort", leave);
    leave();
  }
}
