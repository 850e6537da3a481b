// The targets as a table in Markdown, with what earlier runs reached: what README.md quotes.
import { basename } from "node:path";
import { rowsIn } from "./results.mjs";
import { asked, TARGETS, verdict } from "./targets.mjs";

/** Prints one line for each target. What is left is that of the first file that has the row. @param {string[]} files  of `--json` */
export function printTargets(files) {
  const runs = files.map((file) => ({ name: basename(file), rows: rowsIn(file) }));
  const line = (cells) => console.log(`| ${cells.join(" | ")} |`);
  const headings = ["row", "runtime", "target", ...runs.map(({ name }) => name), "factor left"];
  line(headings);
  line(headings.map(() => "---"));
  for (const target of TARGETS) {
    const reached = runs.map(({ rows }) => reachedIn(rows, target));
    const first = reached.find(({ left }) => left !== undefined);
    const { runtime, workload } = target;
    line([
      `\`${workload}\``,
      runtime,
      asked(target),
      ...reached.map(({ text }) => text),
      factor(first?.left),
    ]);
  }
}

function reachedIn(rows, target) {
  const row = rows.find(({ runtime, workload, contender }) =>
    contender === "millrace" && runtime === target.runtime && workload === target.workload
  );
  if (row === undefined) return { text: "-" };
  if (row.rate === undefined) return { text: "failed" };
  const { reached, left } = verdict(target, row) ?? { reached: "-" };
  return { text: reached, left };
}

function factor(left) {
  if (left === undefined) return "";
  return left <= 1 ? "met" : left.toFixed(2);
}
