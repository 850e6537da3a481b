import { z } from "zod";
import { flights } from "./data_set.ts";
import { channel } from "./procedure.ts";

/** So few messages are kept that a cut of half a minute shows what happens beyond the history. */
const KEPT = 20;

/** Milliseconds between two messages of the tower. */
const PACE = 1_500;

const who = z.string().trim().min(1).max(24);

/** What is said in a room. The server sets the time. */
const message = z.object({
  from: who,
  text: z.string().trim().min(1).max(400),
  sent: z.date().default(() => new Date()),
});

/** What the app publishes by itself. */
export interface Announcement {
  readonly from: string;
  readonly text: string;
}

/** A chat, one channel a room: messages are kept, who is typing is not. */
export const chat = channel({
  message,
  signal: z.object({ from: who }),
  history: { messages: KEPT, seconds: 3_600 },
  publish: (said) => ({ ...said, sent: new Date() }),
});

/**
 * Announces departures for as long as the process lives: also while a page is cut off, so that there is something to miss. What is announced
 * when follows from the clock, and the beat is its key: of several nodes that share a broker all announce, and each departure lands once.
 */
export function startTower(announce: (said: Announcement, key: string) => Promise<unknown>): void {
  const wait = () => setTimeout(speak, PACE - Date.now() % PACE);
  const speak = () => {
    const beat = Math.floor(Date.now() / PACE);
    const { origin, destination, at } = flights[beat % flights.length]!;
    const time = at.toISOString().slice(11, 16);
    const said = { from: "Tower", text: `${time}  ${origin} to ${destination}, cleared for take-off` };
    announce(said, `tower ${beat}`).catch(console.error);
    wait();
  };
  wait();
}
