import { z } from "zod";
import { airports, type Flight, flights, outline } from "./data_set.ts";
import { procedure, sent } from "./procedure.ts";
import { pause } from "./time.ts";

/** What the board shows next: the clock of the replay, and who departed since the item before. */
export interface Departures {
  /** Local time at the airports, as if it were UTC. */
  clock: Date;
  /** In order of departure. */
  flights: Flight[];
  /** Minutes without a departure that were left out. */
  skipped: number;
}

/** Milliseconds between two items. */
const TICK = 250;

/** How many departures from before its start a board gets at once, so that it is not empty. */
const EARLIER = 12;

const MINUTE = 60_000;

/** The flights of January to March 2001 that `vega-datasets` holds: a sample of 20,000, with the delay at arrival. */
export const flightProcedures = {
  /** Where flights depart from, busiest first. */
  airports: procedure(() => airports),

  /** All airports of the data set as pairs of 32-bit floats, longitude and latitude, little endian. */
  outline: procedure(() => outline()),

  /** Departures as they happened, `speed` minutes a second. */
  departures: procedure.stream({
    input: z.object({
      speed: z.number().min(0.1).max(1_440).default(5),
      airport: z.string().length(3).optional(),
      from: z.date().optional(),
    }),
  }, async function* ({ speed, airport, from }, { signal }) {
    const all = airport === undefined ? flights : flights.filter(({ origin }) => origin === airport);
    yield* sent(replay(all, { speed, from: from?.getTime() ?? flights[60]!.at.getTime(), signal }));
  }),
};

async function* replay(
  all: readonly Flight[],
  { speed, from, signal }: { speed: number; from: number; signal: AbortSignal },
): AsyncGenerator<Departures> {
  let clock = from;
  let next = firstAfter(all, clock);
  yield { clock: new Date(clock), flights: all.slice(Math.max(0, next - EARLIER), next), skipped: 0 };
  const step = speed * MINUTE * TICK / 1_000;
  while (!signal.aborted && all.length > 0) {
    await pause(TICK, signal);
    if (next >= all.length) {
      next = 0;
      clock = all[0]!.at.getTime() - step;
    }
    const skipped = quiet(all[next]!.at.getTime() - clock, step);
    clock += skipped + step;
    const end = firstAfter(all, clock);
    yield { clock: new Date(clock), flights: all.slice(next, end), skipped: Math.round(skipped / MINUTE) };
    next = end;
  }
}

/** A wait of more than two seconds is cut to one: at night nobody departs. */
function quiet(wait: number, step: number): number {
  const second = step * 1_000 / TICK;
  return wait > 2 * second ? wait - second : 0;
}

/** The index of the first flight that departs after the time. */
function firstAfter(all: readonly Flight[], time: number): number {
  let low = 0;
  let high = all.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (all[middle]!.at.getTime() <= time) low = middle + 1;
    else high = middle;
  }
  return low;
}
