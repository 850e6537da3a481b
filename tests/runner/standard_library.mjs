// Where `@std/testing/bdd` and `@std/assert` come from under Deno: JSR where it answers, the stand-ins of
// tests/std where it does not.
import { readFileSync } from "node:fs";
import { run } from "../../tools/child.mjs";
import { root } from "../../tools/setup.mjs";

/**
 * Asks JSR once.
 *
 * @param {string} deno
 * @returns {Promise<{ args: string[], note: string }>} `args` for `deno test`, `deno check` and `deno run`
 */
export async function standardLibrary(deno) {
  const { imports } = JSON.parse(readFileSync(`${root}/deno.json`, "utf8"));
  const wanted = Object.entries(imports).filter(([name]) => name.startsWith("@std/")).map(([, address]) =>
    address
  );
  const { code } = await run(deno, ["cache", "--no-config", ...wanted], { cwd: root, timeout: 15_000 });
  if (code === 0) return { args: [], note: "from JSR under Deno, the stand-ins of tests/std under Bun" };
  return {
    args: ["--import-map=tests/import_map.offline.json"],
    note: "JSR does not answer: the stand-ins of tests/std (same names, same leak sanitizers)",
  };
}
