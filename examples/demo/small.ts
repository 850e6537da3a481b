import { z } from "zod";
import { procedure, received, sent } from "./procedure.ts";

/** Adds two numbers. */
export const add = procedure({ input: z.object({ a: z.number(), b: z.number() }) }, ({ a, b }) => a + b);

/** Gives back what it got: any value that MessagePack holds. */
export const echo = procedure({ input: z.unknown() }, (value) => value);

/** Counts down to one. */
export const countdown = procedure.stream(
  { input: z.number().int().min(0).max(10_000) },
  (from, { signal }) => sent(count(from, signal)),
);

async function* count(from: number, signal: AbortSignal): AsyncGenerator<number, void> {
  while (from > 0 && !signal.aborted) yield from--;
}

/** Gives back every line in capitals, as the lines come. */
export const shout = procedure.duplex(
  { items: z.string(), output: z.string() },
  (lines) => sent(capitals(received(lines))),
);

async function* capitals(lines: AsyncIterable<string>): AsyncGenerator<string, void> {
  for await (const line of lines) yield line.toUpperCase();
}
