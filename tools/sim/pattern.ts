/**
 * Streams of bytes that say by themselves where they are wrong.
 */

/** How much. */
export interface Amount {
  /** Chunks. */
  readonly count: number;
  /** Bytes of each. */
  readonly size: number;
}

/** What is lost, doubled or moved shows: the period is a prime, longer than what is moved at once. */
const PERIOD = 65_521;
const PATTERN: Uint8Array = makePattern();

/** Several times, so that every chunk of up to 200 KB is one piece of it. */
function makePattern(): Uint8Array {
  const pattern = new Uint8Array(5 * PERIOD);
  for (let i = 0; i < pattern.length; i++) pattern[i] = Math.imul(i % PERIOD, 0x9e3779b1) >>> 24;
  return pattern;
}

/** `count` chunks, none longer than four periods; `ended` is called when the last has been taken. */
export function streamPattern({ count, size }: Amount, ended: () => void): ReadableStream<Uint8Array> {
  let n = 0;
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      if (n < count) {
        const start = n++ * size;
        const from = start % PERIOD;
        controller.enqueue(PATTERN.slice(from, from + size));
      } else {
        ended();
        controller.close();
      }
    },
  }, { highWaterMark: 0 });
}

/**
 * Reads to the end, however it was cut. `block` is told the number of each block of `size` bytes that has arrived right, and -1 of a byte that
 * is wrong.
 */
export async function readPattern(
  stream: ReadableStream<Uint8Array>,
  size: number,
  block: (n: number) => void,
): Promise<void> {
  let place = 0;
  const reader = stream.getReader();
  while (true) {
    const { done, value } = await reader.read();
    if (done) break;
    for (let i = 0; i < value.length; i++) {
      if (value[i] !== PATTERN[place % PERIOD]) return block(-1);
      if (++place % size === 0) block(place / size - 1);
    }
  }
  if (place % size !== 0) block(-1);
}
