import type { ChannelEvent, ClientState } from "../../../client/mod.ts";
import { app, network, onNode } from "./connection.ts";
import { announce, element, make, say } from "./element.ts";
import { short } from "./failure.ts";
import { append, type Said, spoken } from "./spoken.ts";
import { duration, some } from "./text.ts";

/** Lines and steps that are shown; older ones go. */
const MOST = 40;

const room = app.channel("chat/:room", { room: "tower" });
const opened = performance.now();

let isBack = false;
let missedSince: number | undefined;
let recovered = 0;
let resets = 0;
let mending: ReturnType<typeof setTimeout> | undefined;

/** Makes the panel work: the network can be cut, and what the tower says meanwhile is recovered, or told to be lost. */
export function startTower(): void {
  on("cut-short", () => cut(6_000));
  on("cut-long", () => cut(40_000));
  on("mend", mend);
  app.on("state", showState);
  onNode(({ name, runtime }) => name !== undefined && step(`on node ${name}, ${runtime}`));
  room.subscribe({ rewind: 6 }, show);
}

function on(id: string, run: () => void): void {
  element(id, HTMLButtonElement).addEventListener("click", run);
}

function show(event: ChannelEvent<Said>): void | Promise<void> {
  say("tower-position", `${event.position.offset} of epoch ${event.position.epoch.slice(0, 6)}…`);
  if (event.type === "message") return showMessage(event.data, event.position.offset);
  if (event.type === "gap") return mark(`${event.from} to ${event.to} do not come: ${event.reason}`, true);
  resets++;
  say("tower-resets", String(resets));
  isBack = false;
  step(`reset (${event.reason}): state is loaded anew`);
  return load(event.position.offset);
}

/** What is shown does not go on: what is kept, up to the place from which on messages come, stands in its stead. */
async function load(offset: number): Promise<void> {
  try {
    const { entries } = await room.history({ before: offset + 1, limit: MOST });
    log().replaceChildren();
    mark("Reset: what is shown was loaded from the history. What it no longer has is lost.", true);
    for (const { data, position } of [...entries].reverse()) showMessage(data, position.offset);
  } catch (error) {
    mark(`Reset: it goes on after ${offset}, and the history cannot be read: ${short(error)}`, true);
  }
}

function showMessage(said: Said, offset: number): void {
  // What was said before the connection came back is what was recovered.
  const wasMissed = missedSince !== undefined && isBack && said.sent.getTime() < missedSince;
  if (wasMissed) {
    recovered++;
    say("tower-recovered", some(recovered, "message"));
  }
  append(log(), spoken(said, { offset: String(offset), class: wasMissed ? "recovered" : "" }), MOST);
}

function log(): HTMLOListElement {
  return element("tower-log", HTMLOListElement);
}

function mark(text: string, failed: boolean): void {
  append(log(), make("li", { class: failed ? "mark failed" : "mark", text }), MOST);
}

function cut(ms: number): void {
  network.cut();
  buttons(true);
  say("network-state", `cut for ${duration(ms)}`, "bad");
  announce("The network is cut");
  step("the network is cut");
  mending = setTimeout(mend, ms);
}

function mend(): void {
  clearTimeout(mending);
  network.mend();
  buttons(false);
  say("network-state", "up");
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
  const steps = element("network-steps", HTMLOListElement);
  const at = `${((performance.now() - opened) / 1_000).toFixed(1)} s`;
  steps.prepend(make("li", { inside: [make("time", { text: at }), make("span", { text })] }));
  while (steps.children.length > MOST) steps.lastElementChild!.remove();
}
