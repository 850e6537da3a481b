/**
 * What hostile clients call, and what they did to it.
 */
import { z } from "zod";
import { procedure } from "../../mod.ts";
import { anything } from "./pair.ts";
import { deferred } from "./sources.ts";

/** What an error of a handler must not carry to a caller. */
export const SECRET = "s3cr3t-of-the-server";

/** What happened in the handlers since {@linkcode Probe.reset}. */
export class Probe {
  /** Items that streams gave. */
  produced = 0;
  /** Sources of streams that were told that nobody wants more. */
  returned = 0;
  /** Calls of `hang` that were broken off. */
  aborted = 0;
  /** Inputs of calls of `note` and `inOrder`, as they started. */
  readonly started: unknown[] = [];
  /** Bytes that `keep` was given. */
  kept: Uint8Array | undefined;
  #gate = deferred();

  /** Resolves at {@linkcode Probe.release}. */
  get released(): Promise<void> {
    return this.#gate.promise;
  }

  /** Lets `stubborn` end. */
  release(): void {
    this.#gate.resolve();
    this.#gate = deferred();
  }

  /** Forgets everything. */
  reset(): void {
    this.release();
    this.produced = this.returned = this.aborted = 0;
    this.started.length = 0;
    this.kept = undefined;
  }
}

/** The procedures, telling `probe`. */
export function hostileProcedures(probe: Probe) {
  return { ...valueProcedures(probe), ...streamProcedures(probe), ...failingProcedures() };
}

function valueProcedures(probe: Probe) {
  return {
    add: procedure({ input: z.object({ a: z.number(), b: z.number() }) }, ({ a, b }) => a + b),
    echo: procedure({ input: anything, output: anything }, (value) => value),
    size: procedure({ input: z.instanceof(Uint8Array) }, ({ length }) => length),
    keep: procedure({ input: z.instanceof(Uint8Array) }, (bytes) => void (probe.kept = bytes)),
    kept: procedure(() => probe.kept!),
    blob: procedure(() => new Uint8Array(60_000)),
    note: procedure({ input: z.number() }, (n) => void probe.started.push(n)),
    inOrder: procedure({ input: z.number(), ordered: true }, async (n) => {
      probe.started.push(n);
      for (let turns = n * 7 % 5; turns > 0; turns--) await Promise.resolve();
      return n;
    }),
    hidden: procedure({ input: anything, allow: () => false }, () => SECRET),
    stubborn: procedure(() => probe.released),
    hang: procedure((_input, { signal }) =>
      new Promise<never>((_, reject) =>
        signal.addEventListener("abort", () => {
          probe.aborted++;
          reject(signal.reason);
        })
      )
    ),
  };
}

function streamProcedures(probe: Probe) {
  return {
    endless: procedure.stream({}, async function* () {
      try {
        for (;; probe.produced++) yield "x".repeat(1_000);
      } finally {
        probe.returned++;
      }
    }),
    bytes: procedure(() =>
      new ReadableStream<Uint8Array>({
        pull: (to) => to.enqueue(new Uint8Array(1_000)),
        cancel: () => void probe.returned++,
      })
    ),
    breaks: procedure.stream({}, async function* () {
      yield 1;
      await Promise.resolve();
      throw new Error(SECRET);
    }),
    /** Looks at none of the items. */
    hold: procedure.upload(
      { items: anything },
      (_items, { signal }) =>
        new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
    ),
    collect: procedure.upload({ items: anything }, async (items) => {
      let count = 0;
      for await (const _ of items) count++;
      return count;
    }),
  };
}

function failingProcedures() {
  return {
    throws: procedure((): number => {
      throw new Error(SECRET, { cause: SECRET });
    }),
    throwsNothing: procedure((): number => {
      throw undefined;
    }),
    throwsGetter: procedure((): number => {
      throw Object.defineProperty(new Error(SECRET), "message", { get: () => SECRET.at(1e9)!.length });
    }),
    rejects: procedure(() => Promise.reject(new TypeError(SECRET))),
    lies: procedure({ output: z.number() }, () => SECRET as unknown as number),
    unencodable: procedure({ output: anything }, () => new Map([[SECRET, SECRET]])),
    bottomless: procedure({ output: anything }, () => {
      const loop: unknown[] = [];
      loop.push(loop);
      return loop;
    }),
  };
}
