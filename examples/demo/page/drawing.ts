import type { ChannelEvent } from "../../../client/mod.ts";
import { app } from "./connection.ts";
import { element, make, say } from "./element.ts";
import { short } from "./failure.ts";
import { colourOf, me } from "./me.ts";
import { some } from "./text.ts";

type Point = [x: number, y: number];

/** What is published: a stroke, or that the board was wiped. */
type Drawn = { hue: number; points: Point[] } | { wipedBy: string };

/** A cursor that has not moved for so many milliseconds is gone. */
const RESTING = 8_000;

/** Points of a stroke, and strokes that the board keeps. */
const [MOST_POINTS, MOST_STROKES] = [400, 300];

const board = app.channel("drawing/:id", { id: "shared" });
const cursors = new Map<string, { label: HTMLElement; gone: ReturnType<typeof setTimeout> }>();
let own: { points: Point[]; line: SVGElement } | undefined;
/** Strokes that are not published yet: they are drawn over all others. */
let waiting = 0;

/** Makes the board work: strokes are publications, cursors are signals. */
export function startDrawing(): void {
  const surface = element("drawing", HTMLElement);
  surface.addEventListener("pointerdown", (event) => begin(surface, event));
  surface.addEventListener("pointermove", (event) => move(surface, event));
  surface.addEventListener("pointerup", () => void end());
  surface.addEventListener("pointercancel", () => void end());
  element("wipe", HTMLButtonElement).addEventListener(
    "click",
    () => void board.publish({ wipedBy: me.name }).catch(refused),
  );
  board.subscribe({ rewind: MOST_STROKES }, show);
  board.onSignal(({ by, name, hue, at }) => point(by, { name, hue, at }));
}

async function show(event: ChannelEvent<Drawn>): Promise<void> {
  if (event.type === "message") draw(event.data);
  if (event.type !== "reset") return;
  const { entries } = await board.history({ before: event.position.offset + 1, limit: MOST_STROKES });
  strokes().replaceChildren();
  say("drawing-says", "Nothing drawn yet.");
  for (const { data } of entries.toReversed()) draw(data);
}

function draw(drawn: Drawn): void {
  if ("wipedBy" in drawn) {
    strokes().replaceChildren();
    say("drawing-says", `${drawn.wipedBy} wiped the board.`);
    return;
  }
  stroke(drawn.hue, drawn.points);
  while (strokes().childElementCount > MOST_STROKES) strokes().firstElementChild!.remove();
  const published = strokes().childElementCount - waiting - (own === undefined ? 0 : 1);
  say("drawing-says", `${some(published, "stroke")} on the board.`);
}

function strokes(): SVGElement {
  return element("strokes", SVGElement);
}

function stroke(hue: number, points: readonly Point[]): SVGElement {
  const line = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
  line.style.stroke = colourOf(hue);
  line.setAttribute("points", points.join(" "));
  strokes().append(line);
  return line;
}

// One's own hand.

function begin(surface: HTMLElement, event: PointerEvent): void {
  surface.setPointerCapture(event.pointerId);
  const points = [place(surface, event)];
  own = { points, line: stroke(me.hue, points) };
}

function move(surface: HTMLElement, event: PointerEvent): void {
  const at = place(surface, event);
  board.signal({ by: me.page, name: me.name, hue: me.hue, at });
  if (own === undefined || own.points.length >= MOST_POINTS) return;
  own.points.push(at);
  own.line.setAttribute("points", own.points.join(" "));
}

/** The stroke stays until it comes back, as anybody's: without a connection it waits for one. */
async function end(): Promise<void> {
  if (own === undefined) return;
  const { points, line } = own;
  own = undefined;
  waiting++;
  if (points.length === 1) points.push(...points); // a tap is a dot
  await board.publish({ hue: me.hue, points }).catch(refused);
  waiting--;
  line.remove();
}

function refused(error: unknown): void {
  say("drawing-says", `Not on the board: ${short(error)}`, "bad");
}

/** Parts of the board, so that all see the same, whatever their width. */
function place(surface: HTMLElement, { clientX, clientY }: PointerEvent): Point {
  const { left, top, width, height } = surface.getBoundingClientRect();
  const part = (value: number) => Math.min(1, Math.max(0, Math.round(value * 1e4) / 1e4));
  return [part((clientX - left) / width), part((clientY - top) / height)];
}

// The hands of others.

function point(by: string, { name, hue, at: [x, y] }: { name: string; hue: number; at: Point }): void {
  const known = cursors.get(by);
  clearTimeout(known?.gone);
  const label = known?.label ?? make("div", { class: "cursor", inside: [make("span")] });
  if (known === undefined) element("cursors", HTMLElement).append(label);
  label.firstElementChild!.textContent = name;
  label.classList.toggle("left", x > 0.6); // its name has no room on the right
  label.style.cssText = `left: ${x * 100}%; top: ${y * 100}%; --own: ${colourOf(hue)}`;
  const leave = () => {
    label.remove();
    cursors.delete(by);
  };
  cursors.set(by, { label, gone: setTimeout(leave, RESTING) });
}
