import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
// @ts-types="../tools/sim/progress.d.mts"
import { Progress, slicesOf } from "../tools/sim/progress.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));

function slice(from: number, count: number) {
  return { from, count, runtime: "deno", cpu: 1, coverage: {}, failed: [], problems: [] };
}

describe("a run of seeds in parts", () => {
  it("is cut into slices that leave out what is done", () => {
    assertEquals(slicesOf(1, 5, 2), [{ from: 1, count: 2 }, { from: 3, count: 2 }, { from: 5, count: 1 }]);
    const done = [{ from: 8, count: 3 }, { from: 1, count: 2 }];
    assertEquals(slicesOf(1, 10, 4, done), [{ from: 3, count: 4 }, { from: 7, count: 1 }]);
    assertEquals(slicesOf(1, 2, 4, [{ from: 1, count: 2 }]), []);
  });

  it("goes on after a line of which a half was written, and counts each seed once", () => {
    const folder = mkdtempSync(join(tmpdir(), "millrace-sim-"));
    const file = join(folder, "not there yet", "progress.jsonl");
    const read = (from: number, seeds: number) =>
      new Progress(root, file).read(from, seeds).map(({ from, count }) => [from, count]);
    try {
      assertEquals(read(1, 100), []);
      const progress = new Progress(root, file);
      progress.add(slice(11, 10));
      appendFileSync(file, '{"code":"x","coverage":{}');
      progress.add(slice(1, 10));
      progress.add(slice(16, 10)); // of a run that began at another seed
      assertEquals(read(1, 100), [[1, 10], [11, 10]]);
      assertEquals(read(1, 15), [[1, 10]]);
      appendFileSync(file, `${JSON.stringify({ code: "other code", ...slice(31, 10) })}\n`);
      assertEquals(read(1, 100), [[1, 10], [11, 10]]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
