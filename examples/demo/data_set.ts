import { readFileSync } from "node:fs";

/** A flight that took place. */
export interface Flight {
  /** When it departed, in local time, as if that were UTC. */
  at: Date;
  /** Code of the airport it left. */
  origin: string;
  /** Code of the airport it flew to. */
  destination: string;
  /** Minutes late at arrival; negative when early. */
  delay: number;
  /** In miles. */
  distance: number;
}

/** An airport that flights of the data set depart from. */
export interface Airport {
  /** Its code of three letters. */
  code: string;
  /** The city it serves. */
  city: string;
  /** Degrees east. */
  longitude: number;
  /** Degrees north. */
  latitude: number;
  /** Flights in the data set. */
  departures: number;
}

const folder = new URL("../../node_modules/vega-datasets/data/", import.meta.url);

const places = readPlaces();

/** All flights in order of departure. Read when the server starts: a call that read them would keep all others waiting. */
export const flights: readonly Flight[] = readFlights();

/** The airports that flights depart from, busiest first. */
export const airports: readonly Airport[] = countAirports();

/** Longitude and latitude of every airport, 32-bit floats in pairs, little endian. The caller's own. */
export function outline(): Uint8Array {
  const all = [...places.values()];
  const view = new DataView(new ArrayBuffer(all.length * 8));
  all.forEach(({ longitude, latitude }, at) => {
    view.setFloat32(at * 8, longitude, true);
    view.setFloat32(at * 8 + 4, latitude, true);
  });
  return new Uint8Array(view.buffer);
}

function readFlights(): Flight[] {
  const rows = JSON.parse(readFileSync(new URL("flights-20k.json", folder), "utf8")) as (
    & Omit<Flight, "at">
    & { date: string }
  )[];
  // "2001/01/01 00:47": already in order of departure.
  return rows.map(({ date, ...rest }) => ({
    at: new Date(`${date.replaceAll("/", "-").replace(" ", "T")}Z`),
    ...rest,
  }));
}

function countAirports(): Airport[] {
  const counts = new Map<string, number>();
  for (const { origin } of flights) counts.set(origin, (counts.get(origin) ?? 0) + 1);
  const nowhere = { city: "", longitude: 0, latitude: 0 };
  return [...counts]
    .map(([code, departures]) => ({ code, ...(places.get(code) ?? nowhere), departures }))
    .sort((a, b) => b.departures - a.departures);
}

function readPlaces(): Map<string, { city: string; longitude: number; latitude: number }> {
  const lines = readFileSync(new URL("airports.csv", folder), "utf8").trim().split("\n").slice(1);
  return new Map(lines.map((line) => {
    const [code = "", , city = "", , , latitude, longitude] = fields(line.trim());
    return [code, { city, longitude: Number(longitude), latitude: Number(latitude) }] as const;
  }));
}

/** The fields of a line of CSV, some in quotes because they hold a comma or a quote. */
function fields(line: string): string[] {
  return [...line.matchAll(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g)]
    .map(([, field = ""]) => field.startsWith('"') ? field.slice(1, -1).replaceAll('""', '"') : field);
}
