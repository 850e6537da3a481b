import { createHash } from "node:crypto";
import { z } from "zod";
import { CallError } from "../../mod.ts";
import { procedure, type Visitor } from "./procedure.ts";
import { pause } from "./time.ts";

/** Who a page is, by a secret that it has made up: what others may know of it is a hash. */
export function visitorOf(secret: string | undefined): Visitor & { subject?: string } {
  if (secret === undefined) return {};
  const visitor = createHash("sha256").update(secret).digest("base64url").slice(0, 16);
  return { visitor, subject: visitor };
}

const key = z.string().min(8).max(64);
const name = z.string().trim().min(1).max(24);

/** Procedures that notify somebody. */
export const inboxProcedures = {
  /** The address of one's own inbox. */
  mine: procedure({ idempotent: true }, (_, { visitor }) => ownOf(visitor)),

  /** Waves at somebody. With the same key it lands once, however often it is called. */
  wave: procedure(
    { input: z.object({ to: z.string().max(40), name, key }) },
    async ({ to, name, key }, { visitor, publish }) => {
      const note = { text: `${name} waves at you`, sent: new Date() };
      await publish("inbox/:visitor", { visitor: to }, note, { key: `${ownOf(visitor)} ${key}` });
    },
  ),

  /** Notifies the caller after a while, wherever the caller is then. */
  remind: procedure(
    { input: z.object({ seconds: z.number().min(0).max(60), key }) },
    ({ seconds, key }, { visitor, publish }) => {
      const own = ownOf(visitor);
      void pause(seconds * 1_000, new AbortController().signal).then(() => {
        const note = { text: `You asked to be reminded ${seconds} s ago`, sent: new Date() };
        return publish("inbox/:visitor", { visitor: own }, note, { key: `${own} ${key}` });
      }).catch(console.error);
    },
  ),
};

function ownOf(visitor: string | undefined): string {
  if (visitor === undefined) throw new CallError("UNAUTHENTICATED");
  return visitor;
}
