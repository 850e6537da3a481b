/**
 * What a change does, as a number on the wire.
 *
 * @module
 */
import type { ChangeKind } from "./broker.ts";
import { isUint } from "./uint.ts";

const KINDS: readonly (ChangeKind | undefined)[] = [undefined, "edit", "append", "delete", "react"];

/** The number of a change. */
export function changeNumber(kind: ChangeKind): number {
  return KINDS.indexOf(kind);
}

/** What a number says; `undefined` for one that is none. */
export function changeKind(number: number): ChangeKind | undefined {
  return KINDS[number];
}

/** What a number says that a client asks for with a message: it makes no summaries of reactions. */
export function askedKind(number: unknown): Exclude<ChangeKind, "react"> | undefined {
  const kind = isUint(number) ? changeKind(number) : undefined;
  return kind === "react" ? undefined : kind;
}
