import { z } from "zod";
import { everyBeat } from "./beat.ts";
import { flights } from "./data_set.ts";
import { channel, type Visitor } from "./procedure.ts";

/** So few messages are kept that a cut of half a minute shows what happens beyond the history. */
const KEPT = 20;

/** Milliseconds between two messages of the tower. */
const PACE = 1_500;

const who = z.string().trim().min(1).max(24);

/** What is said in a room. The server sets the time, and who it was. */
const message = z.object({
  from: who,
  text: z.string().trim().min(1).max(400),
  sent: z.date().default(() => new Date()),
  /** Who said it, as the server knows them; absent where nobody has signed in. */
  by: z.string().max(40).optional(),
  /** The colour of who said it. */
  hue: z.number().int().min(0).max(359).optional(),
});

/** What the app publishes by itself. */
export interface Announcement {
  readonly from: string;
  readonly text: string;
}

const room = {
  message,
  signal: z.object({ from: who }),
  publish: (said: z.infer<typeof message>, { visitor }: Visitor) => ({
    ...said,
    by: visitor,
    sent: new Date(),
  }),
};

/**
 * A room where people talk. Who has said something may say it otherwise, or take it back, and all may react to it; that is kept as what was said is. Who is typing
 * is not.
 */
export const talk = channel({
  ...room,
  history: { messages: 600, seconds: 3_600 },
  changes: true,
  reactions: { emoji: "distinct" },
});

/** A room of which little is kept. */
export const chat = channel({ ...room, history: { messages: KEPT, seconds: 3_600 } });

/** Announces departures: also while a page is cut off, so that there is something to miss. */
export function startTower(announce: (said: Announcement, key: string) => Promise<unknown>): void {
  everyBeat(PACE, (beat) => {
    const { origin, destination, at } = flights[beat % flights.length]!;
    const time = at.toISOString().slice(11, 16);
    const said = { from: "Tower", text: `${time}  ${origin} to ${destination}, cleared for take-off` };
    return announce(said, `tower ${beat}`);
  });
}
