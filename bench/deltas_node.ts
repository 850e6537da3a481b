// A node of bench/deltas.mjs: two channels that carry the same feed, one for subscribers that take differences, one for those that do not.
import process from "node:process";
import { channel, millrace, procedure } from "../mod.ts";
import type { Schema } from "../mod.ts";
import { chanceOf, scoreSnapshots } from "./deltas_scores.ts";

/** What is asked of it: which update of which feed goes where. */
export interface Update {
  readonly feed: "scores" | "noise";
  readonly to: "whole" | "delta";
  readonly n: number;
}

function trusted<T>(): Schema<T> {
  return { "~standard": { version: 1, vendor: "bench", validate: (value) => ({ value: value as T }) } };
}

/** Updates of each feed. */
export const UPDATES = 1_000;
const chance = chanceOf(1);
const feeds = {
  scores: scoreSnapshots(UPDATES),
  /** Of the same size, and nothing in it stays. */
  noise: Array.from({ length: UPDATES }, () => Uint8Array.from({ length: 2_450 }, () => chance() * 256)),
};

/** What a client asks for. */
const procedures = {
  /** Publishes one. */
  update: procedure({ input: trusted<Update>() }, async ({ feed, to, n }) => {
    await app.publish("feed/:id", { id: `${feed}-${to}` }, feeds[feed][n % UPDATES]);
  }),
  /** Microseconds of CPU that this process has taken. */
  cpu: procedure(() => {
    const { user, system } = process.cpuUsage();
    return user + system;
  }),
};

/** The app. */
export const app = millrace({
  procedures,
  channels: { "feed/:id": channel({ message: trusted<unknown>(), history: { messages: 10 } }) },
});
export type App = typeof app;
export default app;
