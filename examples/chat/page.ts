import type { App } from "./app.ts";
import type { ReactionSummary } from "../../client/mod.ts";
import { asked, find, kept, lately, make, onSend, open, press, toggle, unique } from "../kit/page.ts";

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
  if (event.type === "message") return show(event.position.offset, event.data);
  if (event.type === "edit") return becomes(event.target, event.data);
  if (event.type === "delete") return remove(event.target);
  if (event.type === "reactions") return count(event.target, event.summary);
  if (event.type === "gap") return add(make("li", `Some of it does not come: ${event.reason}`, "muted"));
  if (event.type !== "reset") return;
  // More was said than is kept: what is kept is loaded as it is now, up to where what comes next goes on.
  const { entries } = await room.history({ before: event.position.offset + 1, limit: 500 });
  if (editing !== undefined) edit();
  log.replaceChildren(make("li", "What was said before is no longer kept.", "muted"));
  for (const { data, position, reactions, editedAt } of entries.toReversed()) {
    if (data === undefined) continue; // deleted
    show(position.offset, data);
    if (editedAt !== undefined) becomes(position.offset, data);
    count(position.offset, reactions);
  }
});

type Said = { from: string; text: string; by: string };

function show(offset: number, said: Said): void {
  typing.remove(said.from);
  const line = Object.assign(make("li"), { id: `line-${offset}`, tabIndex: 0 });
  const react = (emoji: string) => (isBack: boolean) =>
    tried(isBack ? room.unreact(offset, "emoji", emoji) : room.react(offset, "emoji", emoji));
  const bar = make("span", "", "bar");
  bar.append(...["👍", "❤️", "🎉"].map((emoji) => toggle(emoji, react(emoji))));
  if (said.by === own) {
    const change = press("Edit", () => edit(editing === offset ? undefined : offset)); // once more: as it was
    bar.append(change, press("Delete", () => tried(room.delete(offset))));
  }
  line.append(make("b", said.from), " ", make("span", said.text, "said"), bar);
  add(line);
}

function lineOf(offset?: number): HTMLElement | null {
  return document.querySelector(`#line-${offset}`);
}

function becomes(offset: number, said: Said): void {
  lineOf(offset)?.querySelector("b")?.replaceWith(make("b", said.from));
  lineOf(offset)?.querySelector(".said")?.replaceWith(make("span", said.text, "said edited"));
}

function remove(offset: number): void {
  if (editing === offset) edit();
  lineOf(offset)?.remove();
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
  told = -Infinity; // the next letter is told of at once
  if (target !== undefined) return await tried(room.edit(target, said));
  const waiting = make("li", `${said.from} ${said.text}`, "waiting");
  if (app.state.status !== "open") add(waiting);
  await tried(room.publish(said));
  waiting.remove();
});

/** What is said next takes the place of this line, or of none. */
function edit(offset?: number): void {
  lineOf(editing)?.classList.remove("chosen");
  lineOf(offset)?.classList.add("chosen");
  editing = offset;
  text.value = offset === undefined ? "" : lineOf(offset)?.querySelector(".said")?.textContent ?? "";
  find("button").textContent = offset === undefined ? "Send" : "Save";
  text.focus();
}
text.addEventListener("keydown", ({ key }) => key === "Escape" && edit());

async function tried(done: Promise<unknown>): Promise<void> {
  await done.catch(({ message }) => add(make("li", `Not done: ${message}`, "muted")));
}

// Who is here: for as long as the page is open, also where its network is away for a moment.
room.presence.watch(({ count, members }) => {
  const names = members.map(({ data }) => data.name).sort().join(", ");
  find("here").textContent = count === 0 ? "\u00a0" : `${count} here: ${names}`; // none is oneself on the way in
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
let told = -Infinity;
text.addEventListener("input", () => {
  if (performance.now() - told < 1_250) return; // others are told twice in the time that it counts for
  told = performance.now();
  room.signal({ typing: name.value });
});
