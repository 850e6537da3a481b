import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type Declared, type Define, defineWith } from "../rpc/define.ts";
import { CallError } from "../rpc/errors.ts";
import { isProcedure, type ProcedureDefinition } from "../rpc/procedure.ts";

interface User {
  readonly name: string;
}

/** `define` whose apps are only what they were made from. */
const define: Define = defineWith((declared, options) => ({ declared, options }) as never);

function run(procedure: unknown, context: object): unknown {
  if (!isProcedure(procedure)) throw new TypeError("Cannot run a procedure: it is none");
  return procedure.run?.(undefined, undefined, context);
}

describe("middleware", () => {
  const { procedure, middleware, use, with: declare } = define<{ user: User }>();

  it("runs outside in, and out again", async () => {
    const seen: string[] = [];
    const trace = (name: string) =>
      middleware(async (_, next) => {
        seen.push(`${name} in`);
        const passed = await next();
        seen.push(`${name} out`);
        return passed;
      });
    const tools = use(trace("first")).use(trace("second"));
    const made = tools.procedure({ use: [trace("third"), trace("fourth")] }, () => seen.push("handler"));
    await run(made, {});
    assertEquals(seen, [
      "first in",
      "second in",
      "third in",
      "fourth in",
      "handler",
      "fourth out",
      "third out",
      "second out",
      "first out",
    ]);
  });

  it("adds to the context of one call, over what is there", async () => {
    const greet = middleware(({ user }, next) => next({ greeting: `Hello ${user.name}` }));
    const rename = middleware((_, next) => next({ user: { name: "Grace" } }));
    const made = procedure({ use: [greet, rename] }, (_, { greeting, user }) => [greeting, user.name]);
    assertEquals(await run(made, { user: { name: "Ada" } }), ["Hello Ada", "Grace"]);
  });

  it("refuses by throwing", async () => {
    let ran = false;
    const refuse = middleware(() => {
      throw new CallError("FORBIDDEN");
    });
    const made = procedure({ use: [refuse] }, () => ran = true);
    const error = await assertRejects(async () => await run(made, {}), CallError);
    assertEquals(error.code, "FORBIDDEN");
    assert(!ran);
  });

  it("sees the handler fail, also when the handler is synchronous", async () => {
    const caught: unknown[] = [];
    const watch = middleware(async (_, next) => {
      try {
        return await next();
      } catch (error) {
        caught.push(error);
        throw error;
      }
    });
    const broken = new Error("broken");
    const made = procedure({ use: [watch] }, () => {
      throw broken;
    });
    assertStrictEquals(await assertRejects(async () => await run(made, {})), broken);
    assertEquals(caught, [broken]);
  });

  it("sees what the handler gave", async () => {
    const values: unknown[] = [];
    const watch = middleware(async (_, next) => {
      const passed = await next();
      values.push(passed.value);
      return passed;
    });
    assertEquals(await run(procedure({ use: [watch] }, async () => await Promise.resolve(7)), {}), 7);
    assertEquals(values, [7]);
  });

  it("wraps the start of a stream", async () => {
    const pass = middleware((_, next) => next());
    const made = procedure.stream({ use: [pass] }, async function* () {
      yield await Promise.resolve(1);
    });
    const stream = await run(made, {}) as AsyncIterable<number>;
    const items: number[] = [];
    for await (const item of stream) items.push(item);
    assertEquals(items, [1]);
  });

  it("must return what next() gave", async () => {
    const forgetful = middleware(((_: unknown, next: () => unknown) => void next()) as never);
    const made = procedure({ use: [forgetful] }, () => 1);
    await assertRejects(async () => await run(made, {}), TypeError, "did not return what next() gave");
  });

  it("cannot replace what belongs to every call", async () => {
    const replace = middleware(
      ((_: unknown, next: (added: object) => unknown) => next({ signal: 1 })) as never,
    );
    const made = procedure({ use: [replace] }, () => 1);
    await assertRejects(async () => await run(made, {}), TypeError, 'Cannot add "signal" to the context');
  });

  it("leaves a synchronous handler synchronous where there is none", () => {
    assertEquals(run(procedure(() => 1), {}), 1);
  });

  it("stays with the tools it was given to", async () => {
    const add = middleware((_, next) => next({ extra: 1 }));
    assertEquals(await run(use(add).procedure((_, { extra }) => extra), {}), 1);
    assertEquals(run(procedure((_, context) => "extra" in context), {}), false);
  });

  it("is kept when client procedures are declared, and hands them to the app", () => {
    const client = { screen: { size: procedure.type({}) } };
    const tools = use(middleware((_, next) => next({ extra: 1 }))).with({ client });
    const app = tools.millrace({ authenticate: () => ({ user: { name: "Ada" } }), procedures: {} });
    const { declared } = app as unknown as { declared: Declared };
    assertEquals([...declared.client.keys()], ["screen.size"]);
    assertStrictEquals<unknown>(
      declared.client.get("screen.size") as ProcedureDefinition,
      client.screen.size,
    );
    assert(run(tools.procedure((_, { extra }) => extra), {}) instanceof Promise);
    assertEquals(declare({}).procedure(() => 1)["~millrace"], "procedure");
  });
});
