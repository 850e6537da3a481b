/**
 * What those who share a policy are given, in one frame for all of them.
 *
 * @module
 */
import { begin, end, written } from "../msgpack/encoder.ts";
import { PUBLICATION_HEAD, writePublication } from "./channel_messages.ts";
import { type Excused, type KeptPage, writeHole } from "./kept_page.ts";
import type { SharedFrame } from "./shared_frames.ts";

/** The frame of a page for all who are at an offset. */
export function keptFrame(alias: number, after: number, kept: KeptPage): SharedFrame {
  const { given, reason } = kept;
  const entries = given.map(({ entry }) => entry);
  const size = entries.reduce((sum, { data }) => sum + data.length, 0);
  const excused: Excused[] = [];
  let messages = 0;
  const before = (i: number) => i === 0 ? after : entries[i - 1]!.offset;
  const hole = (i: number) => writeHole(alias, before(i) + 1, { given: given[i]!, reason });
  begin(new Uint8Array(size + given.length * (2 * PUBLICATION_HEAD + 32)), 0);
  for (const [i, entry] of entries.entries()) {
    messages += entry.offset > before(i) + 1 ? 2 : 1;
    const count = hole(i);
    if (count > 0) excused.push({ to: entry.offset - 1, count });
    writePublication(alias, entry);
  }
  const length = end();
  const part = { given: entries, writeHole: (i: number) => void hole(i) };
  return { bytes: written().subarray(0, length), messages, excused, entries, part, kept };
}
