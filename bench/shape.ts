// What code made for one shape (`new Function`, as some codecs have it) could save: written by hand for { n, s }, beside the codec for any shape.
//   deno run -A bench/shape.ts        bun bench/shape.ts
// Nanoseconds, the best of several rounds in turns, with the functions of the runtime for text, as on servers.
import { Buffer } from "node:buffer";
import { decodeRange } from "../msgpack/decoder.ts";
import { begin, end, writeValue, written } from "../msgpack/encoder.ts";
import { defaultLimits } from "../msgpack/limits.ts";
import { encode } from "../msgpack/mod.ts";
import { readText, setText } from "../msgpack/text.ts";
import { writeByte, writeNumber, writeString } from "../msgpack/writer.ts";
import { flagsOf } from "./flags.ts";

flagsOf("shape.ts", {});

// As rpc/server.ts does.
setText(Buffer.prototype as never);

interface Shape {
  readonly n: number;
  readonly s: string;
}

const ROUNDS = 15;
/** Milliseconds. */
const ROUND = 40;

const letters = "abcdefghijklmnopqrstuvwxyz0123456789".repeat(2);
const values = Array.from(
  { length: 64 },
  (_, i): Shape => ({ n: 100_000 + i * 37, s: letters.slice(i % 26, i % 26 + 16) }),
);
const payloads = values.map((value) => encode(value));
let frame: Uint8Array = new Uint8Array(0x10000);
let sink = 0;

/** `n` of four bytes and a short `s`, in this order: anything else would go to the reader for any shape. */
function readShape(bytes: Uint8Array): Shape {
  if (bytes[0] !== 0x82 || bytes[1] !== 0xa1 || bytes[2] !== 0x6e || bytes[3] !== 0xce) throw new TypeError();
  const n = bytes[4]! * 0x1000000 + (bytes[5]! << 16 | bytes[6]! << 8 | bytes[7]!);
  const head = bytes[10]!;
  if (bytes[8] !== 0xa1 || bytes[9] !== 0x73 || (head & 0xe0) !== 0xa0) throw new TypeError();
  return { n, s: readText(bytes, 11, 11 + (head & 31)) };
}

function writeShape({ n, s }: Shape): void {
  writeByte(0x82);
  writeByte(0xa1);
  writeByte(0x6e);
  writeNumber(n);
  writeByte(0xa1);
  writeByte(0x73);
  writeString(s);
}

function writeAll(write: (value: Shape) => void): void {
  for (const value of values) {
    begin(frame, 0);
    write(value);
    sink += end();
    frame = written();
  }
}

const ways: Record<string, () => void> = {
  "read, any shape": () => {
    for (const bytes of payloads) sink += (decodeRange(bytes, 0, bytes.length, defaultLimits) as Shape).n;
  },
  "read, one shape": () => {
    for (const bytes of payloads) sink += readShape(bytes).n;
  },
  "write, any shape": () => writeAll(writeValue),
  "write, one shape": () => writeAll(writeShape),
};

const best: Record<string, number> = {};
for (let round = 0; round <= ROUNDS; round++) {
  for (const [name, run] of Object.entries(ways)) {
    const start = performance.now();
    let count = 0;
    while (performance.now() - start < ROUND) {
      run();
      count++;
    }
    const each = (performance.now() - start) * 1e6 / (count * values.length);
    if (round > 0) best[name] = Math.min(best[name] ?? Infinity, each);
  }
}
for (const [name, ns] of Object.entries(best)) {
  console.log(`${name.padEnd(18)} ${ns.toFixed(0).padStart(5)} ns`);
}
if (sink === 0) throw new Error("nothing was done");
