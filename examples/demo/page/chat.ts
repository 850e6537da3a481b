import type { ChannelEvent, ClientState } from "../../../client/mod.ts";
import { app, network, onNode } from "./connection.ts";
import { announce, element, make, say } from "./element.ts";
import { short } from "./failure.ts";
import { duration, some } from "./text.ts";

/** What is said in the room, as the server gives it out. */
interface Said {
  readonly from: string;
  readonly text: string;
  readonly sent: Date;
}

/** Lines that are shown; older ones go. */
const MOST_LINES = 120;
/** Steps that are shown. */
const MOST_STEPS = 40;
/** How long somebody who signalled counts as typing, and how often that is signalled, in milliseconds. */
const TYPING = 2_500;

const room = app.channel("chat/:room", { room: "tower" });
const opened = performance.now();

let isBack = false;
let missedSince: number | undefined;
let recovered = 0;
let resets = 0;
let mending: ReturnType<typeof setTimeout> | undefined;

/** Makes the panel work. */
export function startChat(): void {
  const name = element("chat-name", HTMLInputElement);
  name.value = `Guest ${Math.floor(Math.random() * 900 + 100)}`;
  element("chat", HTMLFormElement).addEventListener("submit", (event) => {
    event.preventDefault();
    void send(name.value, element("chat-text", HTMLInputElement));
  });
  startTyping(name);
  on("cut-short", () => cut(6_000));
  on("cut-long", () => cut(40_000));
  on("mend", mend);
  app.on("state", showState);
  onNode(({ name, runtime }) => name !== undefined && step(`on node ${name}, ${runtime}`));
  room.subscribe({ rewind: 8 }, show);
}

function on(id: string, run: () => void): void {
  element(id, HTMLButtonElement).addEventListener("click", run);
}

function show(event: ChannelEvent<Said>): void | Promise<void> {
  say("chat-position", `${event.position.offset} of epoch ${event.position.epoch.slice(0, 6)}…`);
  if (event.type === "message") return showMessage(event.data, event.position.offset);
  if (event.type === "gap") return mark(`${event.from} to ${event.to} do not come: ${event.reason}`, true);
  resets++;
  say("chat-resets", String(resets));
  isBack = false;
  step(`reset (${event.reason}): state is loaded anew`);
  return load(event.position.offset);
}

/** What is shown does not go on: what is kept, up to the place from which on messages come, stands in its stead. */
async function load(offset: number): Promise<void> {
  try {
    const { entries } = await room.history({ before: offset + 1, limit: MOST_LINES });
    element("chat-log", HTMLOListElement).replaceChildren();
    mark("Reset: what is shown was loaded from the history. What it no longer has is lost.", true);
    for (const { data, position } of [...entries].reverse()) showMessage(data, position.offset);
  } catch (error) {
    mark(`Reset: it goes on after ${offset}, and the history cannot be read: ${short(error)}`, true);
  }
}

function showMessage({ from, text, sent }: Said, offset: number): void {
  // What was said before the connection came back is what was recovered.
  const wasMissed = missedSince !== undefined && isBack && sent.getTime() < missedSince;
  if (wasMissed) {
    recovered++;
    say("chat-recovered", some(recovered, "message"));
  }
  const line = make("li", { class: wasMissed ? "recovered" : "" });
  if (from === element("chat-name", HTMLInputElement).value) line.classList.add("mine");
  line.append(make("span", { class: "offset", text: String(offset) }), spoken(from, text));
  append(line);
}

function spoken(from: string, text: string): HTMLElement {
  return make("span", { inside: [make("span", { class: "from", text: from }), ` ${text}`] });
}

async function send(from: string, field: HTMLInputElement): Promise<void> {
  const text = field.value.trim();
  if (text === "") return;
  field.value = "";
  const line = make("li", {
    class: "waiting mine",
    inside: [make("span", { class: "offset", text: "…" }), spoken(from, text)],
  });
  if (app.state.status !== "open") append(line); // it waits for the network, and lands once
  try {
    const { offset } = await room.publish({ from, text });
    step(`published as ${offset}`);
  } catch (error) {
    mark(`Not said: ${short(error)}`, true);
  }
  line.remove();
}

function mark(text: string, failed: boolean): void {
  append(make("li", { class: failed ? "mark failed" : "mark", text }));
}

function append(line: HTMLLIElement): void {
  const log = element("chat-log", HTMLOListElement);
  const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  log.append(line);
  while (log.children.length > MOST_LINES) log.firstElementChild!.remove();
  if (isAtEnd) log.scrollTop = log.scrollHeight;
}

function cut(ms: number): void {
  network.cut();
  buttons(true);
  say("chat-network", `cut for ${duration(ms)}`, "bad");
  announce("The network is cut");
  step("the network is cut");
  mending = setTimeout(mend, ms);
}

function mend(): void {
  clearTimeout(mending);
  network.mend();
  buttons(false);
  say("chat-network", "there");
  step("the network is there again");
}

function buttons(isCut: boolean): void {
  for (const id of ["cut-short", "cut-long"]) element(id, HTMLButtonElement).disabled = isCut;
  element("mend", HTMLButtonElement).disabled = !isCut;
}

function showState({ status, reason, retryIn }: ClientState): void {
  if (status === "open") {
    step("open");
    if (missedSince !== undefined) {
      missedSince = Date.now();
      isBack = true;
      mark("Back: what was missed follows, in order.", false);
    }
  } else if (status === "reconnecting") {
    missedSince ??= Date.now();
    const why = reason === undefined ? "" : `, closed with ${reason.code}`;
    step(`reconnecting${retryIn === undefined ? "" : ` in ${duration(retryIn)}`}${why}`);
  }
}

function step(text: string): void {
  const steps = element("chat-steps", HTMLOListElement);
  const at = `${((performance.now() - opened) / 1_000).toFixed(1)} s`;
  steps.prepend(make("li", { inside: [make("time", { text: at }), make("span", { text })] }));
  while (steps.children.length > MOST_STEPS) steps.lastElementChild!.remove();
}

/** Who types is a signal: it reaches who is there, and is kept nowhere. */
function startTyping(name: HTMLInputElement): void {
  const typing = new Map<string, ReturnType<typeof setTimeout>>();
  const tell = () => {
    const names = [...typing.keys()];
    say(
      "chat-typing",
      names.length === 0 ? "" : `${names.join(", ")} ${names.length === 1 ? "is" : "are"} typing`,
    );
  };
  room.onSignal(({ from }) => {
    clearTimeout(typing.get(from));
    typing.set(
      from,
      setTimeout(() => {
        typing.delete(from);
        tell();
      }, TYPING),
    );
    tell();
  });
  let last = 0;
  element("chat-text", HTMLInputElement).addEventListener("input", () => {
    if (performance.now() - last < TYPING / 2) return;
    last = performance.now();
    room.signal({ from: name.value.trim() || "somebody" });
  });
}
