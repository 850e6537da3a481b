import type { Airport, Flight } from "../data_set.ts";
import { app, forever } from "./connection.ts";
import { element, make } from "./element.ts";
import { flightMap, type Place } from "./map.ts";
import { count } from "./text.ts";

/** Rows on the board. */
const ROWS = 12;

/** From this many minutes on a flight counts as late, as the statistics do. */
const LATE = 15;

const airports = new Map<string, Airport>();
let clock: Date | undefined;
let paused = false;
let call: { cancel(): void } | undefined;
let resume: (() => void) | undefined;

/** Starts the board: the airports by one call, for another map too, the departures by a stream. */
export function startBoard(showAirports: (places: readonly Place[]) => void): void {
  const map = flightMap(element("map", HTMLCanvasElement));
  const airport = element("airport", HTMLSelectElement);
  airport.addEventListener("change", () => {
    clear();
    callAgain();
  });
  for (const speed of speeds()) speed.addEventListener("change", callAgain);
  element("pause", HTMLButtonElement).addEventListener("click", togglePause);
  let known = false;
  void forever(async () => {
    if (!known) showAirports(await loadAirports(airport, map));
    known = true;
    await follow(airport, map);
  });
}

async function loadAirports(select: HTMLSelectElement, map: ReturnType<typeof flightMap>): Promise<Place[]> {
  const [list, outline] = await Promise.all([app.call.flights.airports(), app.call.flights.outline()]);
  for (const airport of list) {
    airports.set(airport.code, airport);
    const text = `${airport.code} ${airport.city} (${count(airport.departures)})`;
    select.append(make("option", { text, attributes: { value: airport.code } }));
  }
  const all = places(outline);
  map.show(all);
  return all;
}

/** Pairs of 32-bit floats, little endian. The bytes are a view of the frame, at any offset, so they are read through a `DataView`. */
function places(bytes: Uint8Array): Place[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.byteLength / 8 }, (_, at) => ({
    longitude: view.getFloat32(at * 8, true),
    latitude: view.getFloat32(at * 8 + 4, true),
  }));
}

/** One stream after the other: a change cancels the stream that runs, and the next begins where the clock stands. */
async function follow(airport: HTMLSelectElement, map: ReturnType<typeof flightMap>): Promise<void> {
  for (;;) {
    if (paused) await new Promise<void>((resolve) => resume = resolve);
    const input = {
      speed: Number(speeds().find((speed) => speed.checked)?.value ?? 5),
      ...(airport.value && { airport: airport.value }),
      ...(clock && { from: clock }),
    };
    showSource(input.speed, airport.value);
    let stopped = false;
    const departures = app.call.flights.departures(input);
    call = { cancel: () => (stopped = true, departures.cancel()) };
    let first = clock !== undefined && element("departures", HTMLElement).childElementCount > 0;
    try {
      for await (const now of departures) {
        clock = now.clock;
        showClock(now.clock);
        // The first item repeats what departed before; only an empty board needs it.
        if (!first) now.flights.forEach((flight) => depart(flight, map));
        first = false;
      }
    } catch (error) {
      if (!stopped) throw error;
    }
    if (!stopped) return;
  }
}

function speeds(): HTMLInputElement[] {
  return [...document.querySelectorAll<HTMLInputElement>("input[name=speed]")];
}

function callAgain(): void {
  call?.cancel();
}

function togglePause(): void {
  paused = !paused;
  element("pause", HTMLButtonElement).textContent = paused ? "Resume" : "Pause";
  if (paused) call?.cancel();
  else resume?.();
}

function clear(): void {
  element("departures", HTMLElement).replaceChildren();
}

function showSource(speed: number, airport: string): void {
  const input = airport === "" ? `{ speed: ${speed} }` : `{ speed: ${speed}, airport: "${airport}" }`;
  element("board-source", HTMLElement).textContent =
    `for await (const now of app.call.flights.departures(${input})) show(now);`;
}

const day = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeZone: "UTC" });
const time = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: "UTC" });

function showClock(now: Date): void {
  element("clock-day", HTMLElement).textContent = day.format(now);
  element("clock-time", HTMLElement).textContent = time.format(now);
}

function depart(flight: Flight, map: ReturnType<typeof flightMap>): void {
  const body = element("departures", HTMLElement);
  body.prepend(row(flight));
  while (body.childElementCount > ROWS) body.lastElementChild!.remove();
  const [from, to] = [airports.get(flight.origin), airports.get(flight.destination)];
  if (from && to) map.fly(from, to, flight.delay >= LATE);
}

function row({ at, origin, destination, distance, delay }: Flight): HTMLTableRowElement {
  return make("tr", {
    class: "fresh",
    inside: [
      make("td", { text: time.format(at) }),
      make("td", { inside: place(origin) }),
      make("td", { inside: place(destination) }),
      make("td", { class: "miles", text: count(distance) }),
      make("td", { class: delay >= LATE ? "late" : delay < 0 ? "early" : "", text: punctuality(delay) }),
    ],
  });
}

function place(code: string): Node[] {
  return [make("b", { text: code }), make("span", { text: airports.get(code)?.city ?? "" })];
}

function punctuality(delay: number): string {
  if (delay === 0) return "on time";
  return delay > 0 ? `${delay} min late` : `${-delay} min early`;
}
