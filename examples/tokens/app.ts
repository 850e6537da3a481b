// Token streaming: an answer comes word by word, can be stopped, goes on after a lost connection, and others read along. `deno serve -A
// examples/tokens/app.ts`, or `bun examples/tokens/app.ts`; then open it twice at the same address.
import { z } from "zod";
import { channel, define } from "../../mod.ts";
import { withPage } from "../kit/serve.ts";

const id = z.string().regex(/^[\w-]{1,64}$/);

const channels = {
  /** One answer, token by token, for those who look on: who comes late gets it from its beginning. */
  "answer/:id": channel({
    message: z.object({ token: z.string() }).or(z.object({ end: z.enum(["complete", "stopped"]) })),
    history: { messages: 2_000, seconds: 600 },
    allow: { publish: () => false },
  }),
};
const { procedure, millrace } = define().with({ channels });

/** What clients call. */
export const app = millrace({
  path: "/rpc",
  procedures: {
    /**
     * Answers a question token by token, to who asks and to who looks on. Its signal aborts when the asker stops it; a lost connection alone does not, and
     * the model waits for nobody: what it says meanwhile waits for the asker.
     */
    ask: procedure.stream(
      { input: z.object({ id, question: z.string().max(400) }), output: z.string() },
      ({ id, question }, { signal, channel }) => {
        const answer = channel("answer/:id", { id });
        return new ReadableStream<string>({
          async start(asker) {
            for await (const token of model(question, signal)) {
              await answer.publish({ token });
              if (!signal.aborted) asker.enqueue(token);
            }
            await answer.publish({ end: signal.aborted ? "stopped" : "complete" });
            if (!signal.aborted) asker.close();
          },
        });
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
