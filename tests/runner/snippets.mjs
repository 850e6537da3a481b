// The programs of the documents: type-checked by Deno and by tsc, run under Deno and under Bun.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "../../tools/child.mjs";
import { root } from "../../tools/setup.mjs";
import { extract } from "../../tools/snippets.mjs";
import { check, problems } from "./report.mjs";
import { serving } from "./serving.mjs";

/** A program of a document has to end by itself within this. */
const TIMEOUT = 30_000;

/** Blocks are imported rather than run: Bun would serve the default export of a main module. */
const LOADER = ".millrace/snippets/load.mjs";

export async function snippets({ rt, std }) {
  const all = extract();
  const blocks = all.filter((one) => one.mode !== "ignore");
  if (blocks.length === 0) return [problems("there are programs in the documents", ["none was found"])];
  const paths = blocks.map((one) => one.path);
  const tsc = ["node_modules/typescript/bin/tsc", "-p", config(paths)];
  const checked = check("deno check", await run(rt.deno, ["check", ...std.args, ...paths], { cwd: root }));
  const results = [
    { ...checked, info: summary(all) },
    check("tsc", await run(rt.node, tsc, { cwd: root })),
  ];
  writeFileSync(join(root, LOADER), "await import(process.argv[2]);\n");
  for (const one of blocks.filter((one) => one.mode === "run")) {
    for (const runtime of ["deno", "bun"]) {
      results.push(check(`${one.name} under ${runtime}`, await execute(one, { runtime, rt, std })));
    }
  }
  return results;
}

/** What is left out is said where everybody sees it. */
function summary(all) {
  const count = (mode) => all.filter((one) => one.mode === mode).length;
  const ignored = all.filter((one) => one.mode === "ignore").map((one) => one.name);
  const names = ignored.length > 0 ? `: ${ignored.join(", ")}` : "";
  return `${count("run")} run, ${count("check")} only checked or imported, ${ignored.length} ignored${names}`;
}

function config(files) {
  const path = ".millrace/snippets/tsconfig.json";
  const compilerOptions = { types: ["bun-types"], isolatedDeclarations: false, declaration: false };
  const paths = files.map((file) => join(root, file));
  writeFileSync(
    join(root, path),
    JSON.stringify({ extends: "../../tsconfig.json", compilerOptions, files: paths, include: [] }),
  );
  return path;
}

function execute(snippet, { runtime, rt, std }) {
  const load = (path) => {
    const args = runtime === "deno" ? ["run", "-A", ...std.args] : [];
    return run(rt[runtime], [...args, LOADER, join(root, path)], { cwd: root, timeout: TIMEOUT });
  };
  if (!snippet.server) return load(snippet.path);
  return serving({ rt, runtime, file: snippet.server, cwd: root }, (port) => {
    const path = snippet.path.replace(/\.ts$/, `_${runtime}.ts`);
    const code = readFileSync(join(root, snippet.path), "utf8");
    writeFileSync(join(root, path), code.replaceAll("localhost:8000", `127.0.0.1:${port}`));
    return load(path);
  });
}
