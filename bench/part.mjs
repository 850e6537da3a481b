// What the measurements that stand for themselves have in common: the command line, the table, the file.
import { writeFileSync } from "node:fs";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { ensurePackages, runtimes } from "../tools/setup.mjs";
import { describeMachine } from "./machine.mjs";

/**
 * @typedef {object} Part
 * @property {string} name
 * @property {Record<string, string>} defaults  the options it takes, with what they are when nobody says
 * @property {(options: Record<string, string>, rt: Record<string, string>) => Promise<object[]>} measure  gives rows
 * @property {(rows: object[]) => string[][]} table  cells as text, headings first
 * @property {(rows: object[]) => string[]} [misses]  the targets that were missed, in words: exit 1 when there are any
 */

/** Runs a part when its file is the program: `--json FILE`, and what `defaults` names. @param {string} url  `import.meta.url` */
export async function mainOf(url, part) {
  if (process.argv[1] === undefined || url !== pathToFileURL(process.argv[1]).href) return;
  const string = (value) => ({ type: "string", default: value });
  const known = Object.entries(part.defaults).map(([name, value]) => [name, string(value)]);
  const { values } = parseArgs({ options: { json: { type: "string" }, ...Object.fromEntries(known) } });
  await ensurePackages();
  const rt = await runtimes();
  const rows = await part.measure(values, rt);
  for (const line of laidOut(part.table(rows))) console.log(line);
  const missed = part.misses?.(rows) ?? [];
  for (const miss of missed) console.log(`MISSED  ${miss}`);
  if (values.json !== undefined) {
    const machine = await describeMachine(rt);
    const all = { format: 1, part: part.name, options: values, machine, rows, missed };
    writeFileSync(values.json, `${JSON.stringify(all, null, 2)}\n`);
  }
  process.exitCode = missed.length > 0 ? 1 : 0;
}

/** Columns as wide as their widest cell: the first to the left, the others to the right. */
function laidOut(lines) {
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
