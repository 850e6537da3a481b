// Cost against the number of procedures: how long an app takes to make, and server CPU a call, by name (the first calls of a connection) and by
// number (all later ones), in memory. Both must be flat.
//
//   node bench/procedures.mjs [--counts 10,100,1000] [--repeats 5] [--only deno,bun] [--json FILE]
import { run } from "../tools/child.mjs";
import { root } from "../tools/setup.mjs";
import { mainOf, median, program } from "./part.mjs";
import { MOST_GROWTH } from "./script_targets.mjs";

/** @type {import("./part.mjs").Part} */
export const procedures = {
  name: "procedures",
  defaults: { counts: "10,100,1000", repeats: "5", only: "deno,bun" },
  takes: { counts: "wholes", repeats: "whole", only: ["deno", "bun"] },
  measure,
  table,
  misses,
};

async function measure({ counts, repeats, only }, rt) {
  const samples = [];
  for (let repeat = 0; repeat < Number(repeats); repeat++) {
    for (const runtime of only.split(",")) {
      for (const count of counts.split(",")) {
        const [command, args] = program(rt, runtime, ["bench/procedures_app.ts", count]);
        const { code, stdout, output } = await run(command, args, { cwd: root, timeout: 60_000 });
        if (code !== 0) throw new Error(`${count} procedures on ${runtime}:\n${output}`);
        samples.push({ runtime, ...JSON.parse(stdout) });
      }
    }
  }
  return only.split(",").flatMap((runtime) =>
    counts.split(",").map((count) => {
      const own = samples.filter((sample) =>
        sample.runtime === runtime && sample.procedures === Number(count)
      );
      const middle = (name) => median(own.map((sample) => sample[name]));
      return {
        runtime,
        procedures: Number(count),
        startUp: middle("startUp"),
        name: middle("name"),
        number: middle("number"),
        oneSchema: middle("oneSchema"),
        tenCalled: middle("tenCalled"),
        samples: own,
      };
    })
  );
}

function table(rows) {
  return [
    [
      "",
      "procedures",
      "app made in ms",
      "µs each",
      "CPU µs a call by name",
      "by number",
      "one schema for all",
      "ten called",
    ],
    ...rows.map(({ runtime, procedures, startUp, name, number, oneSchema, tenCalled }) => [
      runtime,
      String(procedures),
      startUp.toFixed(2),
      (startUp * 1000 / procedures).toFixed(1),
      name.toFixed(2),
      number.toFixed(2),
      oneSchema.toFixed(2),
      tenCalled.toFixed(2),
    ]),
  ];
}

function misses(rows) {
  return [...new Set(rows.map(({ runtime }) => runtime))].flatMap((runtime) => {
    const own = rows.filter((row) => row.runtime === runtime);
    const [least, most] = [own[0], own.at(-1)];
    return ["name", "number", "oneSchema"].filter((by) => most[by] > least[by] * MOST_GROWTH).map((by) =>
      `${runtime}: a call (${by}) costs ${most[by].toFixed(2)} µs among ${most.procedures} procedures, ${
        least[by].toFixed(2)
      } among ${least.procedures}`
    );
  });
}

await mainOf(import.meta.url, procedures);
