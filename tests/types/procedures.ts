// What the compiler refuses where procedures and apps are made, and what handlers find. Compiled, never run.
import { z } from "zod";
import type { Schema } from "../../rpc/schema.ts";
import type { Procedure } from "../../rpc/procedure.ts";
import { define } from "../../mod.ts";
import { middleware, millrace, mustBeEditor, procedure, use, type User } from "./app.ts";
import { type Equal, expect } from "./expect.ts";

const plain = define();

export function inferred(): void {
  const one = plain.procedure(() => 1);
  expect<Equal<NonNullable<(typeof one)["~types"]>["output"], Schema<number>>>();
  const typed: Procedure<"value", undefined, undefined, Schema<number>, Record<never, never>> = one;
  const literal = plain.procedure({ output: z.enum(["on", "off"]) }, () => "on");
  const later = plain.procedure({ output: z.enum(["on", "off"]) }, async () => await Promise.resolve("on"));
  const items = plain.procedure.stream({ output: z.enum(["on", "off"]) }, async function* () {
    yield "on";
  });
  const given = plain.procedure.stream({}, () => new Blob().stream());
  expect<Equal<NonNullable<(typeof given)["~types"]>["output"], Schema<Uint8Array<ArrayBuffer>>>>();
  const state = z.object({ state: z.enum(["on", "off"]), pair: z.tuple([z.number(), z.literal("a")]) });
  const nested = plain.procedure(
    { output: state },
    async () => await Promise.resolve({ state: "on", pair: [1, "a"] }),
  );
  const fields = plain.procedure.stream({ input: z.number(), output: state }, async function* (n) {
    yield { state: n > 1 ? "on" : "off", pair: [n, "a"] };
  });
  console.log(typed, literal, later, items, nested, fields);
}

export function refusedResults(): void {
  // @ts-expect-error the handler gives another type than the output's schema
  plain.procedure({ output: z.string() }, () => 1);
  // @ts-expect-error the same, later
  plain.procedure({ output: z.string() }, async () => await Promise.resolve(1));
  // @ts-expect-error a field is missing
  plain.procedure({ output: z.object({ a: z.string(), b: z.number() }) }, () => ({ a: "" }));
  // @ts-expect-error items of another type
  plain.procedure.stream({ output: z.string() }, async function* () {
    yield 1;
  });
  // @ts-expect-error a stream's handler gives an AsyncIterable
  plain.procedure.stream({}, () => 1);
  // @ts-expect-error an upload has items
  plain.procedure.upload({}, () => 1);
  // @ts-expect-error a value takes no items
  plain.procedure({ items: z.string() }, () => 1);
  // @ts-expect-error no such option
  plain.procedure({ inputs: z.string() }, () => 1);
  // @ts-expect-error no Standard Schema
  plain.procedure({ input: "string" }, () => 1);
  // @ts-expect-error the name of a stable code
  plain.procedure({ errors: { NOT_FOUND: z.string() } }, () => 1);
  // @ts-expect-error a handler is needed
  plain.procedure({ input: z.string() });
  // @ts-expect-error a type has no handler
  plain.procedure.type({ input: z.string() }, () => 1);
}

export function refusedContext(): void {
  plain.procedure({ input: z.object({ a: z.number() }) }, (input, { signal }) => {
    // @ts-expect-error no such field
    return [input.b, signal];
  });
  // @ts-expect-error no such member of the context
  plain.procedure((_, { user }) => user);
  procedure({ errors: { TAKEN: z.object({ by: z.string() }) } }, (_, { errors, client }) => {
    // @ts-expect-error not declared
    errors.TAKN({ by: "Ada" });
    // @ts-expect-error data of another type
    errors.TAKEN({ by: 1 });
    // @ts-expect-error data is needed
    errors.TAKEN();
    // @ts-expect-error the client offers no such procedure
    client.confrm("?");
    // @ts-expect-error an argument of another type
    client.confirm(1);
    expect<Equal<Awaited<ReturnType<typeof client.confirm>>, boolean>>();
    expect<Equal<Awaited<ReturnType<typeof client.screen.size>>, { width: number }>>();
  });
  // @ts-expect-error `allow` answers with a boolean
  procedure({ allow: ({ user }) => user.name }, () => 1);
  // @ts-expect-error the name belongs to every call
  define<{ signal: string }>();
}

export function contexts(): void {
  const editors = use(mustBeEditor);
  const { procedure: edit } = editors.use(
    middleware(({ user }, next) => next({ greeting: `Hello ${user.name}` })),
  );
  const renamed = edit((_, { editor, greeting, user }) => {
    expect<Equal<typeof user, User>>();
    return `${greeting} ${editor}`;
  });
  millrace({
    authenticate: () => ({ user: { name: "", editor: true } }),
    procedures: { renamed, one: plain.procedure(() => 1) },
  });
  editors.millrace({ authenticate: () => ({ user: { name: "", editor: true } }), procedures: { renamed } });
  // @ts-expect-error without a user there is no `authenticate` that could be left out
  millrace({ procedures: { renamed } });
  // @ts-expect-error the context is not what was promised
  millrace({ authenticate: () => ({ user: { name: "" } }), procedures: { renamed } });
  // @ts-expect-error the procedure needs a user that this app does not have
  plain.millrace({ procedures: { renamed } });
  const without = define<{ user: User }>();
  const authenticate = () => ({ user: { name: "", editor: true } });
  // @ts-expect-error the procedure calls a client that offers more
  without.millrace({ authenticate, procedures: { renamed } });
  // @ts-expect-error the middleware needs a user
  plain.use(mustBeEditor);
  // @ts-expect-error the same
  plain.procedure({ use: [mustBeEditor] }, () => 1);
  // @ts-expect-error a function is no procedure
  plain.millrace({ procedures: { one: () => 1 } });
  // @ts-expect-error the name belongs to every call
  middleware((_, next) => next({ signal: 1 }));
  // @ts-expect-error a middleware gives back what next() gave
  middleware((_, next) => void next());
}

export function asked(): void {
  const edit = use(mustBeEditor).procedure;
  edit(
    { allow: ({ user, connection }) => user.editor && connection.subject !== undefined },
    (_, { editor }) => editor,
  );
  // @ts-expect-error `allow` is asked before any middleware runs
  edit({ allow: ({ editor }) => editor !== "" }, () => 1);
}
