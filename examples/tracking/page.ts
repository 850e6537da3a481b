import type { App } from "./app.ts";
import { asked, find, open } from "../kit/page.ts";

interface Place {
  latitude: number;
  longitude: number;
}

const app = open<App>();
const fleet = app.channel("fleet");
const rate = find<HTMLSelectElement>("rate");
const shapes = new Map<string, SVGElement>();
const counts = { came: 0, drawn: 0 };

// Who is on the way, and each of them from its last place on.
fleet.subscribe({ rewind: 500 }, async (event) => {
  if (event.type === "message") return follow(event.data.id);
  if (event.type === "gap") return;
  const { entries } = await fleet.history({ limit: 500 });
  for (const { data } of entries) follow(data.id);
});

function follow(id: string): void {
  if (shapes.has(id)) return;
  shapes.set(id, mark(id));
  const draw = sampled<Place>((place) => move(id, place));
  app.channel("vehicle/:id", { id }).subscribe({ rewind: 1 }, (event) => {
    if (event.type === "message") draw(event.data); // a newer place makes up for all that were missed
  });
}

/** Draws the newest, and no more often than the person wants. */
function sampled<T>(draw: (value: T) => void): (value: T) => void {
  let newest: { value: T } | undefined;
  let isWaiting = false;
  const next = () => {
    isWaiting = newest !== undefined;
    if (newest === undefined) return;
    counts.drawn++;
    draw(newest.value);
    newest = undefined;
    setTimeout(next, 1_000 / Number(rate.value));
  };
  return (value) => {
    counts.came++;
    newest = { value };
    if (!isWaiting) next();
  };
}

setInterval(() => {
  find("came").textContent = String(counts.came);
  find("drawn").textContent = String(counts.drawn);
  counts.came = counts.drawn = 0;
}, 1_000);

function mark(id: string): SVGElement {
  const shape = document.createElementNS("http://www.w3.org/2000/svg", "text") as SVGElement;
  shape.id = id;
  shape.setAttribute("fill", id.startsWith("bus-") ? "currentColor" : "var(--warm)");
  find("map").append(shape);
  return shape;
}

/** A map of 0.03 by 0.02 degrees around Rossio; whoever is elsewhere is at its edge. */
function move(id: string, { latitude, longitude }: Place): void {
  const within = (value: number, most: number) => Math.max(20, Math.min(most - 20, value));
  const x = within((longitude + 9.1544) / 0.03 * 900, 900);
  const y = within((38.7239 - latitude) / 0.02 * 600, 600);
  const shape = shapes.get(id)!;
  shape.textContent = x < 700 ? `● ${id}` : `${id} ●`; // so that the name stays on the map
  shape.setAttribute("text-anchor", x < 700 ? "start" : "end");
  shape.setAttribute("transform", `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
}

// One's own place, as often as the device tells it.

find("share").addEventListener("click", () => {
  const id = asked("id", `guest-${Math.floor(Math.random() * 9_000 + 1_000)}`);
  const own = app.channel("vehicle/:id", { id });
  void fleet.publish({ id }, { key: id });
  const report = ({ coords: { latitude, longitude } }: GeolocationPosition) => {
    find("sharing").textContent = `You are ${id}.`;
    own.publish({ latitude, longitude }, { timeout: 10_000 }).catch(() => {}); // the next place makes up for it
  };
  navigator.geolocation.watchPosition(report, ({ message }) => find("sharing").textContent = message, {
    enableHighAccuracy: true,
  });
});
