import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { procedureBuilder } from "../rpc/builder.ts";
import { clientHandlers, clientProcedures, REFUSED_NAMES, serverProcedures } from "../rpc/contract.ts";
import type { PlainScope } from "../rpc/define.ts";

const procedure = procedureBuilder<PlainScope>([]);
const one = procedure(() => 1);
const offered = procedure.type({});

describe("serverProcedures", () => {
  it("joins the names of groups with dots", () => {
    const found = serverProcedures({ one, users: { rename: one, admin: { count: one } }, empty: {} });
    assertEquals([...found.keys()], ["one", "users.rename", "users.admin.count"]);
    assertStrictEquals<unknown>(found.get("users.rename"), one);
  });

  it("takes groups without a prototype, as module namespaces are", () => {
    assertEquals(serverProcedures(Object.assign(Object.create(null), { one })).size, 1);
    assertEquals(serverProcedures({ users: Object.assign(Object.create(null), { one }) }).size, 1);
  });

  it("refuses every name of Function.prototype, and those the client could not reach", () => {
    for (
      const name of [
        ...Object.getOwnPropertyNames(Function.prototype),
        "then",
        "toJSON",
        "__proto__",
        "prototype",
      ]
    ) {
      assert(REFUSED_NAMES.has(name), name);
      const group = Object.fromEntries([[name, one]]);
      assertThrows(
        () => serverProcedures(group),
        TypeError,
        `Cannot name a procedure "${name}": the client could not reach it`,
      );
      assertThrows(
        () => serverProcedures({ users: group }),
        TypeError,
        `Cannot name a procedure "users.${name}"`,
      );
      assertThrows(
        () => serverProcedures({ [`${name}.x`]: one }),
        TypeError,
        "a dot separates the names of groups",
      );
    }
  });

  it("refuses refused names for groups too", () => {
    assertThrows(() => serverProcedures({ call: { one } }), TypeError, 'Cannot name a procedure "call"');
  });

  it("refuses empty names", () => {
    assertThrows(() => serverProcedures({ "": one }), TypeError, 'Cannot name a procedure "": it is empty');
  });

  it("refuses what is neither a procedure nor a plain object", () => {
    for (
      const [value, is] of [[null, "null"], [undefined, "a undefined"], [1, "a number"], [
        () => 1,
        "a function",
      ]]
    ) {
      assertThrows(
        () => serverProcedures({ users: { one: value } }),
        TypeError,
        `Cannot use "users.one" as a procedure: it is ${is}`,
      );
    }
    for (const value of [[one], new Map(), new Date()]) {
      assertThrows(
        () => serverProcedures({ users: value }),
        TypeError,
        'Cannot use "users" as a group of procedures',
      );
    }
  });

  it("refuses a procedure in the place of a prototype, where it would vanish", () => {
    assertThrows(() => serverProcedures({ users: { __proto__: one } }), TypeError, "it is no plain object");
  });

  it("refuses a group that contains itself", () => {
    const group: Record<string, unknown> = { one };
    group["again"] = group;
    assertThrows(() => serverProcedures(group), TypeError, "nested deeper than 16 levels");
  });

  it("refuses a type without a handler", () => {
    assertThrows(
      () => serverProcedures({ users: { offered } }),
      TypeError,
      'Cannot serve procedure "users.offered"',
    );
  });
});

describe("clientProcedures", () => {
  it("takes types alone", () => {
    assertEquals([...clientProcedures({ offered, screen: { offered } }).keys()], [
      "offered",
      "screen.offered",
    ]);
    assertThrows(() => clientProcedures({ one }), TypeError, 'Cannot call procedure "one" of a client');
  });
});

describe("clientHandlers", () => {
  it("takes functions alone", () => {
    const confirm = () => true;
    assertEquals([...clientHandlers({ confirm, screen: { size: confirm } }).keys()], [
      "confirm",
      "screen.size",
    ]);
    assertThrows(
      () => clientHandlers({ confirm: 1 }),
      TypeError,
      'Cannot use "confirm" as a procedure: it is a number',
    );
    assertThrows(() => clientHandlers({ then: confirm }), TypeError, 'Cannot name a procedure "then"');
  });
});
