// Uploads of the JSON RPC by hand: `[5, id, piece]` in base64, `[6, id]` for each; null ends it, and the answer is its size.
import { z } from "zod";
import { decode } from "./procedures.ts";

const uploads = new WeakMap<object, number>();

/** Takes a piece of the upload that belongs to a connection; returns what answers it. */
export function upload(socket: object, [kind, id, piece]: unknown[]): unknown {
  if (kind !== 5 || !Number.isSafeInteger(id)) return [0, 0, "not a piece"];
  const size = uploads.get(socket) ?? 0;
  uploads.set(socket, piece === null ? 0 : size + decode(z.string().parse(piece)).length);
  return piece === null ? [2, id, size] : [6, id];
}
