// Live scores: a snapshot of all games a tick, of which only the last is kept. `deno serve -A examples/scores/app.ts`, or `bun examples/scores/app.ts`.
import { z } from "zod";
import { channel, millrace } from "../../mod.ts";
import { withPage } from "../kit/serve.ts";

const TICK = 500;

const team = z.object({ name: z.string(), points: z.number().int() });
const scores = z.object({
  tick: z.number().int(),
  games: z.array(z.object({ id: z.string(), minute: z.number().int(), home: team, away: team })),
});

/** All games at one moment. */
export type Scores = z.infer<typeof scores>;

/** What clients call: nothing. They look on. */
export const app = millrace({
  path: "/rpc",
  procedures: {},
  channels: {
    scores: channel({
      message: scores,
      history: { messages: 1, seconds: 3_600 },
      allow: { publish: () => false },
    }),
  },
});
/** The contract: the page imports this type and nothing else. */
export type App = typeof app;

export default withPage(app, import.meta.url, "Scores");

const names = "Aarhus Bergen Calais Derry Evora Faro Genoa Huelva Izmir Jena Kotka Lyon".split(" ");
const games = Array.from({ length: 6 }, (_, at) => ({
  id: `g${at + 1}`,
  minute: 1,
  home: { name: names[2 * at]!, points: 0 },
  away: { name: names[2 * at + 1]!, points: 0 },
}));
let tick = 0;

/** One game goes on each tick, now and then somebody scores, and after 90 minutes the two play again. */
function play(): void {
  const game = games[tick++ % games.length]!;
  const isOver = game.minute === 90;
  game.minute = isOver ? 1 : game.minute + 1;
  if (isOver) game.home.points = game.away.points = 0;
  else if (Math.random() < 0.4) (Math.random() < 0.5 ? game.home : game.away).points++;
  app.publish("scores", { tick, games }).catch(console.error);
}

setInterval(play, TICK);
