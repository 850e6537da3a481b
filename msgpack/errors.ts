/**
 * Thrown when bytes are not one valid MessagePack value by the rules of this codec: truncated, over a limit, a
 * key twice, not UTF-8. The message says which byte and why; it never contains the bytes themselves.
 */
export class DecodeError extends Error {
  /** Where in the given bytes the reader stood, counted from the start of the whole array, not of the range. */
  readonly offset: number;

  /** `reason` completes "Cannot decode byte N: …". */
  constructor(reason: string, offset: number) {
    super(`Cannot decode byte ${offset}: ${reason}`);
    this.name = "DecodeError";
    this.offset = offset;
  }
}

/** The mistake of a caller who reads outside of `bytes`: there a typed array has nothing and says nothing. */
export function refuseRange(bytes: Uint8Array, start: number, stop: number): never {
  throw new RangeError(`Cannot read bytes ${start} to ${stop}: there are ${bytes.length}`);
}
