import { assertEquals, assertLess } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { parseSubprotocols, selectSubprotocol } from "../src/subprotocol.ts";

describe("parseSubprotocols()", () => {
  it("reads a list with any spacing and skips empty elements", () => {
    assertEquals(parseSubprotocols(null), []);
    assertEquals(parseSubprotocols(""), []);
    assertEquals(parseSubprotocols("a"), ["a"]);
    assertEquals(parseSubprotocols("a,b"), ["a", "b"]);
    assertEquals(parseSubprotocols(" \ta ,\t b\t, ,,c "), ["a", "b", "c"]);
    assertEquals(parseSubprotocols("millrace.1, auth.eyJhbGciOi-J_x.y~z"), [
      "millrace.1",
      "auth.eyJhbGciOi-J_x.y~z",
    ]);
  });

  it("refuses what is no token, and a name given twice", () => {
    for (
      const header of ["a b", "a;b", "é", "\u00ff\u00fe", "a=b", '"a"', "a,a", "a/b", "a\u00a0", "a\r", "\0"]
    ) {
      assertEquals(parseSubprotocols(header), undefined, JSON.stringify(header));
    }
  });

  it("takes time in proportion to the header, whatever is in it (CVE-2021-32640)", () => {
    for (
      const hostile of [
        (n: number) => "b" + " ".repeat(n) + "x",
        (n: number) => ",".repeat(n),
        (n: number) => Array.from({ length: n / 8 }, (_, i) => `p${i}`).join(" ,"),
        (n: number) => "a".repeat(n) + "\u00ff",
      ]
    ) {
      const started = performance.now();
      parseSubprotocols(hostile(1 << 18));
      assertLess(performance.now() - started, 500); // quadratic would be minutes
    }
  });
});

describe("selectSubprotocol()", () => {
  it("prefers the server's order", () => {
    assertEquals(selectSubprotocol(["a", "b"], ["b", "a"]), "b");
    assertEquals(selectSubprotocol(["a"], ["b"]), undefined);
    assertEquals(selectSubprotocol([], ["b"]), undefined);
  });
});
