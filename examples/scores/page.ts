import type { App, Scores } from "./app.ts";
import { find, make, open } from "../kit/page.ts";

const app = open<App>();
const scores = app.channel("scores");
let shown = new Map<string, string>();

// The last snapshot at once, then each as it comes, as the difference to the one before. Whoever was away needs the newest alone: a snapshot holds all that
// those before it said.
const subscription = scores.subscribe({ rewind: 1, delta: true }, async (event) => {
  if (event.type === "message") return show(event.data);
  if (event.type === "gap") return;
  const { entries } = await scores.history({ limit: 1 });
  if (entries[0] !== undefined) show(entries[0].data);
});

/** What has changed since the snapshot before stands out. */
function show({ tick, games }: Scores): void {
  const now = new Map<string, string>();
  find("tick").textContent = String(tick);
  const { bytes, bytesSaved } = subscription.traffic;
  find("saved").textContent = `${bytesSaved} of ${bytes + bytesSaved}`;
  find("games").replaceChildren(...games.map(({ id, minute, home, away }) => {
    const result = `${home.points} : ${away.points}`;
    now.set(id, result);
    const row = make("tr");
    row.id = id;
    const isFresh = shown.has(id) && shown.get(id) !== result;
    row.append(
      make("td", `${minute}′`, "muted"),
      make("td", home.name),
      make("td", result, isFresh ? "fresh" : ""),
      make("td", away.name),
    );
    return row;
  }));
  shown = now;
}
