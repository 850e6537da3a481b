import { encode } from "../../../msgpack/mod.ts";
import type { Scoreboard } from "../scores.ts";
import { app } from "./connection.ts";
import { element, make, say } from "./element.ts";
import { size, some } from "./text.ts";

const scores = app.channel("scores");
const sums = { snapshots: 0, bytes: 0 };
let before = new Map<string, string>();

/** Shows the games: the last snapshot at once, then each as it comes. */
export function startScores(): void {
  scores.subscribe({ rewind: 1 }, async (event) => {
    if (event.type === "message") return show(event.data);
    if (event.type === "gap") return;
    const { entries } = await scores.history({ limit: 1 });
    if (entries[0] !== undefined) show(entries[0].data);
  });
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
  sums.snapshots++;
  sums.bytes += encode(now).byteLength;
  say("scores-bytes", `${some(sums.snapshots, "snapshot")} of ${size(sums.bytes / sums.snapshots)}`);
}
