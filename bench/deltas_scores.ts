// The feed of bench/deltas.mjs: a match day of 2013 and 2014 from the football results of vega-datasets, as a page of live scores would be sent it. Every tick moves
// the minute of some matches and now and then a score, up to the real results. The same each time.
import { readFileSync } from "node:fs";

interface Result {
  readonly date: string;
  readonly division: string;
  readonly home_team: string;
  readonly away_team: string;
  readonly home_score: number;
  readonly away_score: number;
}

/** One match as it is shown. */
interface Match {
  readonly id: number;
  readonly division: string;
  readonly home: string;
  readonly away: string;
  minute: number;
  score: [home: number, away: number];
  state: "before" | "live" | "over";
}

/** A state of all matches. */
export interface Scores {
  readonly date: string;
  readonly matches: Match[];
}

const MATCHES = 24;
const MINUTES = 90;

/** So many states, each one to five fields away from the one before. */
export function scoreSnapshots(count: number): Scores[] {
  const file = new URL("../node_modules/vega-datasets/data/football.json", import.meta.url);
  const results = JSON.parse(readFileSync(file, "utf8")) as Result[];
  const chance = chanceOf(7);
  const snapshots: Scores[] = [];
  const days = [...new Set(results.map(({ date }) => date))].filter((day) =>
    results.filter(({ date }) => date === day).length >= MATCHES
  );
  for (let day = 0; snapshots.length < count; day++) {
    const date = days[day % days.length]!;
    const played = results.filter((result) => result.date === date).slice(0, MATCHES);
    const matches = played.map(({ division, home_team: home, away_team: away }, id): Match => (
      { id: 1_000 + id, division, home, away, minute: 0, score: [0, 0], state: "before" }
    ));
    while (snapshots.length < count && matches.some(({ state }) => state !== "over")) {
      let fields = 1 + Math.floor(chance() * 5);
      while (fields > 0) {
        const open = matches.filter(({ state }) => state !== "over");
        if (open.length === 0) break;
        const match = open[Math.floor(chance() * Math.min(open.length, 10))]!; // they do not begin at once
        fields -= tick(match, played[match.id - 1_000]!, chance);
      }
      snapshots.push(structuredClone({ date, matches }));
    }
  }
  return snapshots;
}

/** Moves a match on; gives how many fields that has changed. */
function tick(match: Match, { home_score, away_score }: Result, chance: () => number): number {
  if (match.state === "before") {
    match.state = "live";
    match.minute = 1;
    return 2;
  }
  if (match.minute >= MINUTES) {
    match.state = "over";
    match.score = [home_score, away_score];
    return 1;
  }
  match.minute++;
  const [home, away] = match.score;
  const left = home_score + away_score - home - away;
  if (chance() * (MINUTES + 1 - match.minute) >= left) return 1;
  if (chance() * left < home_score - home) match.score = [home + 1, away];
  else match.score = [home, away + 1];
  return 2;
}

/** Chance that is the same each time, from 0 up to 1. */
export function chanceOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return state / 2 ** 32;
  };
}
