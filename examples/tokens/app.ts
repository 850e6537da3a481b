// Token streaming: an answer is one message that grows word by word, can be stopped, goes on after a lost connection, and others read along. `deno serve -A
// examples/tokens/app.ts`, or `bun examples/tokens/app.ts`; then open it twice at the same address.
import { z } from "zod";
import { channel, define } from "../../mod.ts";
import { bySecret, withPage } from "../kit/serve.ts";

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

/** What ends the answers that are still being written, by whose they are and their names. */
const running = new Map<string, AbortController>();

/** What clients call. */
export const app = millrace({
  path: "/rpc",
  // By a secret that each tab makes up: who asked may stop the answer, also from a page that is loaded anew.
  authenticate: bySecret,
  procedures: {
    /**
     * Answers a question in a channel, for who asks and for who looks on alike. Nobody who leaves ends it, and the model waits for nobody's connection: who was
     * away gets the rest.
     */
    ask: procedure(
      { input: z.object({ id, question: z.string().max(400) }) },
      async ({ id, question }, { channel, connection }) => {
        const name = `${connection.subject} ${id}`;
        const stop = new AbortController();
        running.set(name, stop);
        try {
          const answer = channel("answer/:id", { id });
          const text = await answer.publish("");
          for await (const token of model(question, stop.signal)) await answer.append(text, token);
          await answer.publish({ end: stop.signal.aborted ? "stopped" : "complete" });
        } finally {
          if (running.get(name) === stop) running.delete(name); // the same may be asked twice
        }
      },
    ),
    /** Ends an answer that is still being written, for who asked. */
    stop: procedure(
      { input: z.object({ id }) },
      ({ id }, { connection }) => running.get(`${connection.subject} ${id}`)?.abort(),
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
