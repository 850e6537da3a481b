/** Whether two types are the same, not only assignable both ways. */
export type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles only for `true`: `expect<Equal<typeof found, string>>()`. */
export function expect<T extends true>(): T | undefined {
  return undefined;
}
