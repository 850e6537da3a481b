// Makes of a script and what it imports one file that k6 can read.
import { join } from "node:path";
import { root } from "../../tools/setup.mjs";

/**
 * k6 resolves no packages, and cannot parse `for await`, which `@msgpack/msgpack` has. Everything else it knows; private fields written
 * for an older language are look-ups in a `WeakMap`, and with them k6 keeps half the rate (4,000 calls a second instead of 8,000, 16 at a time).
 *
 * @param {string} script  its name without `.js`
 * @returns {Promise<string>} the path of the bundle
 */
export async function bundle(script) {
  const { build } = await import("esbuild");
  const outfile = join(root, ".millrace", "k6", "scripts", `${script}.js`);
  await build({
    entryPoints: [join(root, "bench", "k6", `${script}.js`)],
    outfile,
    bundle: true,
    format: "esm",
    target: "es2022",
    supported: { "for-await": false, "async-generator": false },
    external: ["k6", "k6/*"],
    ignoreAnnotations: true, // package.json says that no module has side effects, and the polyfill is nothing else
    logLevel: "error",
  });
  return outfile;
}
