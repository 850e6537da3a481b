/**
 * What a change does, as a number on the wire.
 *
 * @module
 */
import type { ChangeKind } from "./broker.ts";

const KINDS: readonly (ChangeKind | undefined)[] = [undefined, "edit", "append", "delete", "react"];

/** The number of a change. */
export function changeNumber(kind: ChangeKind): number {
  return KINDS.indexOf(kind);
}

/** What a number says; `undefined` for one that is none. */
export function changeKind(number: number): ChangeKind | undefined {
  return KINDS[number];
}
