import { createHash } from "node:crypto";
import { z } from "zod";
import { bytes } from "../../mod.ts";
import { Feed } from "./feed.ts";
import { procedure, received, sent } from "./procedure.ts";

/** How far an upload is, as the server sees it. */
export interface Progress {
  /** Bytes received so far. */
  received: number;
  /** Pieces they came in. */
  pieces: number;
}

const progress = new Feed<Progress>();

/** How often progress is told, at most. */
const RHYTHM = 100;

const ticket = z.string().min(8).max(64);

/** Files from clients: counted and hashed, never stored. */
export const fileProcedures = {
  /** Takes the bytes of a file; gives their number and their SHA-256. */
  receive: procedure.upload({
    input: z.object({ name: z.string().max(255), ticket }),
    items: bytes(),
    output: z.object({
      name: z.string(),
      bytes: z.number(),
      pieces: z.number(),
      sha256: z.string(),
      ms: z.number(),
    }),
    timeout: 600_000,
  }, async ({ name, ticket }, pieces) => {
    const hash = createHash("sha256");
    const started = performance.now();
    const now: Progress = { received: 0, pieces: 0 };
    let told = started;
    for await (const piece of received(pieces)) {
      hash.update(piece);
      now.received += piece.byteLength;
      now.pieces++;
      if (performance.now() - told < RHYTHM) continue;
      told = performance.now();
      progress.publish(ticket, { ...now });
    }
    progress.publish(ticket, { ...now });
    const ms = performance.now() - started;
    return { name, bytes: now.received, pieces: now.pieces, sha256: hash.digest("hex"), ms };
  }),

  /** How far the upload with the same ticket is. */
  progress: procedure.stream(
    { input: z.object({ ticket }) },
    ({ ticket }, { signal }) => sent(progress.follow(ticket, signal)),
  ),
};
