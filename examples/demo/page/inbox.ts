import type { Position } from "../../../client/mod.ts";
import { app } from "./connection.ts";
import { announce, element, make, say } from "./element.ts";
import { short } from "./failure.ts";
import { visitor } from "./own.ts";

/** Notifications that are shown. */
const MOST = 30;

/** What a visitor is notified of. */
interface Note {
  readonly text: string;
  readonly sent: Date;
}

const time = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });
let newest: Position | undefined;
let unread = 0;

let isFollowed = false;

/** Follows the inbox of this page, as soon as there is a connection. */
export function startInbox(): void {
  element("mark-read", HTMLButtonElement).addEventListener("click", markRead);
  element("remind", HTMLButtonElement).addEventListener("click", () => void remind());
  count(0);
  app.on("state", ({ status }) => status === "open" && void visitor().then(follow, () => {}));
}

/** Everything after the place up to which it was read. */
function follow(own: string): void {
  if (isFollowed) return;
  isFollowed = true;
  const inbox = app.channel("inbox/:visitor", { visitor: own });
  const read = JSON.parse(sessionStorage.getItem("read") ?? "null") as Position | null;
  inbox.subscribe(read === null ? { rewind: MOST } : { position: read }, async (event) => {
    newest = event.position;
    if (event.type === "message") return show(event.data);
    if (event.type === "gap") return;
    const { entries } = await inbox.history({ before: event.position.offset + 1, limit: MOST });
    element("inbox", HTMLOListElement).replaceChildren();
    count(0);
    for (const { data } of entries.toReversed()) show(data);
  });
}

function show({ text, sent }: Note): void {
  const list = element("inbox", HTMLOListElement);
  list.prepend(make("li", { inside: [make("span", { text }), make("time", { text: time.format(sent) })] }));
  while (list.childElementCount > MOST) list.lastElementChild!.remove();
  count(unread + 1);
  announce(text);
}

function count(now: number): void {
  unread = now;
  say("unread", String(now));
  element("bell", HTMLElement).classList.toggle("some", now > 0);
  element("mark-read", HTMLButtonElement).disabled = now === 0;
  document.title = now === 0 ? "Millrace demo" : `(${now}) Millrace demo`;
}

/** What was read is known by its place: a page that is loaded anew begins after it. */
function markRead(): void {
  if (newest !== undefined) sessionStorage.setItem("read", JSON.stringify(newest));
  element("inbox", HTMLOListElement).replaceChildren();
  count(0);
}

async function remind(): Promise<void> {
  const key = crypto.getRandomValues(new Uint32Array(3)).join("-");
  try {
    await app.call.inbox.remind({ seconds: 5, key }, { key });
    announce("You are reminded in 5 s");
  } catch (error) {
    announce(`You are not reminded: ${short(error)}`);
  }
}
