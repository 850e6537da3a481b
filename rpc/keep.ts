import type { Unit } from "./receiver.ts";

/** A payload that outlives the call: a view when it is most of its frame anyway, else a copy that does not pin the frame. */
export function keep({ bytes, start, end }: Unit): Uint8Array {
  return (end - start) * 2 >= bytes.buffer.byteLength ? bytes.subarray(start, end) : bytes.slice(start, end);
}
