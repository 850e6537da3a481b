// Takes the programs out of README.md, docs/*.md and the doc comments of the source, so that the tests can
// check and run them.
//
// A fence says what to do with its block:
//   ```ts                    type-checked, then run under Deno and under Bun
//   ```ts no-run             type-checked only (it would serve for ever, or needs a browser)
//   ```ts ignore             left out, and counted where everybody sees it
//   ```ts with=app.ts        run while the block named app.ts serves; `localhost:8000` becomes its address
// A block whose first line is `// file: app.ts` is kept under that name beside the blocks of the same document,
// which may import it. It is checked, and run only by those who import it.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { filesUnder } from "./files.mjs";
import { root } from "./setup.mjs";

/**
 * @typedef {object} Snippet
 * @property {string} name  document and line, `README.md:12`
 * @property {"run" | "check" | "ignore"} mode
 * @property {string} path  where it was written, relative to the checkout
 * @property {string} [server]  the path of the block that serves while it runs
 */

/** Where the blocks are written: inside the checkout, so that the package's own name means the source. */
const FOLDER = ".millrace/snippets";

/** Writes every block to a file and lists them. @returns {Snippet[]} */
export function extract() {
  rmSync(join(root, FOLDER), { recursive: true, force: true });
  const pages = ["README.md", "CONTRIBUTING.md"].filter((path) => existsSync(join(root, path)));
  const documents = [...pages, ...filesUnder("docs", /\.md$/)];
  const sources = [
    "mod.ts",
    ...["src", "msgpack", "rpc", "brokers", "redis", "client", "testing"].flatMap((folder) =>
      filesUnder(folder, /\.ts$/)
    ),
  ];
  return [
    ...documents.flatMap((path) => blocks(path, readFileSync(join(root, path), "utf8"))),
    ...sources.filter((path) => existsSync(join(root, path))).flatMap((path) =>
      blocks(path, docComments(path))
    ),
  ].map(write);
}

/** The doc comments of a file with everything else blanked out, so that lines keep their numbers. */
function docComments(path) {
  const source = readFileSync(join(root, path), "utf8");
  let text = "";
  let at = 0;
  for (const match of source.matchAll(/\/\*\*[\s\S]*?\*\//g)) {
    text += source.slice(at, match.index).replace(/[^\n]/g, "");
    text += match[0].replace(/^[ \t]*\*(?: |$)/gm, "");
    at = match.index + match[0].length;
  }
  return text;
}

function blocks(document, text) {
  const found = [];
  for (const match of text.matchAll(/^[ \t]*```(?:ts|typescript)([^\n]*)\n([\s\S]*?)^[ \t]*```[ \t]*$/gm)) {
    const line = text.slice(0, match.index).split("\n").length;
    const words = match[1].trim().split(/\s+/).filter(Boolean);
    const named = /^\s*\/\/ file: (\S+\.tsx?)\n/.exec(match[2]);
    found.push({ document, line, words, code: match[2], file: named?.[1] });
  }
  return found;
}

function write({ document, line, words, code, file }) {
  const folder = `${FOLDER}/${document.replaceAll("/", "_").replace(/\.\w+$/, "")}`;
  const name = `${document}:${line}`;
  const server = words.find((word) => word.startsWith("with="))?.slice("with=".length);
  const known = words.every((word) => word === "no-run" || word === "ignore" || word.startsWith("with="));
  if (!known) throw new Error(`Cannot read the fence of ${name}: "${words.join(" ")}"`);
  const path = `${folder}/${file ?? `line_${line}.ts`}`;
  if (words.includes("ignore")) return { name, mode: "ignore", path };
  mkdirSync(join(root, dirname(path)), { recursive: true });
  if (file && existsSync(join(root, path))) {
    throw new Error(`Cannot write the block of ${name}: ${file} is there already`);
  }
  writeFileSync(join(root, path), /^\s*(import|export)\b/m.test(code) ? code : `${code}export {};\n`);
  const mode = words.includes("no-run") || file ? "check" : "run";
  return { name, mode, path, ...(server ? { server: `${folder}/${server}` } : {}) };
}
