// Our differences beside those of Fossil (the package fossil-delta, where bench/peers is installed): bytes of one and microseconds to make and to apply it, on the
// live scores of bench/deltas.mjs and three other shapes. What does not pay is sent whole, and counts as such. Then what the node does for one publication when the
// first of those who take differences is given it: the tries that are left of a feed whose differences do not pay, too.
//   bun bench/deltas_algorithms.ts        or with deno run -A
import { createRequire } from "node:module";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { encode } from "../msgpack/mod.ts";
import { applyDelta } from "../rpc/delta.ts";
import { makeDelta } from "../rpc/delta_maker.ts";
import { chanceOf, scoreSnapshots } from "./deltas_scores.ts";
import { flagsOf } from "./flags.ts";
import { publicationFrames } from "../rpc/shared_frames.ts";
import { Tail } from "../rpc/tail.ts";
import { DeltaReader, FeedDeltas, lastInTail } from "../rpc/feed_deltas.ts";

flagsOf("deltas_algorithms.ts", {});

const UPDATES = 1_000;
const ROUNDS = 7;
const MIB = 1024 * 1024;

/** Makes and applies differences. */
interface Algorithm {
  readonly name: string;
  readonly make: (base: Uint8Array, target: Uint8Array) => Uint8Array | undefined;
  readonly apply: (base: Uint8Array, delta: Uint8Array) => Uint8Array;
}

const own: Algorithm = {
  name: "own",
  make: (base, target) => makeDelta(base, target, Math.floor(target.length * 3 / 4))?.slice(),
  apply: (base, delta) => applyDelta(base, { bytes: delta, start: 0, end: delta.length }, MIB),
};

async function fossil(): Promise<Algorithm | undefined> {
  try {
    const path = createRequire(new URL("peers/package.json", import.meta.url)).resolve("fossil-delta");
    const { createDelta, applyDelta } = await import(pathToFileURL(path).href);
    const make = (base: Uint8Array, target: Uint8Array) => {
      const delta: Uint8Array = createDelta(base, target);
      return delta.length <= target.length * 3 / 4 ? delta : undefined;
    };
    return { name: "fossil-delta", make, apply: applyDelta };
  } catch {
    console.log("fossil-delta is not installed: npm ci in bench/peers");
    return undefined;
  }
}

/** Messages one after the other. */
const SHAPES: Record<string, () => unknown[]> = {
  "live scores, 1 to 5 fields of 2.4 KiB": () => scoreSnapshots(UPDATES),
  "60 prices, 5 of which change": () => {
    const chance = chanceOf(3);
    const prices = Array.from(
      { length: 60 },
      (_, id) => ({ id, symbol: `SYM${id}`, bid: 100.5, ask: 100.75 }),
    );
    return Array.from({ length: UPDATES }, () => {
      for (let i = 0; i < 5; i++) {
        const price = prices[Math.floor(chance() * prices.length)]!;
        price.bid = 50 + Math.floor(chance() * 10_000) / 100;
        price.ask = price.bid + 0.25;
      }
      return structuredClone(prices);
    });
  },
  "the latest 20 messages, one more and one less": () => {
    const chance = chanceOf(5);
    const words = "the a of goal match team home away late early well played again never ever more".split(
      " ",
    );
    const say = (id: number) => ({
      id,
      by: `user${Math.floor(chance() * 90)}`,
      text: Array.from(
        { length: 5 + Math.floor(chance() * 20) },
        () => words[Math.floor(chance() * words.length)],
      )
        .join(" "),
    });
    let latest = Array.from({ length: 20 }, (_, id) => say(id));
    return Array.from({ length: UPDATES }, (_, id) => latest = [say(100 + id), ...latest.slice(0, 19)]);
  },
  "noise": () => {
    const chance = chanceOf(9);
    return Array.from({ length: UPDATES }, () => Uint8Array.from({ length: 2_450 }, () => chance() * 256));
  },
};

/** The quickest of some rounds, in microseconds for one. */
function timed(run: () => void): number {
  let best = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const before = performance.now();
    run();
    best = Math.min(best, performance.now() - before);
  }
  return best * 1_000 / (UPDATES - 1);
}

const algorithms = [own, await fossil()].filter((one) => one !== undefined);
for (const [shape, make] of Object.entries(SHAPES)) {
  const messages = make().map((message) => encode(message).slice());
  const whole = messages.slice(1).reduce((sum, { length }) => sum + length, 0);
  console.log(`\n${shape}: ${Math.round(whole / (UPDATES - 1))} bytes`);
  for (const { name, make, apply } of algorithms) {
    const pairs = messages.slice(1).map((target, i) =>
      [messages[i]!, target, make(messages[i]!, target)] as const
    );
    for (const [base, target, delta] of pairs) {
      if (delta !== undefined && !apply(base, delta).every((byte, i) => byte === target[i])) {
        console.error(`${name} makes another message`);
        process.exit(1);
      }
    }
    const bytes = pairs.reduce((sum, [, target, delta]) => sum + (delta ?? target).length, 0);
    const making = timed(() => pairs.forEach(([base, target]) => make(base, target)));
    const applying = timed(() => pairs.forEach(([base, , delta]) => delta && apply(base, delta)));
    const [size, saved] = [bytes / (UPDATES - 1), 100 * (1 - bytes / whole)];
    console.log(
      `${name.padEnd(12)} ${size.toFixed(0).padStart(5)} bytes, ${saved.toFixed(1)} % saved, ` +
        `${making.toFixed(2)} µs to make, ${applying.toFixed(2)} to apply`,
    );
  }
}

for (const shape of [Object.keys(SHAPES)[0]!, "noise"]) {
  const messages = SHAPES[shape]!().map((message) => encode(message).slice());
  const entries = messages.map((data, i) => ({
    offset: i + 1,
    fingerprint: i + 1,
    previous: i,
    at: 0,
    data,
    room: 0,
  }));
  const frames = entries.flatMap((entry) => publicationFrames(1, [entry]));
  const took = timed(() => {
    const reader = new DeltaReader(new FeedDeltas({ alias: 1 }, lastInTail(new Tail())));
    for (const frame of frames) reader.bytesOf(frame);
  });
  console.log(`\nthe node, for a publication of ${shape}: ${took.toFixed(2)} µs`);
}
