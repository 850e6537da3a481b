/**
 * What a script that reads answers.
 *
 * @module
 */
import type { Page } from "../rpc/broker.ts";
import { entryOf } from "./entries.ts";

/** What a read answers. */
export type PageReply = readonly [string, string, string, string, string, string, readonly string[]];

/**
 * The page.
 *
 * @throws {Error} What was not written by this package.
 */
export function pageOf([epoch, offset, fingerprint, oldest, boundary, more, flat]: PageReply): Page {
  const entries = [];
  for (let i = 0; i < flat.length; i += 5) {
    const [offset, head, data, state, reactions] = flat.slice(i, i + 5) as [
      string,
      string,
      string,
      string,
      string,
    ];
    entries.push(entryOf(Number(offset), head, data, { state, reactions }));
  }
  return {
    epoch,
    top: { offset: Number(offset), fingerprint: Number(fingerprint) },
    oldest: Number(oldest),
    boundary: boundary === "" ? undefined : Number(boundary),
    entries,
    more: more === "1",
  };
}
