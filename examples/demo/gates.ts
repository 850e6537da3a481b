import { z } from "zod";
import { procedure } from "./procedure.ts";

/** How long a gate is kept, in milliseconds. */
const HOLD = 60_000;

const GATES = ["B1", "B2", "B3", "B4"] as const;

/** Who holds which gate, and until when. B1 is taken for good, so that the error can always be seen. */
const held = new Map<string, { by: string; until: Date }>([["B1", {
  by: "DL 1889",
  until: new Date(8.64e15),
}]]);

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
  }, ({ gate, flight }, { errors }) => {
    const holder = held.get(gate);
    if (holder !== undefined && holder.until.getTime() > Date.now()) {
      throw errors.TAKEN({ ...holder, free: free() });
    }
    const until = new Date(Date.now() + HOLD);
    held.set(gate, { by: flight, until });
    return { gate, until };
  }),
};

function free(): string[] {
  return GATES.filter((gate) => (held.get(gate)?.until.getTime() ?? 0) <= Date.now());
}
