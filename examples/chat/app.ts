// A chat: what was said is kept, who is here and who is typing is not. `deno serve -A examples/chat/app.ts`, or `bun examples/chat/app.ts`; then open it twice.
import { z } from "zod";
import { channel, millrace } from "../../mod.ts";
import { withPage } from "../kit/serve.ts";

const from = z.string().trim().min(1).max(24);

/** What clients call: nothing. A chat is its rooms. */
export const app = millrace({
  path: "/rpc",
  procedures: {},
  channels: {
    "room/:id": channel({
      message: z.object({ from, text: z.string().trim().min(1).max(400) }),
      signal: z.object({ typing: from }),
      presence: z.object({ name: from }),
      history: { messages: 200, seconds: 3_600 },
    }),
  },
});
/** The contract: the page imports this type and nothing else. */
export type App = typeof app;

export default withPage(app, import.meta.url, "Chat");
