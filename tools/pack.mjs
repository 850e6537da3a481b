// Builds the npm package: JavaScript and declarations by tsc, a package.json whose exports name them, the
// documents, one tarball. The package.json of the checkout names the TypeScript source, which Deno and Bun
// run as it is.
//
//   node tools/pack.mjs [--out FOLDER]     prints the path of the tarball
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { run } from "./child.mjs";
import { ensurePackages, root } from "./setup.mjs";

/** What goes along unchanged. */
const DOCUMENTS = ["README.md", "CHANGELOG.md", "LICENSE", "docs/protocol.md"];

/**
 * Packs the library.
 *
 * @param {string} out  the folder that gets the tarball and, under `package/`, what is in it
 * @param {string} node  the Node that runs tsc
 * @returns {Promise<{ tarball: string, folder: string }>}
 */
export async function pack(out, node = process.execPath) {
  const folder = join(out, "package");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const emit = ["-p", "tsconfig.json", "--noEmit", "false", "--rootDir", ".", "--outDir", folder];
  await must(node, ["node_modules/typescript/bin/tsc", ...emit], { cwd: root });
  for (const path of DOCUMENTS.filter((path) => existsSync(join(root, path)))) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    cpSync(join(root, path), join(folder, path));
  }
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(manifest(), null, 2)}\n`);
  const { stdout } = await must("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", out], {
    cwd: folder,
  });
  return { tarball: join(out, filename(JSON.parse(stdout))), folder };
}

/** npm 11 prints a list, later ones an object by package name. */
function filename(said) {
  return Object.values(said)[0].filename;
}

/** The package.json of the tarball: what users need of ours, and the built files instead of the source. */
function manifest() {
  const { name, version, description, license, type, sideEffects, exports, dependencies } = JSON.parse(
    readFileSync(join(root, "package.json"), "utf8"),
  );
  const built = Object.entries(exports).map((
    [key, path],
  ) => [key, path.endsWith(".ts") ? files(path) : path]);
  const engines = { node: ">=22" };
  return {
    name,
    version,
    description,
    license,
    type,
    sideEffects,
    exports: Object.fromEntries(built),
    dependencies,
    engines,
  };
}

function files(path) {
  return { types: path.replace(/\.ts$/, ".d.ts"), default: path.replace(/\.ts$/, ".js") };
}

async function must(command, args, options) {
  const outcome = await run(command, args, options);
  if (outcome.code !== 0) throw new Error(`Cannot pack: ${command} ${args[0]} failed\n${outcome.output}`);
  return outcome;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { values } = parseArgs({
    options: { out: { type: "string" }, "refuse-publish": { type: "boolean" } },
  });
  if (values["refuse-publish"]) {
    console.error(
      "Cannot publish the checkout: its exports are TypeScript. Publish what `npm run pack` makes",
    );
    process.exit(1);
  }
  await ensurePackages();
  const { tarball } = await pack(resolve(values.out ?? join(root, ".millrace", "pack")));
  console.log(tarball);
}
