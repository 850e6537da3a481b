import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { adapter, immediate, text } from "../src/runtime.ts";

describe("text", () => {
  const bytes = new TextEncoder().encode("xxhelloxx").subarray(1);

  it("reads UTF-8 of a view by its own offsets, on both runtimes", () => {
    assert(text.utf8Slice);
    assertEquals(text.utf8Slice.call(bytes, 1, 6), "hello");
    assertEquals(text.utf8Slice.call(bytes, 3, 3), "");
    assertEquals(text.utf8Slice.call(Uint8Array.of(0x61, 0xff), 0, 2), "a\ufffd");
  });

  it("writes UTF-8 into a view, never half a character", () => {
    assert(text.utf8Write);
    const target = new Uint8Array(8).subarray(1);
    assertEquals(text.utf8Write.call(target, "h€y", 1, 6), 5);
    assertEquals([...target], [0, 0x68, 0xe2, 0x82, 0xac, 0x79, 0]);
    assertEquals(text.utf8Write.call(target, "h€y", 0, 3), 1);
  });
});

describe("immediate()", () => {
  it("runs after microtasks, in order", async () => {
    const order: string[] = [];
    const done = new Promise<void>((resolve) => {
      immediate(() => order.push("one"));
      immediate(() => resolve());
    });
    queueMicrotask(() => order.push("microtask"));
    await done;
    assertEquals(order, ["microtask", "one"]);
  });
});

describe("adapter", () => {
  it("is that of the runtime", () => {
    assert(adapter?.present);
  });
});
