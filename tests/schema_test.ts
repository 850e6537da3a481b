import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type } from "arktype";
import * as v from "valibot";
import { z } from "zod";
import { bytes } from "../rpc/bytes.ts";
import { CallError } from "../rpc/errors.ts";
import { isSchema, type Issue, type Schema, validate, validateOutput } from "../rpc/schema.ts";

/** The issues that a value meets. */
function issuesOf(schema: Schema, value: unknown): readonly Issue[] {
  const error = assertThrows(() => validate(schema, value), CallError);
  assertEquals(error.code, "BAD_INPUT");
  return (error.data as { issues: readonly Issue[] }).issues;
}

/** A schema that answers every value with these issues. */
function failing(
  issues: readonly { message: string; path?: readonly (PropertyKey | { key: PropertyKey })[] }[],
): Schema {
  return { "~standard": { version: 1, vendor: "test", validate: () => ({ issues }) } };
}

describe("validate", () => {
  it("gives the value of a synchronous schema at once", () => {
    assertEquals(validate(z.object({ a: z.number() }), { a: 1, b: 2 }), { a: 1 });
    assertEquals(validate(z.string().transform((text) => text.length), "mill"), 4);
    assertEquals(validate(z.number().default(3), undefined), 3);
  });

  it("gives a promise for an asynchronous schema", async () => {
    const schema = z.string().refine(async (text) => await Promise.resolve(text !== "taken"));
    const result = validate(schema, "free");
    assertInstanceOf(result, Promise);
    assertEquals(await result, "free");
    const error = await assertRejects(async () => await validate(schema, "taken"), CallError);
    assertEquals(error.code, "BAD_INPUT");
  });

  it("tells where the issues are", () => {
    const schema = z.object({ users: z.array(z.object({ name: z.string() })) });
    const [issue] = issuesOf(schema, { users: [{ name: "Ada" }, { name: 1 }] });
    assertEquals(issue?.path, ["users", 1, "name"]);
    assert(issue?.message.includes("string"));
  });

  it("lets an exception of the schema itself pass", () => {
    const broken = () => {
      throw new RangeError("broken");
    };
    const schema: Schema = { "~standard": { version: 1, vendor: "test", validate: broken } };
    assertThrows(() => validate(schema, "x"), RangeError, "broken");
  });

  it("bounds what it tells of a hostile input", () => {
    const path = Array.from({ length: 1_000 }, () => "k".repeat(1_000));
    const issues = issuesOf(
      failing(Array.from({ length: 1_000 }, () => ({ message: "m".repeat(10_000), path }))),
      1,
    );
    assertEquals(issues.length, 32);
    assertEquals(issues[0]?.message.length, 512);
    assertEquals(issues[0]?.path.length, 32);
    assertEquals(issues[0]?.path[0], "k".repeat(128));
  });

  it("makes plain keys of symbols and of keys in objects", () => {
    const [issue] = issuesOf(
      failing([{ message: "no", path: [Symbol("s"), { key: "a" }, { key: 1 }, 2] }]),
      1,
    );
    assertEquals(issue?.path, ["Symbol(s)", "a", 1, 2]);
    assertEquals(issuesOf(failing([{ message: "no" }]), 1)[0]?.path, []);
  });
});

describe("validateOutput", () => {
  it("blames the server", async () => {
    assertEquals(validateOutput(z.string(), "x"), "x");
    assertEquals(assertThrows(() => validateOutput(z.string(), 1), CallError).code, "BAD_OUTPUT");
    const later = z.string().refine(async () => await Promise.resolve(false));
    const error = await assertRejects(async () => await validateOutput(later, "x"), CallError);
    assertEquals(error.code, "BAD_OUTPUT");
  });
});

describe("isSchema", () => {
  it("knows objects and functions", () => {
    for (const schema of [z.string(), v.string(), type("string"), bytes()]) assert(isSchema(schema));
    for (const value of [undefined, null, "~standard", {}, () => 1]) assert(!isSchema(value));
  });
});

describe("valibot", () => {
  const schema = v.object({ a: v.number(), at: v.pipe(v.string(), v.transform((text) => new Date(text))) });
  it("validates", () => {
    assertEquals(validate(schema, { a: 1, at: "2026-01-01" }), { a: 1, at: new Date("2026-01-01") });
    assertEquals(issuesOf(schema, { a: "1", at: "" })[0]?.path, ["a"]);
  });
});

describe("arktype", () => {
  const schema = type({ a: "number", "tags?": "string[]" });
  it("validates", () => {
    assertEquals(validate(schema, { a: 1 }), { a: 1 });
    const issues = issuesOf(schema, { a: 1, tags: ["x", 2] });
    assertEquals(issues[0]?.path, ["tags", 1]);
    // Its own lists are subclasses of Array, which no encoder takes.
    for (const list of [issues, issues[0]!.path]) {
      assertStrictEquals(Object.getPrototypeOf(list), Array.prototype);
    }
  });
});

describe("bytes", () => {
  it("passes bytes and streams on as they are", () => {
    const stream = new ReadableStream<Uint8Array>();
    const array = new Uint8Array([1, 2, 3]);
    assertStrictEquals(validate(bytes(), array), array);
    assertStrictEquals(validate(bytes(), stream), stream);
  });

  it("refuses everything else", () => {
    for (const value of ["bytes", [1], new ArrayBuffer(1), new Float32Array(1), null, undefined]) {
      assertEquals(issuesOf(bytes(), value), [{
        message: "Expected bytes: a Uint8Array or a ReadableStream",
        path: [],
      }]);
    }
  });
});
