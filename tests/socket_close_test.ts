import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { assertCloseCode, closeCodes, fitReason } from "../src/close.ts";
import { socketLimits } from "../src/limits.ts";

describe("fitReason()", () => {
  it("keeps what fits 123 bytes of UTF-8 and cuts between characters", () => {
    assertEquals(fitReason(""), "");
    assertEquals(fitReason("a".repeat(123)), "a".repeat(123));
    assertEquals(fitReason("a".repeat(124)), "a".repeat(123));
    assertEquals(fitReason("€".repeat(42)), "€".repeat(41));
    assertEquals(fitReason("€".repeat(41)), "€".repeat(41));
    assertEquals(fitReason("x" + "😀".repeat(40)), "x" + "😀".repeat(30));
  });
});

describe("assertCloseCode()", () => {
  it("takes the codes of this layer except those that are only reported", () => {
    for (const code of Object.values(closeCodes)) {
      if (code === 1005 || code === 1006) assertThrows(() => assertCloseCode(code), RangeError);
      else assertCloseCode(code);
    }
  });
});

describe("socketLimits()", () => {
  it("fills in the defaults", () => {
    assertEquals(socketLimits(), {
      message: 1_048_576,
      queue: 2_097_152,
      runtimeBuffer: 262_144,
      stall: 30_000,
      closeTimeout: 5_000,
      idle: 120,
    });
    assertEquals(socketLimits({ stall: 1 }).stall, 1);
    assertEquals(socketLimits({ queue: Infinity }).queue, Infinity);
    assertEquals(socketLimits({ idle: 0 }).idle, 0);
  });

  it("refuses what is no limit", () => {
    for (const value of [0, -1, NaN]) {
      assertThrows(() => socketLimits({ queue: value }), RangeError, `Cannot use limits.queue = ${value}`);
    }
    assertThrows(() => socketLimits({ stall: Infinity }), RangeError);
    assertThrows(() => socketLimits({ message: Infinity }), RangeError);
  });
});
