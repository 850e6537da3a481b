// Sets a run beside an earlier one. Rates of two runs differ with the machine's mood, so ratios to the controls are compared where both
// runs have them: what a control lost, the machine lost.
import { CONTROLS } from "./contenders.mjs";

/** A ratio that changed by more than this is worth a look. */
const WORTH_A_LOOK = 0.1;
/** What of a machine figures depend on, beside versions. */
const MACHINE = ["cpu", "cores", "memoryGiB", "system"];

/**
 * What is to be printed: what differs in how both were measured, and one line for each row that both have, failed or not.
 *
 * @param {{ machine: object, options: object, rows: import("./summary.mjs").Row[] }} now
 * @param {typeof now} earlier
 * @returns {string[]}
 */
export function comparison(now, earlier) {
  return [
    `Compared with ${earlier.machine.date}, millrace ${earlier.machine.versions.millrace}`,
    ...differences(now, earlier).map((line) => `! other ${line}: ratios say something of that, too`),
    "Each figure is the new one divided by the old one; ! where they differ by more than a tenth",
    ...now.rows.flatMap((row) => lineOf(row, earlier.rows.find((other) => sameRow(other, row)))),
  ];
}

/** "options: seconds 2 for 5". */
function differences(now, earlier) {
  const kinds = {
    options: [now.options, earlier.options, Object.keys({ ...now.options, ...earlier.options })],
    machine: [now.machine, earlier.machine, MACHINE],
    versions: [
      now.machine.versions,
      earlier.machine.versions,
      Object.keys(now.machine.versions).filter((name) => name !== "millrace"),
    ],
  };
  return Object.entries(kinds).flatMap(([kind, [ours, theirs, names]]) => {
    const other = names.filter((name) => ours[name] !== theirs[name]);
    const texts = other.map((name) => `${name} ${ours[name]} for ${theirs[name]}`);
    return texts.length === 0 ? [] : [`${kind}: ${texts.join(", ")}`];
  });
}

function lineOf(row, old) {
  if (old === undefined) return [];
  const name = `${row.runtime} ${row.workload} ${row.contender}:`.padEnd(36);
  const failed = [[row, "now"], [old, "before"]].filter(([{ rate }]) => rate === undefined);
  if (failed.length > 0) return [`${name} failed ${failed.map(([, when]) => when).join(" and ")} !`];
  const changes = {
    rate: row.rate / old.rate,
    CPU: row.cpu / old.cpu,
    p99: row.p99 / old.p99,
    memory: row.memory / old.memory,
    ...changesToControls(row, old),
  };
  return [`${name} ${described(changes)}`];
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
