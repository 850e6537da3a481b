/**
 * A name that tells nothing of what it was made of: SHA-256, synchronous, since the core has no promises of its own and runtimes have no such function in common.
 *
 * @module
 */

const PRIMES = primes(64);
const START = PRIMES.slice(0, 8).map((prime) => fraction(prime ** (1 / 2)));
const ROUND = PRIMES.map((prime) => fraction(prime ** (1 / 3)));
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** 96 bits, as 16 characters of base64url: the same for the same text, and no way back. */
export function oneWayName(text: string): string {
  const words = sha256(new TextEncoder().encode(text));
  let name = "";
  for (let bit = 0; bit < 96; bit += 6) {
    let six = 0;
    for (let i = bit; i < bit + 6; i++) six = (six << 1) | ((words[i >>> 5]! >>> (31 - (i & 31))) & 1);
    name += ALPHABET[six];
  }
  return name;
}

/** https://csrc.nist.gov/pubs/fips/180-4/upd1/final, section 6.2. */
export function sha256(bytes: Uint8Array): Uint32Array {
  const padded = new Uint8Array((bytes.length + 72) & ~63);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 8, Math.floor(bytes.length / 2 ** 29));
  view.setUint32(padded.length - 4, bytes.length << 3);
  const hash = Uint32Array.from(START);
  const schedule = new Uint32Array(64);
  for (let at = 0; at < padded.length; at += 64) {
    for (let i = 0; i < 16; i++) schedule[i] = view.getUint32(at + 4 * i);
    block(hash, schedule);
  }
  return hash;
}

function block(hash: Uint32Array, w: Uint32Array): void {
  for (let i = 16; i < 64; i++) {
    const [x, y] = [w[i - 15]!, w[i - 2]!];
    const s0 = turned(x, 7) ^ turned(x, 18) ^ (x >>> 3);
    const s1 = turned(y, 17) ^ turned(y, 19) ^ (y >>> 10);
    w[i] = w[i - 16]! + s0 + w[i - 7]! + s1;
  }
  let [a, b, c, d, e, f, g, h] = hash as unknown as number[];
  for (let i = 0; i < 64; i++) {
    const s1 = turned(e!, 6) ^ turned(e!, 11) ^ turned(e!, 25);
    const t1 = (h! + s1 + ((e! & f!) ^ (~e! & g!)) + ROUND[i]! + w[i]!) | 0;
    const s0 = turned(a!, 2) ^ turned(a!, 13) ^ turned(a!, 22);
    const t2 = (s0 + ((a! & b!) ^ (a! & c!) ^ (b! & c!))) | 0;
    [h, g, f, e, d, c, b, a] = [g, f, e, (d! + t1) | 0, c, b, a, (t1 + t2) | 0];
  }
  [a, b, c, d, e, f, g, h].forEach((word, i) => hash[i]! += word!);
}

function turned(word: number, bits: number): number {
  return (word >>> bits) | (word << (32 - bits));
}

function fraction(x: number): number {
  return Math.floor((x - Math.floor(x)) * 2 ** 32);
}

function primes(count: number): number[] {
  const found: number[] = [];
  for (let n = 2; found.length < count; n++) if (found.every((prime) => n % prime !== 0)) found.push(n);
  return found;
}
