/**
 * The 16 bytes of an id as characters: a string is the key of a map, and takes a sixth of the memory of a small array under V8. One after the
 * other: `apply` makes a list of them first, 7 % of what a handshake allocates.
 */
export function characters(b: Uint8Array): string {
  if (b.length !== 16) return String.fromCharCode(...b);
  return String.fromCharCode(
    b[0]!,
    b[1]!,
    b[2]!,
    b[3]!,
    b[4]!,
    b[5]!,
    b[6]!,
    b[7]!,
    b[8]!,
    b[9]!,
    b[10]!,
    b[11]!,
    b[12]!,
    b[13]!,
    b[14]!,
    b[15]!,
  );
}
