import type { App } from "./app.ts";
import { asked, find, make, onSend, open } from "../kit/page.ts";

/** Milliseconds after which somebody who says nothing more does not type any longer. */
const TYPING = 2_500;

const app = open<App>();
const room = app.channel("room/:id", { id: asked("room", "lobby") });
const log = find("log");
const [name, text] = [find<HTMLInputElement>("name"), find<HTMLInputElement>("text")];
name.value = asked("name", `Guest ${Math.floor(Math.random() * 900 + 100)}`);

// The latest 50, and all that follow. After a lost connection it goes on where it was.
room.subscribe({ rewind: 50 }, async (event) => {
  if (event.type === "message") return show(event.data);
  if (event.type === "gap") return mark(`${event.from} to ${event.to} do not come: ${event.reason}`);
  // More was said than is kept: what is kept is loaded anew, up to where what comes next goes on.
  const { entries } = await room.history({ before: event.position.offset + 1, limit: 50 });
  log.replaceChildren();
  mark("What was said before is no longer kept.");
  for (const { data } of entries.toReversed()) show(data);
});

function show({ from, text }: { from: string; text: string }): void {
  stopsTyping(from);
  const line = make("li", ` ${text}`);
  line.prepend(make("b", from));
  add(line);
}

function mark(text: string): void {
  add(make("li", text, "muted"));
}

function add(line: HTMLElement): void {
  log.append(line);
  log.scrollTop = log.scrollHeight;
}

// It lands once, however often it has to be sent; without a connection it waits for one.
onSend("send", async () => {
  const said = { from: name.value, text: text.value };
  text.value = "";
  told = -Infinity;
  const waiting = make("li", `${said.from} ${said.text}`, "waiting");
  if (app.state.status !== "open") add(waiting);
  try {
    await room.publish(said);
  } catch (error) {
    mark(`Not said: ${said.text} (${(error as Error).message})`);
  }
  waiting.remove();
});

// Who is here: for as long as the page is open, also where its network is away for a moment.

room.presence.watch(({ count, members }) => {
  const names = members.map(({ data }) => data.name).sort();
  find("here").textContent = `${count} here: ${names.join(", ")}`;
});

function enter(): void {
  if (name.validity.valid) void room.presence.enter({ name: name.value });
}
name.addEventListener("change", enter);
addEventListener("pageshow", enter);
addEventListener("pagehide", () => void room.presence.leave());

// Who is typing.

const typing = new Map<string, ReturnType<typeof setTimeout>>();
let told = -Infinity;

text.addEventListener("input", () => {
  if (performance.now() - told < TYPING / 2) return;
  told = performance.now();
  room.signal({ typing: name.value });
});

room.onSignal(({ typing: who }) => {
  clearTimeout(typing.get(who));
  typing.set(who, setTimeout(() => stopsTyping(who), TYPING));
  showTyping();
});

function stopsTyping(who: string): void {
  clearTimeout(typing.get(who));
  typing.delete(who);
  showTyping();
}

function showTyping(): void {
  const who = [...typing.keys()].join(" and ");
  find("typing").textContent = who === "" ? "\u00a0" : `${who} is typing`;
}
