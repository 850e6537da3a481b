/**
 * What subscribers are sent of an entry: PUBLICATION, CHANGE, or what stands for one that is not for them.
 *
 * @module
 */
import { writeBin, writeHead, writeNil, writeString, writeUint } from "../msgpack/encoder.ts";
import { subjectOf } from "./authors.ts";
import type { Entry } from "./broker.ts";
import { changeNumber } from "./change_kinds.ts";
import { PUBLICATION_HEAD, writeGap, writePublication, writeSkip } from "./channel_messages.ts";
import { Kind } from "./kinds.ts";

/** Bytes of CHANGE beside its payload and who made it, at most. */
const CHANGE_HEAD = 64;

/** Bytes that an entry has in a frame, at most: characters count three times. */
export function mostBytes({ data, change, by }: Entry): number {
  return data.length + (change === undefined ? PUBLICATION_HEAD : CHANGE_HEAD + 3 * (by?.length ?? 0));
}

/** Writes an entry for who takes changes. What was deleted is nobody's business any more. */
export function writeEntry(alias: number, entry: Entry): void {
  const { isGone, change, offset, fingerprint } = entry;
  if (isGone) writeSkip(alias, offset, fingerprint);
  else if (change === undefined) writePublication(alias, entry);
  else writeChange(alias, entry);
}

/**
 * Writes an entry for one client: what it does not take, or is too large for it, is a gap.
 *
 * @param most Its `limits.message`.
 * @returns Whether it has the message whole now.
 */
export function writeEntryFor(
  alias: number,
  entry: Entry,
  { takesChanges, most }: { readonly takesChanges: boolean; readonly most: number },
): boolean {
  const { change, isGone, offset, fingerprint, data } = entry;
  const gap = (reason: string) => writeGap(alias, { from: offset, to: offset, fingerprint, reason });
  const isTooLarge = data.length + PUBLICATION_HEAD > most || mostBytes(entry) > most;
  if (change?.kind === "react" && !takesChanges) writeSkip(alias, offset, fingerprint); // nothing of what it knows is missing
  else if (change !== undefined && !takesChanges && !isGone) gap(change.kind);
  else if (isTooLarge) gap("too large");
  else writeEntry(alias, entry);
  return change === undefined && !isGone && !isTooLarge;
}

/** CHANGE: `[44, alias, offset, fingerprint, change, target, by, payload]`. The payload is copied. */
function writeChange(alias: number, { offset, fingerprint, change, by, data }: Entry): void {
  writeHead(8, Kind.CHANGE, alias, offset);
  writeUint(fingerprint);
  writeUint(changeNumber(change!.kind));
  writeUint(change!.target);
  const subject = subjectOf(by);
  if (subject === undefined) writeNil();
  else writeString(subject);
  writeBin(data);
}
