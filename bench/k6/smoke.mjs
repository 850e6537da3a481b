// A few seconds of each script, against servers of both runtimes: whether the scripts run, whether every answer is right, and whether the
// report is written. Part of the test command.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { root } from "../../tools/setup.mjs";
import { quickContendersOn } from "./contenders.mjs";
import { drive } from "./drive.mjs";
import { faultsOf } from "./findings.mjs";
import { scripts } from "./scripts.mjs";

/** Runs everything that `runs` has. Ends with `N passed, N failed`. @returns {Promise<number>} the exit code */
export async function smoke(machine) {
  let failed = 0;
  const all = runs();
  for (const job of all) {
    const begun = performance.now();
    const attempted = await attempt(job, machine);
    const { output } = attempted;
    const faults = judge(job, attempted.faults);
    const seconds = ((performance.now() - begun) / 1000).toFixed(1);
    const name = `${job.script} ${job.contender ?? "millrace"} ${job.runtime}${
      job.mustCross ? ", which must fail" : ""
    }`;
    console.log(`${faults.length === 0 ? "ok    " : "FAILED"}  ${name} (${seconds} s)`);
    if (faults.length > 0) {
      failed++;
      console.log([...faults, output].join("\n"));
    }
  }
  console.log(`${all.length - failed} passed, ${failed} failed`);
  return failed > 0 ? 1 : 0;
}

/** Every script on both runtimes, and on one of them the other side of a reconnect and the other contenders. */
function runs() {
  const job = (script, runtime, rest = {}) => {
    const { defaults, smoke } = scripts[script];
    const settings = { ...defaults, ...smoke, ...rest.settings };
    return { script, runtime, html: runtime === "bun", ...rest, settings };
  };
  const ours = Object.keys(scripts).flatMap((script) => [job(script, "bun"), job(script, "deno")]);
  const others = quickContendersOn("bun").filter(({ name }) => name !== "millrace");
  return [
    ...ours,
    job("reconnect", "bun", { settings: { side: "client" } }),
    ...others.map(({ name }) => job("throughput", "bun", { contender: name })),
    // The proof that a broken protocol is seen: the bare echo gives a client of Millrace its own HELLO back.
    job("throughput", "bun", { contender: "echo", wire: "millrace", mustCross: "violations count==0" }),
  ];
}

/** Where a run must fail it is a fault when it does not, or fails otherwise. */
function judge({ mustCross }, faults) {
  if (mustCross === undefined) return faults;
  return faults.some((fault) => fault.includes(mustCross))
    ? []
    : [`this had to be seen: ${mustCross}`, ...faults];
}

async function attempt(job, machine) {
  try {
    const result = await drive(job, machine);
    const missing = result.files.filter((file) => !existsSync(join(root, file)));
    const faults = [
      ...faultsOf(result, { slope: Infinity }),
      ...missing.map((file) => `${file} was not written`),
    ];
    return { faults, output: result.output };
  } catch (error) {
    return { faults: [error.message], output: "" };
  }
}
