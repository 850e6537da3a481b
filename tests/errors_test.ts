import { assert, assertEquals, assertNotEquals, assertStrictEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  CallError,
  CODES,
  errorConstructors,
  httpStatus,
  isCallError,
  isCode,
  tellable,
} from "../rpc/errors.ts";

describe("CallError", () => {
  it("takes message and bits from the table", () => {
    const error = new CallError("DISCONNECTED");
    assertEquals(error.name, "CallError");
    assertEquals(error.message, CODES.DISCONNECTED.meaning);
    assertEquals([error.retryable, error.ambiguous, error.declared], [false, true, false]);
    assertEquals(new CallError("UNAVAILABLE").retryable, true);
    assert(error instanceof Error);
  });

  it("takes what it is given instead", () => {
    const cause = new Error("behind");
    const error = new CallError("DEADLINE", "late", { retryable: true, ambiguous: false, data: 1, cause });
    assertEquals([error.message, error.retryable, error.ambiguous, error.data], ["late", true, false, 1]);
    assertStrictEquals(error.cause, cause);
    assert(!("cause" in new CallError("DEADLINE")));
  });

  it("does not take a declared name for a stable code", () => {
    const error = new CallError("UNAVAILABLE", undefined, { declared: true });
    assertEquals([error.message, error.retryable], ["UNAVAILABLE", false]);
  });

  it("is known by isCallError", () => {
    assert(isCallError(new CallError("INTERNAL")));
    assert(!isCallError(new Error("INTERNAL")));
    assert(!isCallError({ name: "CallError", code: "INTERNAL" }));
  });
});

describe("CODES", () => {
  it("never says of one code both that it may be repeated and that it may have run", () => {
    for (const [code, { retryable, ambiguous }] of Object.entries(CODES)) {
      assert(!(retryable && ambiguous), code);
    }
  });

  it("has a meaning and an HTTP error for each", () => {
    for (const [code, { meaning, status }] of Object.entries(CODES)) {
      assertNotEquals(meaning, "");
      assert(status >= 400 && status < 600, code);
    }
  });

  it("is not confused by names of Object.prototype", () => {
    assert(isCode("INTERNAL"));
    assert(!isCode("constructor"));
    assert(!isCode("toString"));
  });
});

describe("errorConstructors", () => {
  it("makes declared errors", () => {
    const { TAKEN } = errorConstructors(["TAKEN"]);
    const error = TAKEN?.({ by: "Ada" });
    assertEquals([error?.code, error?.declared, error?.data], ["TAKEN", true, { by: "Ada" }]);
  });
});

describe("tellable", () => {
  const declared = { TAKEN: true };

  it("passes on declared errors and the codes a handler may use", () => {
    const taken = new CallError("TAKEN", undefined, { declared: true });
    assertStrictEquals(tellable(taken, declared), taken);
    const forbidden = new CallError("FORBIDDEN", "Editors only");
    assertStrictEquals(tellable(forbidden, undefined), forbidden);
  });

  it("makes a bare INTERNAL of everything else, and keeps the cause here", () => {
    const others = [
      new Error("password is hunter2"),
      "thrown text",
      undefined,
      new CallError("GONE", undefined, { declared: true }),
      new CallError("toString", undefined, { declared: true }),
      new CallError("TAKEN"),
      new CallError("DISCONNECTED"),
      new CallError("BAD_OUTPUT", "secret"),
    ];
    for (const thrown of others) {
      const told = tellable(thrown, declared);
      assertEquals([told.code, told.message, told.data], ["INTERNAL", CODES.INTERNAL.meaning, undefined]);
      assertEquals([told.declared, told.retryable, told.ambiguous], [false, false, false]);
      // Nothing thrown is still something to report.
      if (thrown === undefined) assertEquals(String(told.cause), "TypeError: A handler threw undefined");
      else assertStrictEquals(told.cause, thrown);
    }
  });
});

describe("httpStatus", () => {
  it("is that of the code, 422 for declared errors, 500 for codes of a newer peer", () => {
    assertEquals(httpStatus(new CallError("NOT_FOUND")), 404);
    assertEquals(httpStatus(new CallError("TAKEN", undefined, { declared: true })), 422);
    assertEquals(httpStatus(new CallError("SOMETHING_NEW")), 500);
  });
});
