import type { App } from "./app.ts";
import type { ReactionSummary } from "../../client/mod.ts";
import { asked, find, kept, lately, make, onSend, onType, open, press, toggle, unique } from "../kit/page.ts";

const app = open<App>({ token: kept("secret", unique) });
const room = app.channel("room/:id", { id: asked("room", "lobby") });
const log = find("log");
const [name, text] = [find<HTMLInputElement>("name"), find<HTMLInputElement>("text")];
name.value = asked("name", kept("name", () => `Guest ${Math.floor(Math.random() * 900 + 100)}`));
let editing: number | undefined;
let own: string | undefined;

// All that is kept, and all that follows. After a lost connection it goes on where it was.
room.subscribe({ rewind: 500 }, async (event) => {
  own ??= (await app.call.me().result()).value; // where that cannot be asked, no line is one's own
  const said = "target" in event ? says(event.target) : null;
  if (event.type === "message") return show(event.position.offset, event.data);
  if (event.type === "edit") return said?.replaceWith(make("span", event.data.text, "said edited"));
  if (event.type === "delete") return said?.parentElement?.remove();
  if (event.type === "reactions") return count(event.target, event.summary);
  if (event.type === "gap") return add(make("li", `Some of it does not come: ${event.reason}`, "muted"));
  if (event.type !== "reset") return;
  // More was said than is kept: what is kept is loaded as it is now, up to where what comes next goes on.
  const { entries } = await room.history({ before: event.position.offset + 1, limit: 500 });
  log.replaceChildren(make("li", "What was said before is no longer kept.", "muted"));
  for (const { data, position, reactions, editedAt } of entries.toReversed()) {
    if (data === undefined) continue; // deleted
    show(position.offset, data, editedAt === undefined ? "said" : "said edited");
    count(position.offset, reactions);
  }
});

function show(offset: number, said: { from: string; text: string; by: string }, how = "said"): void {
  typing.remove(said.from);
  const line = Object.assign(make("li"), { id: `line-${offset}`, tabIndex: 0 });
  const react = (emoji: string) => (isBack: boolean) =>
    tried(isBack ? room.unreact(offset, "emoji", emoji) : room.react(offset, "emoji", emoji));
  const bar = make("span", "", "bar");
  bar.append(...["👍", "❤️", "🎉"].map((emoji) => toggle(emoji, react(emoji))));
  if (said.by === own) {
    bar.append(press("Edit", () => edit(offset)), press("Delete", () => tried(room.delete(offset))));
  }
  line.append(make("b", said.from), " ", make("span", said.text, how), bar);
  add(line);
}

function says(offset: number): HTMLElement | null {
  return document.querySelector(`#line-${offset} .said`);
}

function count(offset: number, { emoji }: ReactionSummary): void {
  const values = emoji !== undefined && "values" in emoji ? emoji.values : [];
  for (const button of document.querySelectorAll<HTMLButtonElement>(`#line-${offset} [value]`)) {
    const said = values.find(({ value }) => value === button.value);
    button.textContent = `${button.value} ${said?.total ?? ""}`.trim();
    button.classList.toggle("some", said !== undefined);
    button.ariaPressed = String(said?.users.some(({ user }) => user === own) ?? false);
  }
}

function add(line: HTMLElement): void {
  log.append(line);
  log.scrollTop = log.scrollHeight;
}

// It lands once, however often it has to be sent; without a connection it waits for one.
onSend("send", async () => {
  const said = { from: name.value, text: text.value };
  const target = editing;
  edit();
  if (target !== undefined) return await tried(room.edit(target, said));
  const waiting = make("li", `${said.from} ${said.text}`, "waiting");
  if (app.state.status !== "open") add(waiting);
  await tried(room.publish(said));
  waiting.remove();
});

/** What is said next takes the place of this line, or of none: also where this line was chosen before. */
function edit(line?: number): void {
  find(`line-${editing}`)?.classList.remove("chosen");
  editing = line === editing ? undefined : line;
  find(`line-${editing}`)?.classList.add("chosen");
  text.value = editing === undefined ? "" : says(editing)?.textContent ?? "";
  find("button").textContent = editing === undefined ? "Send" : "Save";
  text.focus();
}
text.addEventListener("keydown", ({ key }) => key === "Escape" && edit());

async function tried(done: Promise<unknown>): Promise<void> {
  await done.catch(({ message }) => add(make("li", `Not done: ${message}`, "muted")));
}

// Who is here: for as long as the page is open, also where its network is away for a moment.
room.presence.watch(({ count, members }) => {
  if (count === 0) return; // oneself is on the way in
  find("here").textContent = `${count} here: ${members.map(({ data }) => data.name).sort().join(", ")}`;
});
const enter = () => name.validity.valid && room.presence.enter({ name: name.value });
name.addEventListener("change", enter);
addEventListener("pageshow", enter);
addEventListener("pagehide", () => void room.presence.leave());

// Who is typing, until 2.5 s after the last letter.
const typing = lately(2_500, (names) => {
  const are = names.length > 1 ? "are" : "is";
  find("typing").textContent = names.length === 0 ? "\u00a0" : `${names.join(" and ")} ${are} typing`;
});
room.onSignal(({ typing: who }) => typing.add(who));
onType(text, 1_250, () => room.signal({ typing: name.value }));
