// Prints rows as one table.
import { CONTENDERS } from "./contenders.mjs";
import { SCRIPT_TARGETS, verdictOf } from "./script_targets.mjs";
import { judge, marksOf } from "./targets.mjs";
import { WORKLOADS } from "./workloads.mjs";

const HEADINGS = [
  "",
  "a second",
  "spread",
  "p50 ms",
  "p99 ms",
  "p99.9",
  "CPU µs",
  "KiB",
  "x echo",
  "x JSON",
  "CPU x echo",
  "",
];
const WIDTHS = [19, 11, 8, 9, 9, 9, 9, 8, 8, 8, 11, 0];

const LEGEND = `
a second    operations: calls, items, MiB … The middle one of the repeats; spread is from the lowest to the highest.
p50, p99    from sending a call to reading its answer; with "upload", of the small calls beside it; with "fan-out", to its delivery.
CPU         of the server's process for one operation: the steadiest of these figures.
KiB         of memory that one idle connection takes in the server.
x echo      rate divided by the bare echo's in the same repeat, x JSON by the hand-written JSON RPC's: higher is better.
CPU x echo  CPU divided by the bare echo's: lower is better.
-           the contender has nothing of that kind; under spread: it was measured once.
L           the load generator was the limit: the server could do more.
by CPU      of a target: the other server had time to spare, so its rate says nothing, and CPU is compared.
N           other programs took over 5 % of the two cores in some repeats: do not trust it.`;

/** Prints the rows, with their targets below them. @param {import("./summary.mjs").Row[]} rows */
export function printTable(rows, machine) {
  for (const runtime of new Set(rows.map((row) => row.runtime))) {
    console.log(`\n${runtime} ${machine.versions[runtime] ?? ""}`);
    console.log(line(HEADINGS));
    for (const workload of WORKLOADS) {
      const of = rows.filter((row) => row.runtime === runtime && row.workload === workload.name);
      if (of.length === 0) continue;
      console.log(`${workload.title} (${workload.unit})`);
      for (const { name, title, has } of measuredOn(runtime, rows)) {
        const row = of.find((row) => row.contender === name);
        if (row !== undefined) printRow(row, workload, rows);
        else if (!has.includes(workload.needs)) console.log(line([`  ${title}`, "-"]));
      }
    }
  }
  if (rows.length > 0) console.log(LEGEND);
}

/** The contenders of a table. The controls of fan-out have no calls at all: they are not missed elsewhere. */
function measuredOn(runtime, rows) {
  const names = new Set(rows.filter((row) => row.runtime === runtime).map(({ contender }) => contender));
  return CONTENDERS.filter(({ name }) => names.has(name)).map((contender) =>
    contender.has.includes("calls") ? contender : { ...contender, has: WORKLOADS.map(({ needs }) => needs) }
  );
}

function printRow(row, workload, rows) {
  console.log(line(cells(row, workload)));
  for (const { met, asked, reached } of judge(row, rows)) {
    console.log(`    ${met ? "met" : "NOT MET"}  ${asked}: ${reached}`);
  }
}

/** Prints the targets of the scripts that ran, and how many of all targets are met. */
export function printTargets(rows, scripts) {
  const said = SCRIPT_TARGETS.map((target) => ({ ...target, ...verdictOf(target, scripts) }))
    .filter(({ reached }) => reached !== undefined);
  if (said.length > 0) console.log("\nTargets of the scripts");
  for (const { met, row, runtime, asked, reached } of said) {
    const word = met === undefined ? "open" : met ? "met" : "NOT MET";
    console.log(`    ${word}  ${row}, ${runtime}: ${asked}: ${reached}`);
  }
  const judged = [...rows.flatMap((row) => judge(row, rows)), ...said];
  if (judged.length === 0) return;
  const met = judged.filter((one) => one.met).length;
  console.log(`\n${met} of ${judged.length} targets are met (targets.mjs, script_targets.mjs).`);
}

function cells(row, workload) {
  const title = `  ${CONTENDERS.find(({ name }) => name === row.contender)?.title ?? row.contender}`;
  if (row.rate === undefined) return [title, "failed"];
  const marks = ` ${marksOf(row)}${row.error === undefined ? "" : " failed once"}`;
  if (workload.memory) return [title, "", "", "", "", "", "", number(row.memory / 1024), "", "", "", marks];
  const { echo, json } = row.over;
  return [
    title,
    number(row.rate),
    row.spread === undefined ? "-" : `${(row.spread * 100).toFixed(0)} %`,
    small(row.p50),
    small(row.p99),
    small(row.p999),
    number(row.cpu),
    "",
    ratio(echo?.rate),
    ratio(json?.rate),
    ratio(echo?.cpu),
    marks,
  ];
}

function line(texts) {
  return texts.map((text, i) => i === 0 ? text.padEnd(WIDTHS[i]) : text.padStart(WIDTHS[i])).join("")
    .trimEnd();
}

/** Three digits that mean something. */
function number(value) {
  if (value === undefined) return "";
  if (value >= 1000) return Math.round(value).toLocaleString("en-US");
  return value.toPrecision(3);
}

function small(value) {
  return value === undefined ? "" : value.toFixed(value < 10 ? 3 : 1);
}

function ratio(value) {
  return value === undefined ? "" : value.toFixed(2);
}
