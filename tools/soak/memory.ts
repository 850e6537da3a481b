// What the program itself keeps, without what the next collection would take.
import process from "node:process";

const { gc, Bun } = globalThis as { gc?: () => void; Bun?: { gc(force: boolean): void } };

/** Bytes that are reachable, and those of the whole process. */
export interface Memory {
  /** The JavaScript heap with the array buffers that it keeps, after a collection. */
  readonly heap: number;
  /** The resident set of the process. */
  readonly rss: number;
}

/** Collects, gives finalizers a turn, collects what they have let go, and measures. */
export async function collected(): Promise<Memory> {
  collect();
  await new Promise((resolve) => setTimeout(resolve, 20));
  collect();
  const { heapUsed, external, rss } = process.memoryUsage();
  // Bun counts array buffers into `heapUsed`, Deno does not.
  return { heap: heapUsed + (Bun === undefined ? external : 0), rss };
}

function collect(): void {
  if (gc === undefined && Bun === undefined) throw new Error("Cannot collect: V8 needs --expose-gc");
  gc?.();
  Bun?.gc(true);
}
