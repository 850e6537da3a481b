import type { Position } from "../../client/mod.ts";
import type { App } from "./app.ts";
import { asked, find, make, onSend, open, unique } from "../kit/page.ts";

const user = asked("user", "ada");
const app = open<App>({ token: `token-of-${user}` });
const inbox = app.channel("inbox/:user", { user });
const unread = find("inbox");
const stored = `read by ${user}`;
find("user").textContent = user;
find<HTMLSelectElement>("to").value = user === "ada" ? "ben" : "ada";

/** Up to where everything was read: kept, so that whoever opens the page again gets what came meanwhile. */
let read = JSON.parse(localStorage.getItem(stored) ?? "null") as Position | null;
let newest: Position | undefined;

// After what was read; all that is kept, the first time. What comes is unread.
const start = read === null ? { rewind: 200 } : { position: read };
const own = inbox.subscribe(start, async (event) => {
  newest = event.position;
  if (event.type === "message") return show(event.data);
  if (event.type === "gap") return;
  // More came than is kept, or the channel was begun anew: what is kept counts as unread.
  const { entries } = await inbox.history({ before: event.position.offset + 1, limit: 200 });
  unread.replaceChildren();
  count();
  for (const { data } of entries.toReversed()) show(data);
});
own.ready().catch((error) => say(`No inbox: ${error.message}`));

function show({ from, text, sent }: { from: string; text: string; sent: Date }): void {
  const line = make("li", `${text} `);
  line.prepend(make("b", `${from}: `));
  line.append(make("span", sent.toLocaleTimeString(), "muted"));
  unread.prepend(line);
  count();
}

function count(): void {
  find<HTMLButtonElement>("read").disabled = unread.childElementCount === 0;
  find("unread").textContent = String(unread.childElementCount);
  document.title = unread.childElementCount > 0
    ? `(${unread.childElementCount}) Notifications`
    : "Notifications";
}

find("read").addEventListener("click", () => {
  if (newest === undefined) return;
  read = newest;
  localStorage.setItem(stored, JSON.stringify(read));
  unread.replaceChildren();
  count();
});

// What is sent has a key of its own; sent again with that, it is the same notification.

let last: { to: string; text: string; key: string } | undefined;

onSend("send", () => {
  const text = find<HTMLInputElement>("text");
  last = { to: find<HTMLSelectElement>("to").value, text: text.value, key: unique() };
  text.value = "";
  find<HTMLButtonElement>("again").disabled = false;
  return notify();
});

find("again").addEventListener("click", () => notify(", once"));

async function notify(often = ""): Promise<void> {
  if (last === undefined) return;
  const { to, text, key } = last;
  say(`Sending “${text}”`);
  try {
    await app.call.notify({ to, text, key }, { key });
    say(`${to} has “${text}”${often}`);
  } catch (error) {
    const again = app.state.status === "closed" ? "" : ": send it again, it lands once";
    say((error as Error).message + again);
  }
}

function say(text: string): void {
  find("outcome").textContent = text;
}
