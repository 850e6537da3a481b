import type { Traffic } from "../../../client/mod.ts";
import type { Scoreboard } from "../scores.ts";
import { app } from "./connection.ts";
import { element, make, say } from "./element.ts";
import { size } from "./text.ts";

const scores = app.channel("scores");
let before = new Map<string, string>();

/** Shows the games: the last snapshot at once, then each as it comes, as the difference to the one before. */
export function startScores(): void {
  const subscription = scores.subscribe({ rewind: 1, delta: true }, async (event) => {
    if (event.type === "gap") return;
    const newest = event.type === "message" ? event : (await scores.history({ limit: 1 })).entries[0];
    if (newest !== undefined) show(newest.data);
    showTraffic(subscription.traffic);
  });
}

function showTraffic({ bytes, bytesSaved }: Traffic): void {
  const part = Math.floor(bytesSaved / Math.max(1, bytes + bytesSaved) * 100);
  say("scores-bytes", `${size(bytes)} came, ${size(bytesSaved)} (${part} %) saved`);
}

function show(now: Scoreboard): void {
  say("match-minute", now.minute < 90 ? `Minute ${now.minute}` : "Full time");
  const results = new Map<string, string>();
  const rows = element("games", HTMLElement);
  rows.dataset["beat"] = String(now.beat);
  rows.replaceChildren(...now.games.map(({ id, home, away, last }) => {
    const result = `${home.goals} : ${away.goals}`;
    results.set(id, result);
    const isFresh = before.has(id) && before.get(id) !== result;
    return make("tr", {
      class: isFresh ? "fresh" : "",
      inside: [
        make("td", { text: home.team }),
        make("td", { class: "tally", text: result }),
        make("td", { text: away.team }),
        make("td", { class: "last", text: last }),
      ],
    });
  }));
  before = results;
}
