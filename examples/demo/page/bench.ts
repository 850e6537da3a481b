import { connect, isCallError } from "../../../client/mod.ts";
import type { App } from "../app.ts";
import type { Entry } from "../catalogue.ts";
import { address, app } from "./connection.ts";
import { announce, element, make, say } from "./element.ts";
import { describe, short } from "./failure.ts";
import { noteFrame } from "./race.ts";
import { tap } from "./tap.ts";
import { duration, some } from "./text.ts";
import { parse, print } from "./values.ts";
import { clearWire, markCall, showFrame, startWire } from "./wire_view.ts";

/** Items of a stream that are kept in view. */
const ITEMS = 200;

/** A call without its types: the form finds it by name. */
type Loose = (...args: unknown[]) => PromiseLike<unknown> & AsyncIterable<unknown>;

/** What was typed. */
interface Typed {
  readonly name: string;
  readonly shape: string;
  readonly args: unknown[];
}

const field = {
  name: element("bench-name", HTMLInputElement),
  shape: element("bench-shape", HTMLSelectElement),
  input: element("bench-input", HTMLTextAreaElement),
  items: element("bench-items", HTMLTextAreaElement),
};

let lab: ReturnType<typeof open> | undefined;
let running: AbortController | undefined;

/** Makes the form work. */
export function startBench(): void {
  startWire();
  field.shape.addEventListener("change", showItems);
  element("bench", HTMLFormElement).addEventListener("submit", (event) => {
    event.preventDefault();
    void submit();
  });
  element("bench-cancel", HTMLButtonElement).addEventListener("click", () => running?.abort());
  void loadCatalogue();
}

/** A connection of its own: what passes is then the conversation of the form and nothing else. */
function open() {
  const wire = tap((frame) => {
    noteFrame(frame);
    showFrame(frame);
  });
  return connect<App>(address, { webSocket: wire.open });
}

async function loadCatalogue(): Promise<void> {
  const entries = await app.call.catalogue();
  const group = element("catalogue", HTMLElement);
  group.replaceChildren(...entries.map((entry) => {
    const attributes = {
      type: "button",
      "aria-pressed": String(entry.name === field.name.value),
      title: entry.about,
    };
    const chip = make("button", { text: entry.name, attributes });
    chip.addEventListener("click", () => choose(entry, chip));
    return chip;
  }));
}

function choose(entry: Entry, chip: HTMLButtonElement): void {
  for (const other of chip.parentElement!.children) {
    other.setAttribute("aria-pressed", String(other === chip));
  }
  field.name.value = entry.name;
  field.shape.value = entry.shape;
  field.input.value = entry.input ?? "";
  field.items.value = entry.items ?? "";
  showItems();
  say("bench-outcome", `${entry.about}. Not called yet.`);
}

function showItems(): void {
  element("bench-items-field", HTMLElement).hidden = !takesItems(field.shape.value);
}

function takesItems(shape: string): boolean {
  return shape === "upload" || shape === "duplex";
}

async function submit(): Promise<void> {
  if (running !== undefined) return;
  const result = element("bench-result", HTMLElement);
  result.textContent = "";
  const abort = running = new AbortController();
  const started = performance.now();
  busy(true);
  clearWire();
  markCall();
  try {
    const typed = read(abort.signal);
    const seen = await callAndShow(typed, result);
    end(`${seen} in ${duration(performance.now() - started)}.`, "good");
  } catch (error) {
    if (isCallError(error)) result.append(...describe(error));
    end(`${short(error)} after ${duration(performance.now() - started)}.`, "bad");
  } finally {
    running = undefined;
    busy(false);
  }
}

/** Takes the arguments from the form, in the order that the shape wants. */
function read(signal: AbortSignal): Typed {
  const name = field.name.value.trim();
  const shape = field.shape.value;
  const input = parse(field.input.value);
  if (!takesItems(shape)) return { name, shape, args: [input, { signal }] };
  const lines = field.items.value.split("\n").filter((line) => line !== "");
  const items = give(
    shape === "upload" ? lines.map((line) => new TextEncoder().encode(line)) : lines.map(parse),
  );
  return { name, shape, args: input === undefined ? [items, { signal }] : [input, items, { signal }] };
}

// An upload of the form is bytes, a duplex is values: that is what this server has.
async function* give(items: unknown[]): AsyncGenerator<unknown> {
  yield* items;
}

async function callAndShow({ name, shape, args }: Typed, result: HTMLElement): Promise<string> {
  lab ??= open();
  let found: unknown = lab.call;
  for (const part of name.split(".")) found = (found as Record<string, unknown>)[part];
  const call = (found as Loose)(...args);
  if (shape === "value" || shape === "upload") {
    result.textContent = print(await call);
    return "Answered";
  }
  let items = 0;
  for await (const item of call) {
    if (items++ < ITEMS) result.append(`${print(item)}\n`);
    say("bench-outcome", `${some(items, "item")} so far.`);
  }
  return some(items, "item");
}

function end(text: string, mood: "good" | "bad"): void {
  say("bench-outcome", text, mood);
  announce(`${field.name.value}: ${text}`);
}

function busy(yes: boolean): void {
  element("bench-cancel", HTMLButtonElement).disabled = !yes;
}
