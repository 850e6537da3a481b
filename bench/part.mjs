// What the measurements that stand for themselves have in common: the command line, the table, the file.
import { writeFileSync } from "node:fs";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { ensurePackages, runtimes } from "../tools/setup.mjs";
import { checkFree, makeRoom } from "./kept.mjs";
import { describeMachine } from "./machine.mjs";

/**
 * @typedef {object} Part
 * @property {string} name
 * @property {Record<string, string | boolean>} defaults  the options it takes, with what they are when nobody says; flags are false
 * @property {Record<string, string[] | "whole" | "wholes" | "number">} [takes]  what an option can be: some of these names, a whole number above 0,
 *   several of them, any number above 0
 * @property {(options: Record<string, string | boolean>, rt: Record<string, string>) => Promise<object[]>} measure  gives rows
 * @property {(rows: object[]) => string[][]} table  cells as text, headings first
 * @property {(rows: object[]) => string[]} [misses]  the targets that were missed, in words: exit 1 when there are any
 */

/** Runs a part when its file is the program: `--json FILE`, and what `defaults` names. @param {string} url  `import.meta.url` */
export async function mainOf(url, part) {
  if (process.argv[1] === undefined || url !== pathToFileURL(process.argv[1]).href) return;
  const values = optionsOf(part);
  if (values === undefined) return;
  await ensurePackages();
  const rt = await runtimes();
  const rows = await part.measure(values, rt);
  for (const line of laidOut(part.table(rows))) console.log(line);
  const missed = part.misses?.(rows) ?? [];
  for (const miss of missed) console.log(`MISSED  ${miss}`);
  if (values.json !== undefined) {
    const machine = await describeMachine(rt);
    const all = { format: 1, part: part.name, options: values, machine, rows, missed };
    makeRoom(values.json);
    writeFileSync(values.json, `${JSON.stringify(all, null, 2)}\n`);
  }
  process.exitCode = missed.length > 0 ? 1 : 0;
}

/** The command line; undefined where it asked for help, or could not be read and that was said. */
function optionsOf({ name, defaults, takes = {} }) {
  if (process.argv.includes("--help")) return console.log(usageOf({ name, defaults, takes }));
  const known = Object.entries(defaults).map(([name, value]) => [
    name,
    { type: typeof value, default: value },
  ]);
  try {
    const { values } = parseArgs({ options: { json: { type: "string" }, ...Object.fromEntries(known) } });
    for (const [option, kind] of Object.entries(takes)) {
      if (Array.isArray(kind)) values[option] = listed(values[option]) || defaults[option];
      const wrong = wrongIn(values[option], kind);
      if (wrong !== undefined) throw new Error(`Cannot use --${option} ${values[option]}: ${wrong}`);
    }
    checkFree(values.json);
    return values;
  } catch (error) {
    console.error(`${error.message}\n${usageOf({ name, defaults, takes })}`);
    process.exitCode = 2;
  }
}

function usageOf({ name, defaults, takes }) {
  const options = Object.entries(defaults).map(([option, value]) => {
    if (value === false) return `[--${option}]`;
    const names = Array.isArray(takes[option]) ? takes[option].join(",") : value;
    return `[--${option} ${names || option.toUpperCase()}]`;
  });
  return `node bench/${name}.mjs ${options.join(" ")} [--json FILE]`;
}

function listed(names) {
  return names.split(",").filter(Boolean).join(",");
}

function wrongIn(value, kind) {
  if (Array.isArray(kind)) {
    const known = value.split(",").every((one) => one === "" || kind.includes(one));
    return known ? undefined : `choose from ${kind.join(", ")}`;
  }
  const numbers = kind === "wholes" ? value.split(",").map(Number) : [Number(value)];
  const whole = kind !== "number";
  if (numbers.every((one) => one > 0 && (!whole || Number.isSafeInteger(one)))) return undefined;
  return whole ? "must be a whole number above 0" : "must be a number above 0";
}

/** Columns as wide as their widest cell: the first to the left, the others to the right. */
export function laidOut(lines) {
  const widths = lines[0].map((_, i) => Math.max(...lines.map((cells) => cells[i].length)));
  return lines.map((cells) =>
    cells.map((text, i) => i === 0 ? text.padEnd(widths[i]) : text.padStart(widths[i])).join("  ")
  );
}

/** The middle one. */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/** Runs a TypeScript program under a runtime. @returns {[string, string[]]} command and arguments */
export function program(rt, runtime, args) {
  if (runtime === "deno") return [rt.deno, ["run", "-A", "--no-check", ...args]];
  if (runtime === "node") return [rt.node, ["--no-warnings", "--experimental-strip-types", ...args]];
  return [rt[runtime], args];
}
