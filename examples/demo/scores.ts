import { z } from "zod";
import { chance, everyBeat } from "./beat.ts";
import { channel } from "./procedure.ts";

/** Milliseconds between two snapshots. */
const PACE = 1_000;

/** Beats of a round: 90 minutes, and a while with the result. */
const ROUND = 110;

const TEAMS =
  "Aarhus Bergen Calais Derry Evora Faro Genoa Huelva Izmir Jena Kotka Lyon Malmö Nantes Odense Porto".split(
    " ",
  );

const side = z.object({ team: z.string(), goals: z.number(), shots: z.number(), corners: z.number() });
const scoreboard = z.object({
  beat: z.number(),
  minute: z.number(),
  games: z.array(
    z.object({ id: z.string(), home: side, away: side, possession: z.number(), last: z.string() }),
  ),
});

/** All games at one moment. */
export type Scoreboard = z.infer<typeof scoreboard>;

/** Snapshots, of which only the last is kept: it holds all that those before it said. */
export const scores = channel({
  message: scoreboard,
  history: { messages: 1, seconds: 3_600 },
  allow: { publish: () => false },
});

/** Publishes the games as they stand, every second. */
export function startScores(publish: (now: Scoreboard, key: string) => Promise<unknown>): void {
  everyBeat(PACE, (beat) => publish(scoresAt(beat), `scores ${beat}`));
}

/** The games at a beat. They follow from it alone, so that all nodes tell of the same. */
function scoresAt(beat: number): Scoreboard {
  const round = Math.floor(beat / ROUND);
  const minute = Math.min(90, beat % ROUND);
  const games = Array.from({ length: TEAMS.length / 2 }, (_, game) => {
    const last = { minute: 0, text: "kick-off" };
    const sides = [0, 1].map((side) => {
      const team = TEAMS[(2 * game + side + round) % TEAMS.length]!;
      const now = { team, goals: 0, shots: 0, corners: 0 };
      for (let at = 1; at <= minute; at++) {
        const luck = chance(round, game, side, at);
        if (luck < 0.02) now.goals++;
        if (luck < 0.1) now.shots++;
        if (luck > 0.95) now.corners++;
        const what = luck < 0.02 ? "goal" : luck < 0.1 ? "shot" : luck > 0.95 ? "corner" : undefined;
        if (what !== undefined && at >= last.minute) {
          Object.assign(last, { minute: at, text: `${what} ${team}` });
        }
      }
      return now;
    });
    const possession = 35 + Math.round(30 * chance(round, game, Math.floor(minute / 10)));
    return {
      id: `game-${game}`,
      home: sides[0]!,
      away: sides[1]!,
      possession,
      last: `${last.minute}′ ${last.text}`,
    };
  });
  return { beat, minute, games };
}
