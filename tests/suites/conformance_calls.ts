/** Conformance: one value to one value. */
import { all, failure, same, told, truly, until } from "./check.ts";
import type { Case } from "./conformance.ts";

/** Values that must come back as they were sent. */
const values: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -0,
  1,
  -1,
  127,
  128,
  65_536,
  2 ** 32,
  Number.MAX_SAFE_INTEGER,
  Number.MIN_SAFE_INTEGER,
  1.5,
  -1e300,
  NaN,
  Infinity,
  -Infinity,
  2n ** 63n - 1n,
  -(2n ** 63n),
  2n ** 64n - 1n,
  "",
  "Zażółć gęślą jaźń, 水車, 🎡",
  "x".repeat(70_000),
  [],
  [1, ["two", [null, [{}]]]],
  { a: 1, b: { c: [true] }, "": "empty", "with space": 1 },
  new Date(0),
  new Date(-1),
  new Date("2100-01-01T00:00:00.123Z"),
  new Uint8Array(0),
  new Uint8Array([0, 255, 127]),
  { bytes: new Uint8Array(100_000).fill(7), list: [new Uint8Array(1)] },
  Array.from({ length: 1_000 }, (_, i) => ({ id: i, name: `number ${i}` })),
];

/** The cases. */
export const callCases: Readonly<Record<string, Case>> = {
  "a call gives its value": async ({ client }) => {
    const { call } = client();
    same(await call.add({ a: 1, b: 2 }), 3);
    same(await call.later(1), 2);
    same(await call.nothing(), undefined);
    same(await call.users.deep.down("deep"), "deep down");
  },

  "every kind of value comes back as it was sent": async ({ client }) => {
    const { call } = client();
    for (const value of values) same(await call.echo(value), value);
  },

  "fields that are undefined are left out": async ({ client }) => {
    same(await client().call.echo({ a: undefined, b: 1 }), { b: 1 });
  },

  "what is no value is refused before it is sent, with its path": async ({ client }) => {
    const { call } = client();
    for (const [value, path] of [[new Map(), "value"], [{ a: [new Set()] }, "value.a[0]"]] as const) {
      const refused = await call.echo(value).then(() => undefined, (error: unknown) => error);
      truly(refused instanceof TypeError, "a TypeError");
      truly((refused as Error).message.includes(path), `${(refused as Error).message} names ${path}`);
    }
    same(await call.add({ a: 1, b: 2 }), 3);
  },

  "a thousand calls at once get each its own answer, and the surplus an honest error": async ({ client }) => {
    const app = client();
    await app.ready();
    const answers = await Promise.all(
      Array.from({ length: 1_000 }, (_, i) => app.call.add({ a: i, b: 1 }).result()),
    );
    same(answers.slice(0, 256).map(({ value }) => value), Array.from({ length: 256 }, (_, i) => i + 1));
    const refused = answers.slice(256).map(({ error }) => error && told(error));
    same(refused.filter((error) => error === undefined).length, 0);
    same(refused[0], { code: "RESOURCE_EXHAUSTED", retryable: true });
  },

  "schemas convert and fill in both ways": async ({ client }) => {
    const { call } = client();
    same(await call.defaults(), { by: 1 });
    same(await call.defaults({}), { by: 2 });
  },

  "a wrong input is refused with issues": async ({ client }) => {
    const error = await failure(client().call.add({ a: "1", b: 2 } as never));
    same([error.code, error.ambiguous], ["BAD_INPUT", false]);
    const { issues } = error.data as { issues: { message: string; path: unknown[] }[] };
    same(issues.map(({ path }) => path), [["a"]]);
  },

  "declared errors arrive with their data": async ({ client }) => {
    const { call } = client();
    same(await call.users.rename("bob"), "BOB");
    same(told(await failure(call.users.rename("ada"))), {
      code: "TAKEN",
      declared: true,
      data: { by: "Ada" },
    });
    same(told(await failure(call.users.rename("full"))), { code: "FULL", declared: true });
  },

  "what a handler throws is INTERNAL and tells nothing": async ({ client }) => {
    const { call } = client();
    for (const kind of ["error", "code", "object", "later"] as const) {
      const error = await failure(call.fail(kind));
      same(told(error), { code: "INTERNAL" });
      truly(!error.message.includes("password"), "no secret in the message");
    }
    same((await failure(call.fail("forbidden"))).message, "not you");
    same(told(await failure(call.badOutput())), { code: "INTERNAL" });
  },

  "missing and forbidden procedures look the same": async ({ client }) => {
    const { call } = client();
    const missing = await failure((call as unknown as { nowhere(n: number): Promise<number> }).nowhere(1));
    const forbidden = await failure(call.secret(1));
    const badInput = await failure(call.secret("text" as never));
    same(told(missing), { code: "NOT_FOUND" });
    same([told(forbidden), forbidden.message], [told(missing), missing.message]);
    same([told(badInput), badInput.message], [told(missing), missing.message]);
    same(await client({ token: "admin" }).call.secret(1), 1);
  },

  "names of Object.prototype are no procedures": async ({ client }) => {
    const { call } = client();
    const anything = call as unknown as Record<string, () => Promise<unknown>>;
    for (const name of ["valueOf", "hasOwnProperty", "isPrototypeOf", "toLocaleString"]) {
      same(told(await failure(anything[name]!())), { code: "NOT_FOUND" });
    }
  },

  "middleware adds to the context, or refuses": async ({ client }) => {
    same(await client({ token: "admin" }).call.office(), "admin's office");
    const error = await failure(client({ token: "ada" }).call.office());
    same([error.code, error.message], ["FORBIDDEN", "ada may not"]);
  },

  "the handler knows who calls": async ({ client }) => {
    const nobody = await client().call.who();
    same([nobody.user, nobody.subject, nobody.procedure], ["guest", null, "who"]);
    for (const tokenIn of ["message", "subprotocol"] as const) {
      const ada = await client({ token: "ada", tokenIn }).call.who();
      same([ada.user, ada.subject, ada.admin], ["ada", "ada", false]);
    }
  },

  "a call of the wrong shape says so": async ({ client }) => {
    const { call } = client();
    const wrong = call as unknown as Record<
      string,
      (...args: unknown[]) => AsyncIterable<unknown> & Promise<unknown>
    >;
    same((await failure(all(wrong["add"]!({ a: 1, b: 2 })))).code, "WRONG_SHAPE");
    same((await failure(wrong["sum"]!("x"))).code, "WRONG_SHAPE");
    same((await failure(wrong["later"]!(1, emptyItems()))).code, "WRONG_SHAPE");
  },

  "a deadline travels, and ends the call at both ends": async ({ client, ticket }) => {
    const { call } = client();
    const left = await call.timeLeft(undefined, { timeout: 10_000 });
    truly(left > 5_000 && left <= 10_000, `${left} ms of 10,000 are left`);
    same(told(await failure(call.wait(ticket, { timeout: 20 }))), { code: "DEADLINE", ambiguous: true });
    // Whichever notices first: the server by its own clock, or the client, which cancels.
    await until(async () => (await call.journal(ticket)).length, 2);
  },

  "a cancelled call aborts its handler": async ({ client, ticket }) => {
    const { call } = client();
    const abort = new AbortController();
    const waiting = failure(call.wait(ticket, { signal: abort.signal }));
    await until(() => call.journal(ticket), ["started"]);
    abort.abort();
    same(told(await waiting), { code: "CANCELLED", ambiguous: true });
    await until(() => call.journal(ticket), ["started", "aborted: CANCELLED"]);
    const before = call.wait(`${ticket} 2`, { signal: AbortSignal.abort() });
    same((await failure(before)).code, "CANCELLED");
    same(await call.journal(`${ticket} 2`), []);
  },

  "ordered calls of a connection wait for each other": async ({ client, ticket }) => {
    const { call } = client();
    await Promise.all([1, 2, 3].map((n) => call.ordered([ticket, n])));
    same(await call.journal(ticket), ["begin 1", "end 1", "begin 2", "end 2", "begin 3", "end 3"]);
  },
};

async function* emptyItems(): AsyncGenerator<never> {}
