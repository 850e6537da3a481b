// Prints rows as one table.
import { CONTENDERS } from "./contenders.mjs";
import { WORKLOADS } from "./workloads.mjs";

const HEADINGS = [
  "",
  "a second",
  "spread",
  "p50 ms",
  "p99 ms",
  "CPU µs",
  "x echo",
  "x JSON",
  "CPU x echo",
  "",
];
const WIDTHS = [19, 11, 8, 9, 9, 9, 8, 8, 11, 0];

const LEGEND = `
a second    operations: calls, items, MiB. The middle one of the repeats; spread is from the lowest to the highest.
p50, p99    from sending a call to reading its answer; with "upload", of the small calls beside it.
CPU         of the server's process for one operation: the steadiest of these figures.
x echo      rate divided by the bare echo's in the same repeat, x JSON by the hand-written JSON RPC's: higher is better.
CPU x echo  CPU divided by the bare echo's: lower is better.
L           the load generator was the limit: the server could do more.
N           other programs took over 5 % of the two cores in some repeats: do not trust it.`;

/** Prints everything. @param {import("./summary.mjs").Row[]} rows */
export function printTable(rows, machine) {
  for (const runtime of new Set(rows.map((row) => row.runtime))) {
    console.log(`\n${runtime} ${machine.versions[runtime]}`);
    console.log(line(HEADINGS));
    for (const { name, title, unit } of WORKLOADS) {
      const of = rows.filter((row) => row.runtime === runtime && row.workload === name);
      if (of.length === 0) continue;
      console.log(`${title} (${unit})`);
      for (const row of of) console.log(line(cells(row)));
    }
  }
  console.log(LEGEND);
}

function cells(row) {
  const title = `  ${CONTENDERS.find(({ name }) => name === row.contender)?.title ?? row.contender}`;
  if (row.rate === undefined) return [title, "failed"];
  const { echo, json } = row.over;
  return [
    title,
    number(row.rate),
    `${(row.spread * 100).toFixed(0)} %`,
    small(row.p50),
    small(row.p99),
    number(row.cpu),
    ratio(echo?.rate),
    ratio(json?.rate),
    ratio(echo?.cpu),
    ` ${row.generatorLimit ? "L" : ""}${row.disturbed > 0 ? "N" : ""}${
      row.error === undefined ? "" : " failed once"
    }`,
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
