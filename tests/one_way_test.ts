// The name of a member: SHA-256 as the runtime has it, cut to 96 bits.
import { assertEquals, assertNotEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { oneWayName, sha256 } from "../rpc/one_way.ts";

describe("a name without a way back", () => {
  it("is of the SHA-256 that the runtime has, for texts of any length", async () => {
    for (let length = 0; length < 200; length++) {
      const bytes = Uint8Array.from({ length }, (_, i) => (i * 31 + length) & 255);
      const expected = new DataView(await crypto.subtle.digest("SHA-256", bytes));
      assertEquals([...sha256(bytes)], Array.from({ length: 8 }, (_, i) => expected.getUint32(4 * i)));
    }
  });

  it("has 16 characters, the same for the same text alone", async () => {
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode("añ")));
    const base64 = btoa(String.fromCharCode(...digest.subarray(0, 12))).replaceAll("+", "-").replaceAll(
      "/",
      "_",
    );
    assertEquals(oneWayName("añ"), base64);
    assertNotEquals(oneWayName("a"), oneWayName("b"));
  });
});
