/** Bytes as characters, for ids: a string is the key of a map, and takes a sixth of the memory of a small array under V8. */
export function characters(bytes: Uint8Array): string {
  return String.fromCharCode.apply(null, bytes as unknown as number[]);
}
