import { z } from "zod";
import { CallError, type HistoryPage } from "../../mod.ts";
import { procedure } from "./procedure.ts";

/** How long a gate is kept, in milliseconds. */
const HOLD = 60_000;

const HOUR = 3_600_000;

const GATES = ["B1", "B2", "B3", "B4"] as const;

/** A flight at a gate. */
interface Holder {
  readonly by: string;
  readonly until: Date;
  /** Where it asked, in the order of all who asked. */
  readonly offset: number;
}

/** Gates that a flight can claim. */
export const gateProcedures = {
  /** Claims a gate for a minute; the declared error says who was faster. */
  claim: procedure({
    input: z.object({
      gate: z.enum(GATES),
      flight: z.string().regex(/^[A-Z0-9]{2} ?\d{1,4}$/, "Expected a flight such as AA 12"),
    }),
    output: z.object({ gate: z.string(), until: z.date() }),
    errors: { TAKEN: z.object({ by: z.string(), until: z.date(), free: z.array(z.string()) }) },
  }, async ({ gate, flight }, { errors, channel }) => {
    const asked = channel("gates");
    let held = holders(await asked.history());
    let mine = 0;
    if (!held.has(gate)) {
      mine = (await asked.publish({ gate, by: flight })).offset;
      held = holders(await asked.history()); // another may have asked in between, here or at another node
    }
    const holder = held.get(gate);
    if (holder === undefined) throw new CallError("UNAVAILABLE", "The minute was over before it was noted");
    const { by, until, offset } = holder;
    if (offset === mine) return { gate, until };
    throw errors.TAKEN({ by, until, free: GATES.filter((gate) => !held.has(gate)) });
  }),
};

/** Who has which gate now: of those who asked for it the first, until its minute is over. B1 is always taken, until the end of the hour, so that the error can be seen at any time. */
function holders({ entries }: HistoryPage<{ gate: string; by: string }>): Map<string, Holder> {
  const now = Date.now();
  const held = new Map<string, Holder>();
  for (const { data: { gate, by }, at, position } of entries.toReversed()) {
    const holder = held.get(gate);
    if (holder !== undefined && holder.until.getTime() > at) continue;
    held.set(gate, { by, until: new Date(at + HOLD), offset: position.offset });
  }
  for (const [gate, { until }] of held) if (until.getTime() <= now) held.delete(gate);
  return held.set("B1", {
    by: "DL 1889",
    until: new Date(Math.ceil(now / HOUR + 0.01) * HOUR),
    offset: -1,
  });
}
