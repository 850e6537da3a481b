// What the types of a contract cost the compiler: 1,000 procedures with inputs of four fields (zod) and a client that calls 100 of them, or all,
// beside the same schemas without procedures. `tsc` (TypeScript 7) and `deno check`, repeats interleaved, medians.
//
//   node bench/types.mjs [--procedures 1000] [--calls 100,1000] [--repeats 5] [--only tsc,deno] [--keep] [--json FILE]
//
// With --keep the programs stay in .millrace/types-*, for `tsc --extendedDiagnostics -p .millrace/types-contract`.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { run } from "../tools/child.mjs";
import { root } from "../tools/setup.mjs";
import { mainOf, median } from "./part.mjs";

/** One for each program, all as deep: they import what is two above. */
const folderOf = (name) => `${root}/.millrace/types-${name.replaceAll(/\W+/g, "-")}`;
/** The names of the two programs that the target is about. */
const [SCHEMAS, CONTRACT] = ["schemas, declared", "contract"];
/** Seconds over the schemas: a contract of 1,000, and call sites over that. Targets for tsc. */
const [MOST_CONTRACT, MOST_CALLS] = [0.5, 3];

/** @type {import("./part.mjs").Part} */
export const types = {
  name: "types",
  defaults: { procedures: "1000", calls: "100,1000", repeats: "5", only: "tsc,deno", keep: false },
  takes: { procedures: "whole", calls: "wholes", repeats: "whole", only: ["tsc", "deno"] },
  measure,
  table,
  misses,
};

async function measure({ procedures, calls, repeats, only, keep }, rt) {
  const programs = programsOf(Number(procedures), calls.split(",").map(Number));
  const samples = [];
  try {
    for (let repeat = 0; repeat < Number(repeats); repeat++) {
      for (const checker of only.split(",")) {
        for (const program of programs) samples.push(await check(checker, program, { rt, repeat }));
      }
    }
  } finally {
    if (!keep) { for (const { name } of programs) rmSync(folderOf(name), { recursive: true, force: true }); }
  }
  return only.split(",").flatMap((checker) => rowsOf(checker, programs, samples));
}

function rowsOf(checker, programs, samples) {
  const rows = programs.map(({ name, over }) => {
    const own = samples.filter((sample) => sample.checker === checker && sample.name === name);
    const [wall, cpu] = [own.map((sample) => sample.wall), own.map((sample) => sample.cpu)];
    return { checker, name, over, wall: median(wall), cpu: median(cpu), walls: wall, cpus: cpu };
  });
  const schemas = rows.find(({ name }) => name === SCHEMAS);
  for (const row of rows) {
    const below = rows.find(({ name }) => name === row.over);
    if (below === undefined) continue;
    const more = (of, than = below) => median(row[of].map((value, i) => value - than[of][i]));
    Object.assign(row, { moreWall: more("walls"), moreCpu: more("cpus") });
    if (row.name === CONTRACT) row.overSchemas = more("walls", schemas);
  }
  return rows;
}

/**
 * Each program is one of the others and something more, `over`. What a contract is compared with has the same schemas, a plain function for
 * each that takes what it gives out, and an app of one procedure. The functions, because whoever has a schema has one for its values: zod's own
 * work on that type is most of the time, and is no cost of the procedure. The app, because reading the library is no cost of the contract.
 */
function programsOf(count, calls) {
  const schemas = { "schemas.ts": schemasOf(count) };
  const one = { "one.ts": contractOf(1) };
  const contract = { ...schemas, "app.ts": contractOf(count) };
  const functions = { ...one, ...schemas, "main.ts": `import "./one.ts";\n${functionsOf(count)}` };
  return [
    { name: "one schema", files: { "schemas.ts": schemasOf(1) } },
    { name: "one procedure", over: "one schema", files: { "schemas.ts": schemasOf(1), ...one } },
    { name: SCHEMAS, over: "one schema", files: schemas },
    { name: "schemas, functions, one procedure", over: SCHEMAS, files: functions },
    { name: CONTRACT, over: "schemas, functions, one procedure", files: contract },
    ...calls.map((some) => ({
      name: `contract and ${some} calls`,
      over: CONTRACT,
      files: { ...contract, "client.ts": clientOf(Math.min(some, count)) },
    })),
  ];
}

