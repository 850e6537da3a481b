// Throughput for all contenders at one rate: who spends less CPU on a call. A check of the benchmark's order by a second generator.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { makeRoom } from "../kept.mjs";
import { quickContendersOn } from "./contenders.mjs";
import { drive, RESULTS } from "./drive.mjs";
import { faultsOf } from "./findings.mjs";
import { orderRecord, rowsOf } from "./order_record.mjs";
import { scripts } from "./scripts.mjs";

/**
 * As `unary-50x16` of the benchmark: 16 calls of a connection at one moment. All wires keep this rate in k6. The warm-up has to be long: at a
 * rate that k6 keeps, a runtime takes seconds to see enough calls to compile all that they need.
 */
const SETTINGS = { ...scripts.throughput.defaults, rate: 3_200, burst: 16, warmUp: 9, seconds: 6 };

/**
 * Measures, prints and keeps all: what was measured is in the file after each run, so that an end before the last loses nothing.
 *
 * @param {object} options  of the command line; `json` is where it is kept
 * @param {object} described  the machine as `describeMachine` gives it
 * @returns {Promise<number>} the exit code: 1 when an answer was wrong or a call was not sent in time
 */
export async function order(options, machine, described) {
  const { repeats, json = `${RESULTS}/order.json` } = options;
  const settings = { ...SETTINGS, ...options.settings };
  const samples = [];
  const keep = () => {
    const record = orderRecord({ machine: described, settings, repeats, samples });
    writeFileSync(json, `${JSON.stringify(record, null, 2)}\n`);
  };
  makeRoom(json);
  mkdirSync(dirname(json), { recursive: true });
  for (const runtime of options.runtimes) {
    await measureAll(runtime, { settings, repeats, machine }, (sample) => {
      samples.push(sample);
      keep();
    });
    const own = samples.filter((sample) => sample.runtime === runtime);
    printTable(runtime, rowsOf(runtime, own), settings);
    for (const { contender, faults } of own) {
      for (const fault of faults) console.log(`FAILED  ${contender}: ${fault}`);
    }
  }
  console.log(`Kept in ${json}`);
  return samples.some(({ faults }) => faults.length > 0) ? 1 : 0;
}

/** Repeats are outermost, and each begins with another contender: a slow moment hits all. */
async function measureAll(runtime, { settings, repeats, machine }, add) {
  const contenders = quickContendersOn(runtime);
  for (let repeat = 0; repeat < repeats; repeat++) {
    const first = repeat % contenders.length;
    for (const { name } of [...contenders.slice(first), ...contenders.slice(0, first)]) {
      const job = {
        script: "throughput",
        runtime,
        contender: name,
        settings,
        html: false,
      };
      const result = await drive(job, machine);
      const { steady, metrics } = result;
      const kept = metrics.kept_pace?.values.rate;
      const perFrame = metrics.answers?.values.count / metrics.ws_msgs_received?.values.count;
      add({
        runtime,
        repeat,
        contender: name,
        steady,
        kept,
        perFrame,
        faults: faultsOf(result, { slope: Infinity }),
      });
      console.error(`${runtime} ${name}: ${steady.perOperation?.toFixed(1)} µs`);
    }
  }
}

/** `a frame`: how many answers came in one, greetings counted with them. */
function printTable(runtime, rows, { connections, rate, burst }) {
  const cpuOf = (name) => rows.find((row) => row.name === name)?.cpu;
  const ratio = (row, to) => (cpuOf(to) === undefined ? "" : (row.cpu / cpuOf(to)).toFixed(2)).padStart(8);
  console.log(
    `\nServer CPU for one small call on ${runtime}: ${connections} connections, ${rate} calls a second, ${burst} at a time`,
  );
  console.log(
    `${"".padEnd(22)}${"µs".padStart(8)}${"spread".padStart(8)}${"x echo".padStart(8)}${
      "x JSON".padStart(8)
    }${"calls/s".padStart(9)}${"a frame".padStart(9)}`,
  );
  for (const row of rows) {
    const [cpu, spread] = [row.cpu?.toFixed(1) ?? "-", `${(row.spread * 100).toFixed(0)} %`];
    console.log(
      `${row.title.padEnd(22)}${cpu.padStart(8)}${spread.padStart(8)}${ratio(row, "echo")}${
        ratio(row, "json")
      }${(row.rate?.toFixed(0) ?? "-").padStart(9)}${(row.perFrame?.toFixed(1) ?? "-").padStart(9)}`,
    );
  }
  console.log(`order: ${rows.map(({ name }) => name).join(" < ")}`);
}
