// A chat: what was said is kept, may be changed and taken back, and has reactions; who is here and who is typing is not kept. `deno serve -A
// examples/chat/app.ts`, or `bun examples/chat/app.ts`; then open it twice.
import { z } from "zod";
import { channel, millrace, procedure } from "../../mod.ts";
import { bySecret, withPage } from "../kit/serve.ts";

const from = z.string().trim().min(1).max(24);

/** What clients call: who they are. A chat is its rooms. */
export const app = millrace({
  path: "/rpc",
  // By a secret that each tab makes up; yours knows users. It says whose lines and reactions are whose.
  authenticate: bySecret,
  procedures: { me: procedure({ idempotent: true }, (_, { connection }) => connection.subject ?? "") },
  channels: {
    "room/:id": channel({
      message: z.object({ from, text: z.string().trim().min(1).max(400), by: z.string().default("") }),
      publish: (said, { connection }) => ({ ...said, by: connection.subject ?? "" }),
      changes: true,
      reactions: { emoji: "distinct" },
      signal: z.object({ typing: from }),
      presence: z.object({ name: from }),
      history: { messages: 500, seconds: 3_600 },
    }),
  },
});
/** The contract: the page imports this type and nothing else. */
export type App = typeof app;

export default withPage(app, import.meta.url, "Chat");
