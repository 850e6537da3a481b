// The server of somebody who installed the package: `deno serve` and `bun` both run it.
import { channel, define } from "@millrace/millrace";
import { z } from "zod";

const channels = { news: channel({ message: z.string(), history: { messages: 10, seconds: 60 } }) };
const client = { double: define().procedure.type({ input: z.number(), output: z.number() }) };
const { procedure, millrace } = define().with({ channels, client });

export const app = millrace({
  procedures: {
    countdown: procedure.stream({ input: z.number() }, async function* (from) {
      while (from > 0) yield from--;
    }),
    askBack: procedure({ input: z.number() }, (n, { client }) => client.double(n)),
    add: procedure({ input: z.object({ a: z.number(), b: z.number() }) }, ({ a, b }) => a + b),
  },
});
export type App = typeof app;
export default app;
