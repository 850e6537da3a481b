// The app of DESIGN section 2, as far as this version goes; the other files of this folder call it. Compiled,
// never run.
import { z } from "zod";
import { bytes, CallError, define, procedure as plain } from "../../mod.ts";
import { type Equal, expect } from "./expect.ts";

export interface User {
  readonly name: string;
  readonly editor: boolean;
}

const Name = z.string().min(1);
const Board = z.object({ id: z.string(), made: z.string().transform((text) => new Date(text)) });
const Meta = z.object({ type: z.string().default("text/plain") });

const client = {
  confirm: plain.type({ input: z.string(), output: z.boolean() }),
  screen: { size: plain.type({ output: z.object({ width: z.number() }) }) },
  ticks: plain.type({ shape: "stream", input: z.number(), output: z.number() }),
  collect: plain.type({
    shape: "upload",
    items: z.string(),
    output: z.number(),
    errors: { FULL: z.number() },
  }),
};

export const { procedure, millrace, middleware, use } = define<{ user: User }>().with({ client });

export const mustBeEditor = middleware(({ user, signal }, next) => {
  expect<Equal<typeof user, User>>();
  expect<Equal<typeof signal, AbortSignal>>();
  if (!user.editor) throw new CallError("FORBIDDEN");
  return next({ editor: user.name });
});

const timed = middleware(async (_context, next) => {
  const passed = await next();
  return passed;
});

export const app = millrace({
  path: "/rpc",
  authenticate: ({ token }) => ({ user: { name: token ?? "", editor: true }, subject: "7" }),
  procedures: {
    add: procedure({ input: z.object({ a: z.number(), b: z.number() }) }, ({ a, b }) => a + b),
    one: procedure(() => 1),
    later: procedure(async (_, { user }) => await Promise.resolve(user.name)),
    nothing: procedure({}, () => {}),
    maybe: procedure({ input: z.number().optional() }, (n) => n ?? 0),
    countdown: procedure.stream({ input: z.number() }, async function* (from, { signal }) {
      expect<Equal<typeof from, number>>();
      while (from > 0 && !signal.aborted) yield from--;
    }),
    lines: procedure.stream({ output: z.object({ at: z.date() }) }, async function* () {
      yield { at: new Date() };
    }),
    rename: procedure({
      input: Name,
      output: Board,
      errors: { TAKEN: z.object({ by: z.string() }), FULL: z.undefined() },
      use: [timed, mustBeEditor],
      allow: ({ user }) => user.editor,
    }, async (name, { user, editor, signal, errors, client, timeLeft }) => {
      expect<Equal<typeof name, string>>();
      expect<Equal<typeof user, User>>();
      expect<Equal<typeof editor, string>>();
      if (name === "full") throw errors.FULL();
      if (!await client.confirm(`${name}?`, { signal, timeout: timeLeft() })) {
        throw errors.TAKEN({ by: editor });
      }
      return { id: name, made: "2026-01-01" };
    }),
    upload: procedure.upload({ input: Meta, items: bytes() }, async (meta, items) => {
      expect<Equal<typeof meta.type, string>>();
      let size = 0;
      for await (const chunk of items) size += chunk.byteLength;
      return { size };
    }),
    sum: procedure.upload({ items: z.number(), output: z.number() }, async (items) => {
      let sum = 0;
      for await (const n of items) sum += n;
      return sum;
    }),
    talk: procedure.duplex({ items: z.string(), output: z.string() }, async function* (items) {
      for await (const s of items) yield s;
    }),
    echo: procedure({ input: bytes(), output: bytes() }, (data) => data),
    users: { admin: { count: procedure(() => 2n) } },
  },
});
export type App = typeof app;
