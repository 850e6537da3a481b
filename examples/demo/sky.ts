import { z } from "zod";
import { everyBeat } from "./beat.ts";
import { airports, type Flight, flights } from "./data_set.ts";
import { channel } from "./procedure.ts";

/** Milliseconds between two reports of where all are. */
const PACE = 200;

/** Minutes of the flights' clock that pass in a second of ours. */
const SPEED = 4;

/** Days that are laid over each other, since the data is a sample; and the hours of a day in which hardly anybody flies, which are left out. */
const [DAYS, NIGHT] = [4, 5.5];

/** A flight needs so many minutes to taxi and climb, and one for so many miles. */
const [CLIMB, MILES] = [25, 7.5];

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** Minutes of a day that are shown, the beginning of the first one, and how many there are. */
const WAKING = (24 - NIGHT) * 60;
const FIRST = Math.floor(flights[0]!.at.getTime() / HOUR / 24) * HOUR * 24;
const LAST_DAY = Math.floor((flights.at(-1)!.at.getTime() - FIRST) / HOUR / 24) - DAYS;

const report = z.object({
  clock: z.date(),
  flights: z.array(z.object({
    id: z.string(),
    longitude: z.number(),
    latitude: z.number(),
    heading: z.number(),
    isLate: z.boolean(),
  })),
});

/** Where all flights that are in the air are at one moment. */
export type Report = z.infer<typeof report>;

/** Reports, of which only the last is kept. */
export const sky = channel({
  message: report,
  history: { messages: 1, seconds: 60 },
  allow: { publish: () => false },
});

/** Reports where all flights are, five times a second. */
export function startSky(publish: (now: Report, key: string) => Promise<unknown>): void {
  everyBeat(PACE, (beat) => {
    const minutes = beat * PACE / 1_000 * SPEED;
    const day = Math.floor(minutes / WAKING) % LAST_DAY;
    return publish(
      reportAt(FIRST + day * 24 * HOUR + (NIGHT * 60 + minutes % WAKING) * MINUTE),
      `sky ${beat}`,
    );
  });
}

const places = new Map(airports.map((airport) => [airport.code, airport]));

/** Flights by the hour in which they departed, so that nobody has to look at all of them. */
const byHour = new Map<number, Flight[]>();
for (const flight of flights) {
  const hour = hourOf(flight.at.getTime());
  byHour.set(hour, [...byHour.get(hour) ?? [], flight]);
}

function hourOf(time: number): number {
  return Math.floor(time / HOUR);
}

function reportAt(clock: number): Report {
  const inTheAir: Report["flights"] = [];
  for (let day = 0; day < DAYS; day++) {
    const now = clock + day * 24 * HOUR;
    for (let hour = hourOf(now) - 7; hour <= hourOf(now); hour++) {
      for (const flight of byHour.get(hour) ?? []) inTheAir.push(...whereIs(flight, now));
    }
  }
  return { clock: new Date(clock), flights: inTheAir };
}

/** Nowhere, where it has not departed or has landed. */
function whereIs(flight: Flight, now: number): Report["flights"] {
  const way = (now - flight.at.getTime()) / MINUTE / (CLIMB + flight.distance / MILES);
  const [from, to] = [places.get(flight.origin), places.get(flight.destination)];
  if (way < 0 || way > 1 || from === undefined || to === undefined) return [];
  const [x, y] = [to.longitude - from.longitude, to.latitude - from.latitude];
  return [{
    id: `${flight.origin}-${flight.destination} ${flight.at.toISOString().slice(8, 16)}`,
    longitude: round(from.longitude + x * way),
    latitude: round(from.latitude + y * way),
    heading: Math.round(Math.atan2(x * 0.78, y) * 180 / Math.PI),
    isLate: flight.delay >= 15,
  }];
}

function round(degrees: number): number {
  return Math.round(degrees * 1e3) / 1e3;
}
