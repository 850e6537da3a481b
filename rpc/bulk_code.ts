/**
 * The code of streams and of large messages, which a page that makes small calls does without.
 *
 * @module
 */
import { Assembly } from "./assembly.ts";
import type { BulkCode, BulkSource } from "./bulk_source.ts";
import { Streams } from "./streams.ts";

/** The code itself. */
export const BULK_CODE: BulkCode = { Streams, Assembly };

/** Where it is there from the beginning: on servers. */
export const BULK: BulkSource = {
  code: BULK_CODE,
  await() {},
  postpone() {},
};
