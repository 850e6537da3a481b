import { z } from "zod";
import { procedure } from "./procedure.ts";

/** How long a gate is kept, in milliseconds. */
const HOLD = 60_000;

const HOUR = 3_600_000;

const GATES = ["B1", "B2", "B3", "B4"] as const;

/** A flight at a gate. */
interface Holder {
  readonly by: string;
  readonly until: Date;
}

const held = new Map<string, Holder>();

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
    const holder = holderOf(gate);
    if (holder !== undefined) {
      throw errors.TAKEN({ ...holder, free: free() });
    }
    const until = new Date(Date.now() + HOLD);
    held.set(gate, { by: flight, until });
    return { gate, until };
  }),
};

/** Who has a gate now. B1 is always taken, until the end of the hour, so that the error can be seen at any time. */
function holderOf(gate: string): Holder | undefined {
  if (gate === "B1") return { by: "DL 1889", until: new Date(Math.ceil(Date.now() / HOUR + 0.01) * HOUR) };
  const holder = held.get(gate);
  return holder !== undefined && holder.until.getTime() > Date.now() ? holder : undefined;
}

function free(): string[] {
  return GATES.filter((gate) => holderOf(gate) === undefined);
}
