// Token streaming: an answer is one message that grows word by word, can be stopped, goes on after a lost connection, and others read along. `deno serve -A
// examples/tokens/app.ts`, or `bun examples/tokens/app.ts`; then open it twice at the same address.
import { z } from "zod";
import { channel, define } from "../../mod.ts";
import { withPage } from "../kit/serve.ts";

const id = z.string().regex(/^[\w-]{1,64}$/);
const end = z.object({ end: z.enum(["complete", "stopped"]) });
const nobody = () => false;

const channels = {
  /** One answer: a text, to which its tokens are appended, and how it ended. The server alone writes it. */
  "answer/:id": channel({
    message: z.string().or(end),
    changes: true,
    history: { messages: 2_000, seconds: 600 },
    allow: { publish: nobody, edit: nobody, append: nobody, delete: nobody },
  }),
};
const { procedure, millrace } = define().with({ channels });

/** What clients call. */
export const app = millrace({
  path: "/rpc",
  procedures: {
    /**
     * Answers a question in a channel, for who asks and for who looks on alike. Its signal aborts when the asker stops it; a lost connection alone does not, and
     * the model waits for nobody's: who was away gets the rest.
     */
    ask: procedure(
      { input: z.object({ id, question: z.string().max(400) }) },
      async ({ id, question }, { signal, channel }) => {
        const answer = channel("answer/:id", { id });
        const text = await answer.publish("");
        for await (const token of model(question, signal)) await answer.append(text, token);
        await answer.publish({ end: signal.aborted ? "stopped" : "complete" });
      },
    ),
  },
});
/** The contract: the page imports this type and nothing else. */
export type App = typeof app;

export default withPage(app, import.meta.url, "Tokens");

/** Stands for your model: what it says takes its time, and it stops when it is told to. */
async function* model(question: string, signal: AbortSignal): AsyncGenerator<string, void> {
  const words = `You asked: ${question} I count to a hundred.`.split(" ");
  for (let n = 1; n <= 100; n++) words.push(`${n}${n < 100 ? "," : "."}`);
  for (const word of words) {
    await new Promise((resolve) => setTimeout(resolve, 40));
    if (signal.aborted) return;
    yield `${word} `;
  }
}
