// The server of somebody who installed the package: `deno serve` and `bun` both run it.
import { millrace, procedure } from "@millrace/millrace";
import { z } from "zod";

export const app = millrace({
  procedures: {
    add: procedure({ input: z.object({ a: z.number(), b: z.number() }) }, ({ a, b }) => a + b),
  },
});
export type App = typeof app;
export default app;
