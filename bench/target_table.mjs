// What README.md quotes of earlier runs, as tables in Markdown: the targets and what was reached of them, and the rows in which others are ahead.
import { basename } from "node:path";
import { CONTENDERS } from "./contenders.mjs";
import { readRun, rowsIn } from "./results.mjs";
import { SCRIPT_TARGETS, verdictOf } from "./script_targets.mjs";
import { asked, marks, TARGETS, verdict } from "./targets.mjs";
import { WORKLOADS } from "./workloads.mjs";

/** Floors: they decode and check nothing, so they are ahead wherever they are. */
const FLOORS = ["echo", "shared", "ws-echo"];

/** Prints one line for each target. What is left is the most of all files that have the row. @param {string[]} files  of `--json` */
export function printTargetTable(files) {
  const runs = files.map((file) => ({ name: basename(file), ...readRun(file) }));
  const headings = ["row", "runtime", "target", ...runs.map(({ name }) => name), "factor left"];
  line(headings);
  line(headings.map(() => "---"));
  for (const target of TARGETS) {
    const reached = runs.map(({ rows }) => reachedIn(rows, target));
    printTarget(`\`${target.workload}\``, target.runtime, asked(target), reached);
  }
  for (const target of SCRIPT_TARGETS) {
    const said = runs.map(({ scripts }) => verdictOf(target, scripts));
    if (said.every((one) => one === undefined)) continue;
    const reached = said.map((one) => ({ text: one?.reached ?? "-", left: one?.left }));
    printTarget(target.row, target.runtime, target.asked, reached);
  }
}

function printTarget(row, runtime, asked, reached) {
  const known = reached.map(({ left }) => left).filter((left) => left !== undefined);
  const worst = known.length === 0 ? undefined : Math.max(...known);
  line([row, runtime, asked, ...reached.map(({ text }) => text), factor(worst)]);
}

/**
 * Prints one line for each row of Millrace in which others on the same runtime take less CPU for an operation, or memory where that is the figure.
 *
 * @param {string} file  of `--json`
 */
export function printAhead(file) {
  const rows = rowsIn(file);
  const headings = ["row", "runtime", "unit", "Millrace", "less take"];
  line(headings);
  line(headings.map(() => "---"));
  for (const { name, memory } of WORKLOADS) {
    const figure = (row) => memory ? row.memory / 1024 : row.cpu;
    for (const ours of rows.filter((row) => row.contender === "millrace" && row.workload === name)) {
      const ahead = rows.filter((row) =>
        row.runtime === ours.runtime && row.workload === name && !FLOORS.includes(row.contender) &&
        figure(row) < figure(ours)
      ).sort((a, b) => figure(a) - figure(b));
      if (ahead.length === 0) continue;
      const others = ahead.map((row) => `${titleOf(row)} ${short(figure(row))}`).join(", ");
      line([`\`${name}\``, ours.runtime, memory ? "KiB" : "µs", short(figure(ours)), others]);
    }
  }
}

function line(cells) {
  console.log(`| ${cells.join(" | ")} |`);
}

function titleOf({ contender }) {
  return CONTENDERS.find(({ name }) => name === contender).title;
}

function short(value) {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(2);
}

function reachedIn(rows, target) {
  const row = rows.find(({ runtime, workload, contender }) =>
    contender === "millrace" && runtime === target.runtime && workload === target.workload
  );
  if (row === undefined) return { text: "-" };
  const { reached, left } = verdict(target, row, rows) ?? { reached: "-" };
  const doubts = marks(target, row, rows);
  return { text: doubts === "" ? reached : `${reached}, ${doubts}`, left };
}

function factor(left) {
  if (left === undefined) return "";
  if (left === Infinity) return "failed";
  return left <= 1 ? "met" : left.toFixed(2);
}
