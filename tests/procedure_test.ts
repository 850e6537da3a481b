import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { z } from "zod";
import type { ErasedConfig } from "../rpc/definition.ts";
import { type PlainScope } from "../rpc/define.ts";
import { procedureBuilder } from "../rpc/builder.ts";
import { isProcedure, type ProcedureDefinition } from "../rpc/procedure.ts";

const procedure = procedureBuilder<PlainScope>([]);

/** The builder as untyped callers meet it. */
const untyped = procedure as unknown as
  & Record<"stream" | "upload" | "duplex" | "type", (config: object, handler?: unknown) => unknown>
  & ((config: unknown, handler?: unknown) => unknown);

function opened(value: unknown): ProcedureDefinition {
  if (!isProcedure(value)) throw new TypeError("Cannot open a procedure: it is none");
  return value;
}

async function* letters() {
  yield await Promise.resolve("a");
}

describe("procedure", () => {
  it("takes a handler alone", () => {
    const made = opened(procedure(() => 1));
    assertEquals([made.shape, made.input, made.output, made.ordered, made.idempotent, made.timeout], [
      "value",
      undefined,
      undefined,
      false,
      false,
      undefined,
    ]);
    assertEquals(made.run?.(undefined, undefined, {}), 1);
  });

  it("keeps what the config says", () => {
    const input = z.string();
    const output = z.number();
    const TAKEN = z.string();
    const allow = () => true;
    const config = { input, output, errors: { TAKEN }, allow, ordered: true, idempotent: true, timeout: 500 };
    const made = opened(procedure(config, (text) => text.length));
    assertStrictEquals(made.input, input);
    assertStrictEquals(made.output, output);
    assertStrictEquals(made.errors?.["TAKEN"], TAKEN);
    assertStrictEquals(made.allow, allow);
    assertEquals([made.ordered, made.idempotent, made.timeout], [true, true, 500]);
    assertEquals(made.raise["TAKEN"]?.("Ada").data, "Ada");
  });

  it("is frozen", () => {
    const made = opened(procedure(() => 1));
    assertThrows(() => Object.assign(made, { allow: () => true }), TypeError);
  });

  it("gives a value's handler (input, context), synchronously", () => {
    const made = opened(procedure({ input: z.number() }, (n, context) => [n, context]));
    const context = {};
    assertEquals(made.run?.(3, undefined, context), [3, context]);
  });

  it("gives an upload's handler (input, items, context), or (items, context) without input", () => {
    const items = letters();
    const context = {};
    const withInput = untyped.upload({ input: z.string(), items: z.string() }, (...args: unknown[]) => args);
    const without = untyped.upload({ items: z.string() }, (...args: unknown[]) => args);
    assertEquals(opened(withInput).run?.("meta", items, context), ["meta", items, context]);
    assertEquals(opened(without).run?.(undefined, items, context), [items, context]);
  });

  it("names the shape", () => {
    const config: ErasedConfig = { items: z.string() };
    assertEquals(opened(procedure.stream({}, letters)).shape, "stream");
    assertEquals(opened(untyped.upload(config, () => 1)).shape, "upload");
    assertEquals(opened(untyped.duplex(config, letters)).shape, "duplex");
  });

  it("makes types that have no handler", () => {
    assertEquals(opened(procedure.type({ input: z.string() })).run, undefined);
    assertEquals(opened(procedure.type({ input: z.string() })).shape, "value");
    assertEquals(opened(procedure.type({ shape: "stream", output: z.string() })).shape, "stream");
  });

  it("refuses what is no handler, schema, middleware or name", () => {
    const refusals: [() => unknown, string][] = [
      [() => untyped({ input: z.string() }), "its handler is a undefined, not a function"],
      [() => untyped({ input: "string" }, () => 1), "its input is no Standard Schema"],
      [() => untyped({ output: {} }, () => 1), "its output is no Standard Schema"],
      [() => untyped({ items: z.string() }, () => 1), "value takes no items"],
      [() => untyped.upload({}, () => 1), "items need a schema"],
      [() => untyped({ use: [1] }, () => 1), "its middleware holds something that is no function"],
      [() => untyped({ allow: true }, () => 1), "its allow is no function"],
      [() => untyped({ alow: () => false }, () => 1), `it has no option named "alow"`],
      [
        () => untyped({ errors: { NOT_FOUND: z.string() } }, () => 1),
        'the error "NOT_FOUND" has the name of a stable code',
      ],
      [() => untyped({ errors: { TAKEN: "string" } }, () => 1), 'the error "TAKEN" has no Standard Schema'],
    ];
    for (const [make, reason] of refusals) {
      assertThrows(make, TypeError, `Cannot make a procedure: ${reason}`);
    }
    for (const timeout of [0, -1, NaN]) {
      assertThrows(() => untyped({ timeout }, () => 1), RangeError, `timeout ${timeout} is not positive`);
    }
  });
});
