// A whiteboard: strokes are published and kept, cursors are signals. `deno serve -A examples/cursors/app.ts`, or `bun examples/cursors/app.ts`; then open it twice.
import { z } from "zod";
import { channel, millrace } from "../../mod.ts";
import { withPage } from "../kit/serve.ts";

const unit = z.number().min(0).max(1);
const point = z.tuple([unit, unit]);
const hue = z.number().int().min(0).max(359);

/** What clients call: nothing. A board is what was drawn on it. */
export const app = millrace({
  path: "/rpc",
  procedures: {},
  channels: {
    "board/:id": channel({
      message: z.object({ hue, points: z.array(point).min(2).max(500) }),
      signal: z.object({ by: z.string().max(40), name: z.string().max(24), hue, at: point }),
      history: { messages: 1_000, seconds: 86_400 },
    }),
  },
});
/** The contract: the page imports this type and nothing else. */
export type App = typeof app;

export default withPage(app, import.meta.url, "Whiteboard");
