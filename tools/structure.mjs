// The structure of the source, as docs/architecture.md states it: no import cycle (types
// included), imports that only go down, short files and functions, every export documented. Prints what it
// finds and ends with `N passed, N failed`.
//
//   node tools/structure.mjs
import { existsSync, readFileSync } from "node:fs";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { filesUnder } from "./files.mjs";
import { root } from "./setup.mjs";
import { longFunctions, parse, undocumentedExports, usesOf } from "./syntax.mjs";

const MOST_LINES = 400;
const MOST_FUNCTION_LINES = 80;

/** The library: what is published. */
const LIBRARY = ["src", "msgpack", "rpc", "brokers", "redis", "client", "testing"];

/** Held to the same sizes, though nobody imports them. */
const PROGRAMS = ["tools", "bench", "examples", "tests/runner"];

/** What each folder may import of ours, besides itself. */
const BELOW = {
  src: [],
  msgpack: [],
  rpc: ["msgpack"],
  brokers: ["rpc", "msgpack"],
  redis: ["rpc", "msgpack"],
  client: ["rpc", "msgpack"],
  testing: ["rpc", "msgpack", "client", "brokers"],
};

/** The files that may join the sockets and the calls, and give them a broker. */
const JOINTS = ["rpc/server.ts", "rpc/hono.ts"];
const JOINED = ["src", "brokers"];

/** The files that may name `Deno` or `Bun`. */
const RUNTIME_FILES = ["src/deno.ts", "src/bun.ts", "src/runtime.ts"];

/** The packages that the library may import, and the folder that may. */
const PACKAGES = { "@msgpack/msgpack": "msgpack" };

/**
 * Looks at everything.
 *
 * @returns {Promise<{ name: string, lines: string[] }[]>} one entry a rule, with one line for each place that
 *   breaks it
 */
export async function structure() {
  const library = ["mod.ts", ...LIBRARY.flatMap((folder) => filesUnder(folder, /\.ts$/))].filter(present);
  const programs = PROGRAMS.flatMap((folder) => filesUnder(folder, /\.(ts|mjs|js)$/));
  const modules = new Map();
  for (const path of [...library, ...programs]) {
    modules.set(path, await parse(path, readFileSync(`${root}/${path}`, "utf8")));
  }
  const parsed = library.map((path) => modules.get(path));
  return [
    { name: "no import cycle, types included", lines: cycles(library, modules) },
    { name: "imports go down", lines: parsed.flatMap(wrongImports) },
    { name: "the client reaches neither src/ nor the server", lines: reached("client/", modules) },
    { name: "Deno and Bun are named in their own files only", lines: parsed.flatMap(namedRuntimes) },
    { name: `no file over ${MOST_LINES} lines`, lines: [...modules.values()].flatMap(longFile) },
    {
      name: `no function over ${MOST_FUNCTION_LINES} lines`,
      lines: [...modules.values()].flatMap((module) => longFunctions(module, MOST_FUNCTION_LINES)),
    },
    { name: "every export documented", lines: parsed.flatMap(undocumentedExports) },
    { name: "every entry point has a module doc", lines: undocumentedEntries() },
  ];
}

function present(path) {
  return existsSync(`${root}/${path}`);
}

/** Depth first; a module met again while it is still open closes a circle. */
function cycles(library, modules) {
  const found = [];
  const state = new Map();
  const visit = (path, trail) => {
    if (state.get(path) === "done") return;
    if (state.get(path) === "open") {
      found.push([...trail.slice(trail.indexOf(path)), path].join(" -> "));
      return;
    }
    state.set(path, "open");
    for (const { target } of modules.get(path)?.imports ?? []) if (target) visit(target, [...trail, path]);
    state.set(path, "done");
  };
  for (const path of library) visit(path, []);
  return found;
}

function wrongImports({ path, imports }) {
  if (path === "mod.ts") return [];
  const folder = path.split("/")[0];
  const allowed = [folder, ...BELOW[folder], ...(JOINTS.includes(path) ? JOINED : [])];
  return imports.flatMap(({ specifier, target }) => {
    if (target === undefined) {
      return PACKAGES[specifier] === folder
        ? []
        : [`${path}: imports "${specifier}", which is not a package for ${folder}/`];
    }
    if (!present(target)) return [`${path}: imports ${target}, which does not exist`];
    return allowed.includes(target.split("/")[0])
      ? []
      : [`${path}: imports ${target}, which ${folder}/ must not know`];
  });
}

function reached(start, modules) {
  const found = [];
  const seen = new Map(
    [...modules.keys()].filter((path) => path.startsWith(start)).map((path) => [path, path]),
  );
  for (const [path, trail] of seen) {
    if (path.startsWith("src/") || JOINTS.includes(path)) found.push(trail);
    for (const { target } of modules.get(path)?.imports ?? []) {
      // Iterating a Map goes on over what is added meanwhile.
      if (target && !seen.has(target)) seen.set(target, `${trail} -> ${target}`);
    }
  }
  return found;
}

function namedRuntimes(module) {
  if (RUNTIME_FILES.includes(module.path)) return [];
  return usesOf(module, ["Deno", "Bun"]).map(({ name, line }) => `${module.path}:${line}: names ${name}`);
}

function longFile({ path, source }) {
  const lines = source.split("\n").length - 1;
  return lines > MOST_LINES ? [`${path}: ${lines} lines`] : [];
}

function undocumentedEntries() {
  const { exports } = JSON.parse(readFileSync(`${root}/deno.json`, "utf8"));
  return Object.values(exports).map((path) => path.slice(2)).flatMap((path) => {
    if (!present(path)) return [`${path}: does not exist`];
    const head = /^\/\*\*[\s\S]*?\*\//.exec(readFileSync(`${root}/${path}`, "utf8"));
    return head?.[0].includes("@module") ? [] : [`${path}: has no doc comment with @module at its top`];
  });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const rules = await structure();
  for (const { name, lines } of rules) {
    console.log([`${lines.length === 0 ? "ok    " : "FAILED"} ${name}`, ...lines].join("\n  "));
  }
  const failed = rules.filter((rule) => rule.lines.length > 0).length;
  console.log(`${rules.length - failed} passed, ${failed} failed`);
  process.exit(failed > 0 ? 1 : 0);
}
