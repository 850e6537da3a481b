import type { App } from "./app.ts";
import { asked, find, open, unique } from "../kit/page.ts";

type Point = [x: number, y: number];

/** A cursor that has not moved for so many milliseconds is gone: of whoever leaves nothing else is told. */
const RESTING = 10_000;

const app = open<App>();
const drawing = app.channel("board/:id", { id: asked("board", "shared") });
const board = find<SVGSVGElement>("board");
const guest = `Guest ${Math.floor(Math.random() * 900 + 100)}`;
const me = { by: unique(), name: asked("name", guest).slice(0, 24), hue: Math.floor(Math.random() * 360) };

// Everything that was drawn, and what will be.
drawing.subscribe({ rewind: 1_000 }, async (event) => {
  if (event.type === "message") return void draw(event.data);
  if (event.type === "gap") return;
  const { entries } = await drawing.history({ before: event.position.offset + 1, limit: 1_000 });
  find("strokes").replaceChildren();
  for (const { data } of entries.toReversed()) draw(data);
});

function draw({ hue, points }: { hue: number; points: Point[] }): SVGElement {
  return add("strokes", "polyline", { stroke: colour(hue), points: onBoard(points) });
}

// One's own stroke is seen while it is drawn, and published when it is done: then it comes like anybody's.

let stroke: { points: Point[]; line: SVGElement } | undefined;

board.addEventListener("pointerdown", (event) => {
  board.setPointerCapture(event.pointerId);
  const points = [place(event)];
  stroke = { points, line: draw({ hue: me.hue, points }) };
});

board.addEventListener("pointermove", (event) => {
  const at = place(event);
  drawing.signal({ ...me, at });
  if (stroke === undefined || stroke.points.length >= 500) return;
  stroke.points.push(at);
  stroke.line.setAttribute("points", onBoard(stroke.points));
});

const finish = async () => {
  if (stroke === undefined) return;
  const { points, line } = stroke;
  stroke = undefined;
  if (points.length > 1) await drawing.publish({ hue: me.hue, points }).catch(console.error);
  line.remove();
};
board.addEventListener("pointerup", finish);
board.addEventListener("pointercancel", finish);

// The cursors of others.

const cursors = new Map<string, { shape: SVGElement; gone: ReturnType<typeof setTimeout> }>();

drawing.onSignal(({ by, name, hue, at: [x, y] }) => {
  const known = cursors.get(by);
  clearTimeout(known?.gone);
  const shape = known?.shape ?? add("cursors", "text", { fill: colour(hue) });
  // The corner of the triangle is where it points; the name stays on the board.
  const [isLeft, isTop] = [x < 0.8, y < 0.9];
  shape.textContent = isLeft ? `${isTop ? "◤" : "◣"} ${name}` : `${name} ${isTop ? "◥" : "◢"}`;
  shape.setAttribute("text-anchor", isLeft ? "start" : "end");
  shape.setAttribute("dy", isTop ? "0.75em" : "0");
  shape.setAttribute("transform", `translate(${x * 900} ${y * 600})`);
  const leave = () => {
    shape.remove();
    cursors.delete(by);
  };
  cursors.set(by, { shape, gone: setTimeout(leave, RESTING) });
});

// What is drawn is in parts of the board, so that all see the same, whatever their width.

function place({ clientX, clientY }: PointerEvent): Point {
  const { left, top, width, height } = board.getBoundingClientRect();
  const part = (value: number) => Math.min(1, Math.max(0, Math.round(value * 1e4) / 1e4));
  return [part((clientX - left) / width), part((clientY - top) / height)];
}

function onBoard(points: Point[]): string {
  return points.map(([x, y]) => `${x * 900},${y * 600}`).join(" ");
}

function colour(hue: number): string {
  return `light-dark(oklch(0.52 0.17 ${hue}), oklch(0.75 0.14 ${hue}))`;
}

function add(group: string, tag: string, attributes: Record<string, string>): SVGElement {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag) as SVGElement;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  find(group).append(made);
  return made;
}
