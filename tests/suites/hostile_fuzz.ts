/**
 * Valid conversations, recorded and damaged: by bytes, by elements, and by the order of messages.
 */
import { encode } from "../../msgpack/mod.ts";
import { decode } from "../../msgpack/decoder.ts";
import { skip } from "../../msgpack/check.ts";
import { Kind } from "../../rpc/kinds.ts";
import { join } from "./hostile_frames.ts";
import { anything, Pair, procedure } from "./pair.ts";

/** Small, so that damage reaches them. */
const LIMITS = {
  message: 65_536,
  messageBeforeAuthentication: 65_536,
  window: 4_096,
  streams: 8,
  calls: 8,
  concurrency: 4,
};

/** More than these limits let one end hold: unfinished messages, windows of all streams that may be open or unread, inputs, answers. */
export const MOST_HELD = 2 ** 21;

/** Numbers that are small, large, or at an edge of their encoding. */
const EDGES = [
  0,
  1,
  2,
  3,
  7,
  8,
  63,
  64,
  127,
  128,
  255,
  256,
  4_096,
  65_535,
  65_536,
  2 ** 31,
  2 ** 32,
  2 ** 53 - 1,
  -1,
  0.5,
];
const OTHERS = [
  null,
  true,
  "add",
  "endless",
  "__proto__",
  {},
  [],
  { timeout: 1 },
  { items: 1 },
  { items: 9 },
  new Uint8Array(3),
];
const KINDS = Object.values(Kind);

/** Chance that a seed repeats. */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number from 0 to below `count`. */
  below(count: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor(((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32 * count);
  }

  /** One of these. */
  of<T>(all: readonly T[]): T {
    return all[this.below(all.length)]!;
  }
}

/** One of each shape. */
const procedures = {
  echo: procedure({ input: anything, output: anything }, (value) => value),
  endless: procedure.stream({}, async function* () {
    for (let n = 0;; n++) yield `${n}`.padStart(300, "x");
  }),
  collect: procedure.upload({ items: anything }, async (items) => {
    let count = 0;
    for await (const _ of items) count++;
    return count;
  }),
  both: procedure.duplex({ items: anything }, async function* (items) {
    for await (const item of items) yield item;
  }),
  back: procedure(() => new ReadableStream({ pull: (to) => to.enqueue(new Uint8Array(200)) })),
  drain: procedure({ input: anything }, async (stream) => {
    for await (const _ of stream as ReadableStream<Uint8Array>);
  }),
  hang: procedure((_input, { signal }) =>
    new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)))
  ),
};

/**
 * Opens a server and a client that call each other in every way there is. What comes of it does not matter: `deafened` hears
 * nothing of the other but its greeting.
 */
export async function converse({ deafened }: { deafened?: "server" | "client" } = {}): Promise<Pair> {
  const { echo } = procedures;
  const pair = await Pair.open({ procedures, offers: { echo }, limits: LIMITS, clientLimits: LIMITS });
  if (deafened !== undefined) pair[deafened === "server" ? "client" : "server"].pipe.deliver = () => {};
  const some = async function* () {
    for (let n = 0; n < 5; n++) yield { n, text: "x".repeat(n * 400) };
  };
  const bytes = new ReadableStream<Uint8Array>({
    start: (to) => {
      for (let n = 0; n < 4; n++) to.enqueue(new Uint8Array(300).fill(n));
      to.close();
    },
  });
  const cancelled = pair.call("hang");
  const calls = [
    pair.call("echo", { a: [1, "x", null, new Date(1e12)] }),
    pair.call("endless"),
    pair.call("collect", some()),
    pair.call("both", some()),
    pair.call("back"),
    pair.call("drain", bytes),
    cancelled,
    pair.call("echo", "x".repeat(40_000)),
    pair.call("missing"),
    pair.callBack("echo", 1),
  ];
  for (const call of calls) call.result().catch(() => {});
  await pair.clock.settleFor(3);
  cancelled.cancel();
  await pair.clock.settleFor(3);
  return pair;
}

/** The messages of frames, one by one. */
export function messagesIn(frames: readonly Uint8Array[]): Uint8Array[] {
  return frames.flatMap((frame) => {
    const found: Uint8Array[] = [];
    for (let at = 0; at < frame.length;) {
      const end = skip(frame, at, frame.length, { depth: 32, keys: 1024 });
      found.push(frame.slice(at, at = end));
    }
    return found;
  });
}

/** A damaged copy of a conversation, as frames. */
export function damaged(messages: readonly Uint8Array[], chance: Chance): Uint8Array[] {
  let all: Uint8Array[] = messages.map((message) => message.slice());
  for (let times = 1 + chance.below(4); times > 0 && all.length > 0; times--) damageOne(all, chance);
  if (chance.below(2) === 0) all = renumbered(all);
  const frames: Uint8Array[] = [];
  for (let at = 0; at < all.length;) {
    const count = 1 + chance.below(4);
    frames.push(join(...all.slice(at, at += count)));
  }
  return frames;
}

/** One kind of damage, in place. */
function damageOne(all: Uint8Array[], chance: Chance): void {
  const at = chance.below(all.length);
  const one = all[at]!;
  const place = chance.below(one.length);
  switch (chance.below(9)) {
    case 0:
      one[place] = chance.below(256);
      break;
    case 1:
      all[at] = one.slice(0, place);
      break;
    case 2:
      all[at] = join(one.subarray(0, place), chance.below(256), one.subarray(place));
      break;
    case 3:
      all.splice(at, 1);
      break;
    case 4: // again, here or elsewhere
      all.splice(chance.below(all.length), 0, one.slice());
      break;
    case 5: // elsewhere
      all.splice(chance.below(all.length), 0, ...all.splice(at, 1));
      break;
    default:
      all[at] = retold(one, chance);
  }
}

/** A message of which one element, or the kind, is another. */
function retold(message: Uint8Array, chance: Chance): Uint8Array {
  const elements = elementsOf(message);
  if (elements === undefined || elements.length === 0) return message;
  const at = chance.below(elements.length);
  const others: readonly unknown[] = chance.below(3) === 0 ? OTHERS : EDGES;
  elements[at] = chance.of(at === 0 ? KINDS : others);
  return encode(elements);
}

/** Sequences made right again, so that what is damaged elsewhere is not refused for that. */
function renumbered(messages: readonly Uint8Array[]): Uint8Array[] {
  let seq = 0;
  return messages.map((message) => {
    const elements = elementsOf(message);
    const kind = elements?.[0];
    if (typeof kind !== "number" || (kind !== Kind.FRAGMENT && (kind < Kind.CALL || kind > Kind.CANCEL))) {
      return message;
    }
    elements![1] = ++seq;
    return encode(elements);
  });
}

function elementsOf(message: Uint8Array): unknown[] | undefined {
  try {
    const value = decode(message);
    return Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
