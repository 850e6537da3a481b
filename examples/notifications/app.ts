// Notifications: each user has a channel of their own, which nobody else may read. `deno serve -A examples/notifications/app.ts`, or
// `bun examples/notifications/app.ts`; then open it as /?user=ada and as /?user=ben.
import { z } from "zod";
import { CallError, define } from "../../mod.ts";
import { withPage } from "../kit/serve.ts";

/** Stands for your sign-in: tokens, and whose they are. */
const users = new Map([["token-of-ada", "ada"], ["token-of-ben", "ben"], ["token-of-cho", "cho"]]);

const key = z.string().regex(/^[\w-]{8,64}$/);
const signedIn = define<{ user: string }>();

const inbox = signedIn.channel({
  message: z.object({ from: z.string(), text: z.string(), sent: z.date() }),
  history: { messages: 200, seconds: 7 * 86_400 },
  allow: { subscribe: ({ user, params }) => params["user"] === user, publish: () => false },
});

const { procedure, millrace } = signedIn.with({ channels: { "inbox/:user": inbox } });

/** What clients call. */
export const app = millrace({
  path: "/rpc",
  authenticate: ({ token }) => {
    const user = users.get(token ?? "");
    if (user === undefined) throw new CallError("UNAUTHENTICATED");
    return { user, subject: user };
  },
  procedures: {
    /** Tells somebody something. The same key again, after whatever failed, and it still lands once. */
    notify: procedure(
      { input: z.object({ to: z.string(), text: z.string().trim().min(1).max(200), key }) },
      async ({ to, text, key }, { user, publish }) => {
        if (![...users.values()].includes(to)) throw new CallError("NOT_FOUND", `There is no ${to}`);
        const note = { from: user, text, sent: new Date() };
        await publish("inbox/:user", { user: to }, note, { key: `${user} ${key}` });
      },
    ),
  },
});
/** The contract: the page imports this type and nothing else. */
export type App = typeof app;

export default withPage(app, import.meta.url, "Notifications");