function lines(count, line) {
  return Array.from({ length: count }, (_, i) => line(i)).join("\n");
}

function schemasOf(count) {
  const schema = (i) =>
    `export const s${i} = z.object({ id${i}: z.number(), name: z.string(), on: z.boolean(), note: z.string().optional() });`;
  return `import { z } from "zod";\n${lines(count, schema)}\n`;
}

function functionsOf(count) {
  const plain = (i) =>
    `export const f${i} = (input: z.infer<typeof s.s${i}>) => ({ id: input.id${i}, name: input.name });`;
  return `import type { z } from "zod";\nimport type * as s from "./schemas.ts";\n${lines(count, plain)}\n`;
}

/** In groups of 50. */
function contractOf(count) {
  const one = (i) =>
    `    p${i}: procedure({ input: s.s${i} }, (input) => ({ id: input.id${i}, name: input.name })),`;
  const groups = Array.from({ length: Math.ceil(count / 50) }, (_, g) => {
    const size = Math.min(50, count - g * 50);
    return `  g${g}: {\n${lines(size, (i) => one(g * 50 + i))}\n  },`;
  });
  return `import { millrace, procedure } from "../../mod.ts";
import * as s from "./schemas.ts";
export const app = millrace({ procedures: {
${groups.join("\n")}
} });
export type App = typeof app;
`;
}

function clientOf(calls) {
  const call = (i) =>
    `export async function c${i}(): Promise<[number, string]> {
  const { id, name } = await app.call.g${Math.floor(i / 50)}.p${i}({ id${i}: 1, name: "", on: true });
  return [id, name];
}`;
  return `import { connect } from "../../client/mod.ts";
import type { App } from "./app.ts";
const app = connect<App>("ws://localhost");
${lines(calls, call)}
`;
}

async function check(checker, { name, files }, { rt, repeat }) {
  const folder = folderOf(name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  // Deno remembers what it has checked; another text is checked again.
  for (const [file, text] of Object.entries(files)) {
    writeFileSync(`${folder}/${file}`, `// ${repeat} ${Date.now()}\n${text}`);
  }
  const last = Object.keys(files).at(-1);
  writeFileSync(
    `${folder}/tsconfig.json`,
    JSON.stringify({
      extends: "../../tsconfig.json",
      compilerOptions: { isolatedDeclarations: false, declaration: false, lib: ["esnext", "dom"] },
      include: [],
      files: [last],
    }),
  );
  const command = checker === "tsc"
    ? [rt.node, "node_modules/typescript/bin/tsc", "-p", folder]
    : [rt.deno, "check", `${folder}/${last}`];
  const { code, output } = await run("bash", [
    "-c",
    'TIMEFORMAT="took %R %U %S"; time "$@"',
    "bash",
    ...command,
  ], { cwd: root, timeout: 120_000 });
  const took = /took ([\d.]+) ([\d.]+) ([\d.]+)/.exec(output);
  if (code !== 0 || took === null) {
    throw new Error(`${checker} does not accept "${name}":\n${output.slice(0, 2000)}`);
  }
  return { checker, name, repeat, wall: Number(took[1]), cpu: Number(took[2]) + Number(took[3]) };
}

function table(rows) {
  const seconds = (value) => value === undefined ? "" : value.toFixed(2);
  return [
    ["", "wall s", "CPU s", "more wall", "more CPU", "over the schemas alone", "than"],
    ...rows.map((row) => [
      `${row.checker} ${row.name}`,
      seconds(row.wall),
      seconds(row.cpu),
      seconds(row.moreWall),
      seconds(row.moreCpu),
      seconds(row.overSchemas),
      row.over ?? "",
    ]),
  ];
}

function misses(rows) {
  return rows.filter(({ checker }) => checker === "tsc").flatMap(({ name, moreWall, overSchemas }) => {
    if (name === CONTRACT) {
      return [
        ...missed("tsc contract, over the schemas alone", overSchemas, MOST_CONTRACT),
        ...missed("tsc contract", moreWall, MOST_CONTRACT),
      ];
    }
    return name.startsWith("contract and") ? missed(`tsc ${name}`, moreWall, MOST_CALLS) : [];
  });
}

function missed(what, seconds, most) {
  return seconds < most ? [] : [`${what}: ${seconds.toFixed(2)} s more, not under ${most}`];
}

await mainOf(import.meta.url, types);
