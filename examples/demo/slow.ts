import { z } from "zod";
import { CallError } from "../../mod.ts";
import { Feed } from "./feed.ts";
import { procedure, sent } from "./procedure.ts";
import { pause } from "./time.ts";

/** What the server noted about a slow call. */
export interface Note {
  /** What happened. */
  event: "started" | "finished" | "aborted";
  /** Milliseconds since the call started, by the server's clock. */
  after: number;
}

const notes = new Feed<Note>();
const ticket = z.string().min(8).max(64);

/** A call that takes its time, unless it is told to stop. */
export const slow = procedure(
  { input: z.object({ seconds: z.number().min(0).max(60), ticket: ticket.optional() }) },
  async ({ seconds, ticket }, { signal }) => {
    const started = performance.now();
    const note = (event: Note["event"]) => {
      if (ticket !== undefined) {
        notes.publish(ticket, { event, after: Math.round(performance.now() - started) });
      }
    };
    note("started");
    await pause(seconds * 1_000, signal);
    note(signal.aborted ? "aborted" : "finished");
    if (signal.aborted) throw new CallError("CANCELLED");
    return `worked for ${seconds} s`;
  },
);

/** What the server notes about the slow calls with this ticket. */
export const journal = procedure.stream(
  { input: z.object({ ticket }) },
  ({ ticket }, { signal }) => sent(notes.follow(ticket, signal)),
);
