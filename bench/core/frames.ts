// The frames of bench/core.ts, made anew each time as a runtime gives them.
import { encode } from "@msgpack/msgpack";

const LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789";
const VALUES = Array.from({ length: 64 }, (_, i) => ({
  n: 1_000_000 + i * 37,
  s: LETTERS.slice(i % 20, i % 20 + 16),
}));

type Bytes = Uint8Array<ArrayBuffer>;

/** A frame; `take` uses up its ids. */
export interface Made<Frame> {
  readonly frame: Frame;
  take(): void;
}

/** CALLs of procedure 1, `echo`, with 32 bits of sequence and id. */
export function millraceFrames(perFrame: number): { hello(): Bytes; first(): Bytes; next(): Made<Bytes> } {
  const calls = VALUES.map((value) => {
    const payload = encode(value);
    return new Uint8Array([
      0x96,
      16,
      0xce,
      0,
      0,
      0,
      0,
      0xce,
      0,
      0,
      0,
      0,
      1,
      0xc0,
      0xc4,
      payload.length,
      ...payload,
    ]);
  });
  const templates = calls.map((_, i) =>
    join(Array.from({ length: perFrame }, (_, k) => calls[(i + k) % calls.length]!))
  );
  let id = 1;
  let at = 0;
  return {
    hello: () => new Uint8Array(encode([0, 1, null, 0, encode({})])),
    first: () => new Uint8Array(encode([16, 1, 1, "echo", null, encode(VALUES[0])])),
    next: () => {
      const { bytes, ids } = templates[at++ % templates.length]!;
      const frame = new Uint8Array(bytes);
      for (let i = 0; i < ids.length; i++) patch(frame, ids[i]!, id + 1 + i);
      return { frame, take: () => void (id += perFrame) };
    },
  };
}

function join(parts: Uint8Array[]): { bytes: Bytes; ids: number[] } {
  const ids: number[] = [];
  let size = 0;
  for (const part of parts) {
    ids.push(size + 3, size + 8);
    size += part.length;
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  // Each call has its sequence and its id, which are the same number here.
  return { bytes, ids: ids.filter((_, i) => i % 2 === 0) };
}

function patch(frame: Bytes, at: number, id: number): void {
  for (const to of [at, at + 5]) {
    frame[to] = id >>> 24;
    frame[to + 1] = id >>> 16;
    frame[to + 2] = id >>> 8;
    frame[to + 3] = id;
  }
}

/** The same calls as text: see contenders/json_rpc.ts. */
export function jsonFrames(perFrame: number): () => Made<string> {
  const texts = VALUES.map((value) => JSON.stringify(value));
  let id = 1_000_000;
  return () => {
    const calls = Array.from({ length: perFrame }, () => `[1,${id++},"echo",${texts[id % texts.length]}]`);
    return { frame: perFrame === 1 ? calls[0]! : `[${calls.join(",")}]`, take: () => {} };
  };
}
