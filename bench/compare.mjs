// Sets a run beside an earlier one. Rates of two runs differ with the machine's mood, so ratios to the controls are compared where both
// runs have them: what a control lost, the machine lost.
import { readFileSync } from "node:fs";
import { CONTROLS } from "./contenders.mjs";

/** A ratio that changed by more than this is worth a look. */
const WORTH_A_LOOK = 0.1;

/** Prints one line for each row that both have. `file` is what `--json` wrote. */
export function printComparison(rows, file) {
  const earlier = JSON.parse(readFileSync(file, "utf8"));
  console.log(`\nCompared with ${earlier.machine.date}, millrace ${earlier.machine.versions.millrace}`);
  console.log("Each figure is the new one divided by the old one; ! where they differ by more than a tenth");
  for (const row of rows) {
    const old = earlier.rows.find((other) => sameRow(other, row));
    if (old?.rate === undefined || row.rate === undefined) continue;
    const changes = {
      rate: row.rate / old.rate,
      CPU: row.cpu / old.cpu,
      p99: row.p99 / old.p99,
      memory: row.memory / old.memory,
      ...changesToControls(row, old),
    };
    console.log(`${row.runtime} ${row.workload} ${row.contender}:`.padEnd(36), described(changes));
  }
}

function sameRow(a, b) {
  return a.runtime === b.runtime && a.workload === b.workload && a.contender === b.contender;
}

function changesToControls(row, old) {
  const others = CONTROLS.filter(({ name }) => name !== row.contender);
  return Object.fromEntries(
    others.map(({ name }) => [`x ${name}`, row.over[name]?.rate / old.over[name]?.rate]),
  );
}

function described(changes) {
  const known = Object.entries(changes).filter(([, change]) => Number.isFinite(change));
  const marks = known.map(([name, change]) => {
    const mark = Math.abs(change - 1) > WORTH_A_LOOK ? " !" : "";
    return `${name} ${change.toFixed(2)}${mark}`.padEnd(16);
  });
  return marks.join("").trimEnd();
}
