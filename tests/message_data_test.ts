// The bytes of a message: its sender's own, whatever else is encoded meanwhile.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { encode } from "../msgpack/mod.ts";
import { decodeMessage, encodeMessage } from "../rpc/message_data.ts";

describe("encodeMessage()", () => {
  it("gives the encoding, and nothing for no value", () => {
    for (const size of [0, 1, 5_000, 16_381, 16_384, 16_385, 70_000, 300_000]) {
      for (
        const value of [
          "x".repeat(size),
          "水".repeat(size),
          new Uint8Array(size).fill(size),
          Array(size).fill("ab"),
        ]
      ) {
        assertEquals(encodeMessage(value), encode(value));
      }
    }
    assertEquals(encodeMessage(undefined).length, 0);
  });

  it("gives bytes that the next message does not change", () => {
    const values = [1, 2_000, 17_000, 100_000, 3, 90_000].map((size) => "x".repeat(size) + size);
    const messages = values.map(encodeMessage);
    assertEquals(messages.map((message) => decodeMessage(message)), values);
    assertEquals(new Set(messages.map(({ buffer }) => buffer)).size, values.length);
  });

  it("holds at most twice the bytes that it gives", () => {
    for (const text of ["x".repeat(17_000), "é".repeat(10_000), "水".repeat(30_000)]) {
      for (const value of [text, [text, 1, 2], { text }]) {
        const { buffer, length } = encodeMessage(value);
        assert(buffer.byteLength <= 2 * length, `${buffer.byteLength} bytes for ${length}`);
      }
    }
  });

  it("may be called by what it encodes, and goes on after what cannot be encoded", () => {
    const inner: Uint8Array[] = [];
    const outer = encodeMessage({
      before: "a",
      get asked() {
        inner.push(encodeMessage("inside"));
        return "b";
      },
      after: "c",
    });
    assertEquals(decodeMessage(inner[0]!), "inside");
    assertEquals(decodeMessage(outer), { before: "a", asked: "b", after: "c" });
    assertThrows(() => encodeMessage(["x", new Map()]), TypeError, "a Map");
    assertEquals(decodeMessage(encodeMessage("next")), "next");
  });
});
