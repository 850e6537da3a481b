import { z } from "zod";
import { channel } from "./procedure.ts";

const part = z.number().min(0).max(1);
const point = z.tuple([part, part]);
const hue = z.number().int().min(0).max(359);
const name = z.string().trim().min(1).max(24);

/** A board that all draw on: strokes are kept, cursors are not. Places are parts of its width and height. */
export const drawing = channel({
  message: z.object({ hue, points: z.array(point).min(2).max(400) }).or(z.object({ wipedBy: name })),
  signal: z.object({ by: z.string().max(40), name, hue, at: point }),
  history: { messages: 300, seconds: 3_600 },
});

/** Who is here: whoever has signed in, with a name and a colour. */
export const people = channel({
  presence: z.object({ name, hue }),
  allow: { presence: ({ visitor }) => visitor !== undefined },
});
