import type { App } from "./app.ts";
import { asked, find, open } from "../kit/page.ts";

interface Place {
  latitude: number;
  longitude: number;
}

/** A place is kept for a minute: whoever reports none for so long is not there any more. */
const KEPT = 60_000;

const app = open<App>();
const gone = new Map<string, ReturnType<typeof setTimeout>>();
const rate = find<HTMLSelectElement>("rate");
const counts = { came: 0, left: 0 };
let vehicles: { close(): void } | undefined;

/**
 * All vehicles, those that set out later too, each from its last place on. The server leaves out what is more than the person wants, and says how many that
 * were.
 */
function watch(): void {
  vehicles?.close();
  const policy = rate.value === "all" ? "all" : { sample: Number(rate.value) };
  vehicles = app.channels("vehicle/:id").subscribe({ rewind: 1, policy }, (event) => {
    if (event.type === "gap") counts.left += event.to - event.from + 1;
    if (event.type !== "message") return; // a newer place makes up for all that were missed
    counts.came++;
    move(event.channel.params.id, event.data);
  });
}

watch();
rate.addEventListener("change", watch);

setInterval(() => {
  find("came").textContent = String(counts.came);
  find("left").textContent = String(counts.left);
  counts.came = counts.left = 0;
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
  const shape = document.querySelector(`#${CSS.escape(id)}`) ?? mark(id);
  shape.textContent = x < 700 ? `● ${id}` : `${id} ●`; // so that the name stays on the map
  shape.setAttribute("text-anchor", x < 700 ? "start" : "end");
  shape.setAttribute("transform", `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
  clearTimeout(gone.get(id));
  gone.set(id, setTimeout(() => shape.remove(), KEPT));
}

// One's own place, as often as the device tells it.

find("share").addEventListener("click", () => {
  find<HTMLButtonElement>("share").disabled = true; // one page is one vehicle
  const id = asked("id", `guest-${Math.floor(Math.random() * 9_000 + 1_000)}`);
  const own = app.channel("vehicle/:id", { id });
  const report = ({ coords: { latitude, longitude } }: GeolocationPosition) => {
    find("sharing").textContent = `You are ${id}.`;
    own.publish({ latitude, longitude }, { timeout: 10_000 }).catch(() => {}); // the next place makes up for it
  };
  navigator.geolocation.watchPosition(report, ({ message }) => find("sharing").textContent = message, {
    enableHighAccuracy: true,
  });
});
