// Reads a TypeScript or JavaScript file with a real parser (Babel's) and answers what tools/structure.mjs
// asks of it.
import { posix } from "node:path";

/**
 * @typedef {object} Module
 * @property {string} path  relative to the checkout
 * @property {string} source
 * @property {{ specifier: string, target?: string }[]} imports  every import and re-export, types and
 *   `import()` included; `target` is the path of a file of ours
 * @property {object} program  Babel's syntax tree
 * @property {{ type: string, value: string, start: number, end: number }[]} comments
 */

/** Parses a file. Throws what the parser finds wrong. @returns {Promise<Module>} */
export async function parse(path, source) {
  const babel = await import("@babel/parser");
  const plugins = path.endsWith(".ts")
    ? ["typescript", "explicitResourceManagement"]
    : ["explicitResourceManagement"];
  const { program, comments } = babel.parse(source, { sourceType: "module", sourceFilename: path, plugins });
  const imports = [];
  walk(program, (node) => {
    const from = SOURCES[node.type]?.(node);
    if (typeof from?.value !== "string") return;
    const specifier = from.value;
    const target = specifier.startsWith(".") ? posix.join(posix.dirname(path), specifier) : undefined;
    imports.push({ specifier, target, start: from.start, end: from.end });
  });
  return { path, source, imports, program, comments };
}

/** Where each kind of node that imports keeps its specifier. */
const SOURCES = {
  ImportDeclaration: (node) => node.source,
  ExportNamedDeclaration: (node) => node.source,
  ExportAllDeclaration: (node) => node.source,
  ImportExpression: (node) => node.source,
  CallExpression: (node) => node.callee.type === "Import" ? node.arguments[0] : undefined,
  TSImportType: (node) => node.argument,
};

function walk(node, visit) {
  if (Array.isArray(node)) {
    for (const one of node) walk(one, visit);
  } else if (node !== null && typeof node === "object") {
    if (typeof node.type === "string") visit(node);
    for (const key in node) if (key !== "parent") walk(node[key], visit);
  }
}

function lineOf(source, offset) {
  return source.slice(0, offset).split("\n").length;
}

const FUNCTION =
  /^((Function|ArrowFunction)Expression|FunctionDeclaration|(Object|Class|ClassPrivate)Method)$/;

/** Functions, methods and arrows of more than `most` lines, as `path:line: name, N lines`. */
export function longFunctions({ path, source, program }, most) {
  const found = [];
  walk(program, (node) => {
    if (!FUNCTION.test(node.type)) return;
    const [first, last] = [lineOf(source, node.start), lineOf(source, node.end)];
    const lines = last - first + 1;
    if (lines > most) {
      found.push(`${path}:${first}: ${(node.id ?? node.key)?.name ?? "a function"}, ${lines} lines`);
    }
  });
  return found;
}

/** Where a module names one of these, as a variable or as a field of something. */
export function usesOf({ source, program }, names) {
  const found = [];
  walk(program, (node) => {
    if (node.type === "Identifier" && names.includes(node.name)) {
      found.push({ name: node.name, line: lineOf(source, node.start) });
    }
  });
  return found;
}

/** Exported declarations without a doc comment right before them; of overloads the first counts. */
export function undocumentedExports({ path, source, program, comments }) {
  const documented = new Set();
  const found = [];
  for (const node of program.body) {
    if (node.type !== "ExportNamedDeclaration" && node.type !== "ExportDefaultDeclaration") continue;
    if (!node.declaration) continue;
    const names = declaredNames(node.declaration);
    const before = comments.findLast((comment) => comment.end <= node.start);
    const adjacent = before !== undefined && source.slice(before.end, node.start).trim() === "";
    if (adjacent && before.type === "CommentBlock" && before.value.startsWith("*")) {
      for (const name of names) {
        documented.add(name);
      }
    }
    for (const name of names) {
      if (!documented.has(name)) {
        found.push(`${path}:${lineOf(source, node.start)}: ${name} has no doc comment`);
      }
    }
  }
  return found;
}

function declaredNames(declaration) {
  if (declaration.declarations) return declaration.declarations.map((one) => one.id.name ?? "a pattern");
  return [declaration.id?.name ?? "default"];
}
