// Throughput for all contenders at one rate: who spends less CPU on a call. A check of the benchmark's order by a second generator.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { quickContendersOn } from "./contenders.mjs";
import { drive, RESULTS } from "./drive.mjs";
import { faultsOf } from "./findings.mjs";
import { scripts } from "./scripts.mjs";

/**
 * As `unary-50x16` of the benchmark: 16 calls of a connection at one moment. All wires keep this rate in k6. The warm-up has to be long: at a
 * rate that k6 keeps, a runtime takes seconds to see enough calls to compile all that they need.
 */
const SETTINGS = { ...scripts.throughput.defaults, rate: 3_200, burst: 16, warmUp: 9, seconds: 6 };

/** Returns the exit code: 1 when an answer was wrong or a call was not sent in time. */
export async function order(options, machine) {
  let code = 0;
  for (const runtime of options.runtimes) {
    const samples = await measureAll(runtime, options, machine);
    const rows = rowsOf(runtime, samples);
    printTable(runtime, rows, { ...SETTINGS, ...options.settings });
    const faults = samples.flatMap((sample) => sample.faults.map((fault) => `${sample.contender}: ${fault}`));
    for (const fault of faults) console.log(`FAILED  ${fault}`);
    if (faults.length > 0) code = 1;
    mkdirSync(RESULTS, { recursive: true });
    writeFileSync(
      join(RESULTS, `order-${runtime}.json`),
      JSON.stringify({ runtime, rows, samples }, null, 2),
    );
  }
  return code;
}

/** Repeats are outermost, and each begins with another contender: a slow moment hits all. */
async function measureAll(runtime, { settings, repeats }, machine) {
  const contenders = quickContendersOn(runtime);
  const samples = [];
  for (let repeat = 0; repeat < repeats; repeat++) {
    const first = repeat % contenders.length;
    for (const { name } of [...contenders.slice(first), ...contenders.slice(0, first)]) {
      const job = {
        script: "throughput",
        runtime,
        contender: name,
        settings: { ...SETTINGS, ...settings },
        html: false,
      };
      const result = await drive(job, machine);
      const { steady, metrics } = result;
      const kept = metrics.kept_pace?.values.rate;
      const perFrame = metrics.answers?.values.count / metrics.ws_msgs_received?.values.count;
      samples.push({
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
  return samples;
}

function rowsOf(runtime, samples) {
  const rows = quickContendersOn(runtime).map(({ name, title }) => {
    const own = samples.filter((sample) =>
      sample.contender === name && sample.steady.perOperation !== undefined
    );
    const cpu = own.map(({ steady }) => steady.perOperation).sort((a, b) => a - b);
    const rate = median(own.map(({ steady }) => steady.work / steady.ms * 1000));
    const perFrame = median(own.map((sample) => sample.perFrame));
    return { name, title, perFrame, cpu: median(cpu), spread: (cpu.at(-1) - cpu[0]) / median(cpu), rate };
  });
  return rows.sort((a, b) => a.cpu - b.cpu);
}

function median(numbers) {
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 1];
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
