/** Whether something is an integer from 0 to 2^53-1: what the wire calls a uint, after it was decoded. */
export function isUint(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

/** A time as the wire has it. */
export function wholeMs(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.min(Math.ceil(ms), Number.MAX_SAFE_INTEGER);
}
