// Millrace as a user has it: schemas on, limits at their defaults.
import { bytes, channel, millrace, procedure } from "../../mod.ts";
import { items, range, small } from "./procedures.ts";

export const app = millrace({
  procedures: {
    echo: procedure({ input: small }, (value) => value),
    bytes: procedure({ input: bytes() }, (value) => value),
    items: procedure.stream({ input: range }, items),
    upload: procedure({ input: bytes() }, async (input) => {
      if (input instanceof Uint8Array) return input.byteLength;
      let size = 0;
      for await (const piece of input) size += piece.byteLength;
      return size;
    }),
  },
  channels: { "topic/:id": channel({ message: small }) }, // with the history that is the default: 1,000 messages
});
export default app;
