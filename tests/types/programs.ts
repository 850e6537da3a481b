// The programs that README shows first: an app without a context, and its client. Compiled, never run.
import { z } from "zod";
import { connect } from "../../client/mod.ts";
import { millrace, procedure } from "../../mod.ts";
import type { App as LargeApp } from "./app.ts";
import { offered } from "./offers.ts";
import { type Equal, expect } from "./expect.ts";

const app = millrace({
  procedures: {
    add: procedure({ input: z.object({ a: z.number(), b: z.number() }) }, ({ a, b }) => a + b),
    countdown: procedure.stream({ input: z.number() }, async function* (from, { signal }) {
      while (from > 0 && !signal.aborted) yield from--;
    }),
  },
});
type App = typeof app;

export async function client(): Promise<void> {
  await using app = connect<App>("wss://example.org/rpc");
  const sum = await app.call.add({ a: 1, b: 2 });
  expect<Equal<typeof sum, number>>();
  for await (const n of app.call.countdown(3)) expect<Equal<typeof n, number>>();
  // @ts-expect-error a wrong argument
  await app.call.add({ a: 1, b: "2" });
  // @ts-expect-error a wrong name
  await app.call.sub({ a: 1, b: 2 });
}

export async function inProcess(): Promise<void> {
  const local = app.caller({});
  expect<Equal<Awaited<ReturnType<typeof local.add>>, number>>();
  await local.add({ a: 1, b: 2 });
}

export function offering(): void {
  connect<LargeApp>("wss://example.org/rpc", { client: offered });
  connect<LargeApp>("wss://example.org/rpc");
  // @ts-expect-error the app's contract has no such procedure
  connect<LargeApp>("wss://example.org/rpc", { client: { ...offered, rename: () => "" } });
}
