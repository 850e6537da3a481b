// Nanoseconds to read one call and write its reply in memory: our codec beside @msgpack/msgpack and JSON text. No socket, no checks of rpc/.
//   deno run -A bench/codec.ts        bun bench/codec.ts
// The best of several rounds is printed: what the code costs when nothing else has the core.
import { Buffer } from "node:buffer";
import { Decoder, Encoder } from "@msgpack/msgpack";
import { skip } from "../msgpack/check.ts";
import { decodeRange } from "../msgpack/decoder.ts";
import {
  begin,
  closeBin,
  end,
  openBin,
  writeArrayHeader,
  writeUint,
  writeValue,
  written,
} from "../msgpack/encoder.ts";
import { defaultLimits } from "../msgpack/limits.ts";
import { setText } from "../msgpack/text.ts";
import { flagsOf } from "./flags.ts";

flagsOf("codec.ts", {});

const messages = 64; // different ones in turn, so that no branch or string is remembered
const rounds = 9;
const roundTime = 60; // ms

const letters = "abcdefghijklmnopqrstuvwxyz0123456789".repeat(60);

/** What is sent: the two shapes of the first measurements, and some that look like an app. */
const shapes: Record<string, (i: number) => unknown> = {
  "{ n, s } 16 B": (i) => ({ n: 100_000 + i * 37, s: letters.slice(i % 26, i % 26 + 16) }),
  "{ n, s } 128 B": (i) => ({ n: 100_000 + i * 37, s: letters.slice(i % 26, i % 26 + 128) }),
  "number": (i) => 100_000 + i * 37,
  "user, 9 fields": user,
  "20 users": (i) => Array.from({ length: 20 }, (_, k) => user(i + k)),
  "100 points": (i) => Array.from({ length: 100 }, (_, k) => ({ x: i + k / 3, y: k - 50.25 })),
  "accents, 40 characters": (i) => ({ text: `Zażółć gęślą jaźń, ${i}: ćma, żuk, łoś, ępą` }),
};

function user(i: number): unknown {
  return {
    id: 1_000_000 + i,
    name: `user number ${i}`,
    email: `user${i}@example.org`,
    active: i % 3 === 0,
    score: i * 1.37,
    tags: ["admin", "beta"],
    address: { street: `${i} Mill Lane`, city: "Ely" },
    boss: null,
    seen: 1_700_000_000_000 + i,
  };
}

/** Nanoseconds for each of the `messages` in one call of `run`. */
function measure(run: () => void): number {
  for (let i = 0; i < 400; i++) run();
  let best = Infinity;
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    let count = 0;
    while (performance.now() - start < roundTime) {
      run();
      count++;
    }
    best = Math.min(best, (performance.now() - start) * 1e6 / (count * messages));
  }
  return best;
}

const library = { encoder: new Encoder(), decoder: new Decoder() };
let frame: Uint8Array = new Uint8Array(0x10000);
let sink = 0; // results are added up, so that nothing can be left out

/** Where the payload of `[kind, id, method, payload]` starts; its id goes to `callId`. */
let callId = 0;
function payloadStart(bytes: Uint8Array): number {
  let at = 2;
  const head = bytes[at++] as number;
  callId = head < 0x80 ? head : bytes[at++] as number;
  const bin = bytes[at + 1];
  return at + (bin === 0xc4 ? 3 : bin === 0xc5 ? 4 : 6);
}

function ours(frames: Uint8Array[]): void {
  for (const bytes of frames) {
    const value = decodeRange(bytes, payloadStart(bytes), bytes.length, defaultLimits);
    begin(frame, 0);
    writeArrayHeader(3);
    writeUint(2);
    writeUint(callId);
    const mark = openBin();
    writeValue(value);
    closeBin(mark);
    sink += end();
    frame = written();
  }
}

function checked(frames: Uint8Array[]): void {
  for (const bytes of frames) sink += skip(bytes, 0, bytes.length, defaultLimits);
}

function theirs(frames: Uint8Array[]): void {
  for (const bytes of frames) {
    const call = library.decoder.decode(bytes) as unknown[];
    sink += library.encoder.encodeSharedRef([2, call[1], call[3]]).length;
  }
}

function json(texts: string[]): void {
  for (const text of texts) {
    const call = JSON.parse(text);
    sink += JSON.stringify([2, call[1], call[3]]).length;
  }
}

const natives = {
  built: "Deno" in globalThis ? 12 : 0,
  utf8Slice: Buffer.prototype.utf8Slice,
  utf8Write: Buffer.prototype.utf8Write,
};
const columns = ["ours", "no natives", "skip alone", "@msgpack", "JSON"];

function row(make: (i: number) => unknown): number[] {
  const values = Array.from({ length: messages }, (_, i) => make(i));
  const encode = (value: unknown) => library.encoder.encode(value);
  const frames = values.map((value, i) => encode([1, i + 1, 7, encode(value)]));
  const tuples = values.map((value, i) => encode([1, i + 1, 7, value]));
  const texts = values.map((value, i) => JSON.stringify([1, i + 1, 7, value]));
  setText(natives);
  const fast = measure(() => ours(frames));
  setText({});
  const portable = measure(() => ours(frames));
  const check = measure(() => checked(tuples));
  return [fast, portable, check, measure(() => theirs(tuples)), measure(() => json(texts))];
}

const runtime = "Bun" in globalThis ? "Bun" : "Deno" in globalThis ? "Deno" : "Node";
console.log(`Read a call, write its reply on ${runtime}, ns`);
console.log("".padEnd(24) + columns.map((name) => name.padStart(12)).join(""));
for (const [name, make] of Object.entries(shapes)) {
  console.log(name.padEnd(24) + row(make).map((ns) => ns.toFixed(0).padStart(12)).join(""));
}
if (sink === 0) console.log("nothing was measured");
