import type { ChannelEvent, ClientState } from "../../../client/mod.ts";
import { app } from "./connection.ts";
import { announce, element, make } from "./element.ts";
import { short } from "./failure.ts";
import { ChatLine } from "./chat_line.ts";
import { me } from "./me.ts";
import { visitor } from "./own.ts";
import { append, keepEnd, type Said, spoken } from "./spoken.ts";
import { saysIt, startTyping, stopsTyping } from "./typing.ts";

/** Lines that are shown; older ones go. */
const MOST = 200;
/** As much as the room keeps, changes and reactions among it. */
const KEPT = 600;

type Heard = ChannelEvent<Said, "changes" | "reactions">;

const room = app.channel("talk/:room", { room: "lobby" });
/** What is shown, by its number. */
const lines = new Map<number, ChatLine>();
/** The line that is being said otherwise. */
let editing: ChatLine | undefined;

/** Makes the panel work. */
export function startChat(): void {
  const text = element("chat-text", HTMLInputElement);
  element("chat", HTMLFormElement).addEventListener("submit", (event) => {
    event.preventDefault();
    void (editing === undefined ? send(text) : change(editing, text));
  });
  text.addEventListener("keydown", ({ key }) => key === "Escape" && edit(undefined));
  element("chat-keep", HTMLButtonElement).addEventListener("click", () => edit(undefined));
  log().addEventListener("keydown", walk);
  log().addEventListener("focusin", reveal);
  startTyping();
  app.on("state", showState);
  room.subscribe({ rewind: KEPT }, hear);
}

async function hear(event: Heard): Promise<void> {
  switch (event.type) {
    case "message":
      return add(event.position.offset, event.data);
    case "edit":
      stopsTyping(event.data.from);
      return keepEnd(log(), () => lines.get(event.target)?.becomes(event.data));
    case "delete":
      return keepEnd(log(), () => remove(event.target));
    case "reactions":
      return keepEnd(log(), () => lines.get(event.target)?.count(event.summary));
    case "gap":
      return mark(`${event.from} to ${event.to} do not come: ${event.reason}`, true);
    case "reset":
      return await load(event.position.offset);
  }
}

/** More was said than is kept: what is kept stands in its stead, as it is now. */
async function load(offset: number): Promise<void> {
  const { entries } = await room.history({ before: offset + 1, limit: KEPT });
  log().replaceChildren();
  lines.clear();
  edit(undefined);
  mark("What was said before is no longer kept.", true);
  for (const { data, position, reactions, editedAt } of entries.toReversed()) {
    if (data === undefined) continue; // deleted
    await add(position.offset, data);
    const line = lines.get(position.offset)!;
    if (editedAt !== undefined) line.becomes(data);
    line.count(reactions);
  }
}

async function add(offset: number, said: Said): Promise<void> {
  stopsTyping(said.from);
  const own = await visitor().catch(() => undefined); // where that cannot be asked, no line is one's own
  const line = new ChatLine(offset, said, { own, react, edit, remove: takeBack });
  lines.set(offset, line);
  append(log(), line.element, MOST);
  if (lines.size > MOST) lines.delete(lines.keys().next().value!);
}

function remove(offset: number): void {
  const line = lines.get(offset);
  if (line === editing) edit(undefined);
  line?.isGone();
}

function log(): HTMLOListElement {
  return element("chat-log", HTMLOListElement);
}

/** Arrows go from line to line: what can be done with a line is shown where it is. */
function walk(event: KeyboardEvent): void {
  const down = { ArrowDown: true, ArrowUp: false }[event.key];
  if (down === undefined) return;
  event.preventDefault();
  const all = [...log().querySelectorAll<HTMLElement>("li[tabindex]")];
  const at = all.findIndex((line) => line.contains(document.activeElement));
  const next = at < 0 ? all.at(-1) : all[at + (down ? 1 : -1)];
  next?.focus();
}

/** Under a line that is touched there is more now. */
function reveal({ target }: Event): void {
  if (!matchMedia("(hover: none)").matches || !(target instanceof Element)) return;
  target.closest("li")?.scrollIntoView({ block: "nearest" });
}

async function send(field: HTMLInputElement): Promise<void> {
  const said = { from: me.name, text: field.value.trim(), hue: me.hue };
  if (said.text === "") return;
  field.value = "";
  saysIt();
  const line = spoken(said, { offset: "…", class: "waiting mine" });
  if (app.state.status !== "open") append(log(), line, MOST); // it waits for the network, and lands once
  try {
    await room.publish(said);
  } catch (error) {
    mark(`Not said: ${short(error)}`, true);
  }
  line.remove();
}

/** What is typed next takes the place of this line, or of none. */
function edit(line: ChatLine | undefined): void {
  const field = element("chat-text", HTMLInputElement);
  if (editing !== line) field.value = line?.said.text ?? "";
  editing = line;
  element("chat-editing", HTMLElement).hidden = line === undefined;
  element("chat-send", HTMLButtonElement).textContent = line === undefined ? "Send" : "Save";
  if (line === undefined) return;
  element("chat-which", HTMLElement).textContent = `Line ${line.offset} becomes:`;
  field.focus();
}

async function change(line: ChatLine, field: HTMLInputElement): Promise<void> {
  const text = field.value.trim();
  if (text === "") return;
  edit(undefined);
  saysIt();
  await told(room.edit(line.offset, { ...line.said, text }), "It stays as it was");
}

async function takeBack({ offset }: ChatLine): Promise<void> {
  await told(room.delete(offset), "It stays");
}

async function react({ offset }: ChatLine, emoji: string, isBack: boolean): Promise<void> {
  const done = isBack ? room.unreact(offset, "emoji", emoji) : room.react(offset, "emoji", emoji);
  await told(done, "Not counted");
}

async function told(done: Promise<unknown>, failure: string): Promise<void> {
  try {
    await done;
  } catch (error) {
    announce(`${failure}: ${short(error)}`);
  }
}

function mark(text: string, failed: boolean): void {
  append(log(), make("li", { class: failed ? "mark failed" : "mark", text }), MOST);
}

let wasLost = false;

function showState({ status }: ClientState): void {
  if (status === "reconnecting") wasLost = true;
  if (status !== "open" || !wasLost) return;
  wasLost = false;
  mark("Back: what was missed follows, in order.", false);
}
