/// <reference lib="dom" />
/// <reference lib="dom.iterable" />

/** Bytes of a piece as the page gives them; the library cuts them smaller where the way is slow. */
const PIECE = 64 * 1024;

/** The bytes of a file in pieces. The next is read when it is asked for, so a slow way slows the reading, and nothing piles up. */
export async function* pieces(file: Blob, given: (bytes: number) => void): AsyncGenerator<Uint8Array, void> {
  const reader = file.stream().getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      for (let at = 0; at < value.byteLength; at += PIECE) {
        const piece = value.subarray(at, at + PIECE);
        yield piece;
        given(piece.byteLength);
      }
    }
  } finally {
    await reader.cancel();
  }
}

/** A file of noise: 64 blocks of 1 MiB that differ in their first bytes. */
export function generated(): File {
  const noise = new Uint32Array(1024 ** 2 / 4);
  let state = 0x9e3779b9;
  for (let at = 0; at < noise.length; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    noise[at] = state;
  }
  const blocks = Array.from({ length: 64 }, (_, at) => {
    noise[0] = at;
    return new Blob([noise]);
  });
  return new File(blocks, "generated-64-MiB.bin");
}

/** The SHA-256 as the browser computes it; `undefined` where it may not (no secure context) or the file is too large to hold. */
export async function digest(file: Blob): Promise<string | undefined> {
  if (!isSecureContext || file.size > 256 * 1024 ** 2) return undefined;
  const hash = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
  return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
