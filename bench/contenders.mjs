// Who is measured. A contender is a file in contenders/ that exports a server, and a dialect of load/dialects/ that calls it. Peers
// from npm (Socket.IO, Cap'n Web, tRPC …) and those that do not run on both runtimes get a row here and a dialect there.

/**
 * @typedef {object} Contender
 * @property {string} name  as `--only` takes it
 * @property {string} title  as the table shows it
 * @property {string} file  in contenders/
 * @property {string} dialect  a class that load/main.mjs knows
 * @property {string[]} runtimes  where it runs
 */

/** The two that all others are divided by: in every table. @type {Contender[]} */
export const CONTROLS = [
  { name: "echo", title: "bare echo", file: "echo.ts", dialect: "Echo", runtimes: ["deno", "bun"] },
  {
    name: "json",
    title: "JSON RPC by hand",
    file: "json_rpc.ts",
    dialect: "JsonRpc",
    runtimes: ["deno", "bun"],
  },
];

/** In the order of the table. @type {Contender[]} */
export const CONTENDERS = [
  ...CONTROLS,
  {
    name: "millrace",
    title: "Millrace",
    file: "millrace.ts",
    dialect: "Millrace",
    runtimes: ["deno", "bun"],
  },
];
