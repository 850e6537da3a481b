// What is measured without the load generator, by scripts that can be run by themselves as well: parts of `npm run bench` that `--only` names.
import { run } from "../tools/child.mjs";
import { root } from "../tools/setup.mjs";
import { program } from "./part.mjs";

/**
 * @typedef {object} Script
 * @property {string} name  its file, as `--only` takes it
 * @property {string} title
 * @property {string[]} runtimes  that it is run by, one after the other; "node" where it starts the others itself
 * @property {string[]} [flags]  of Deno
 * @property {number} minutes  that it takes, all runtimes together
 */

const BOTH = ["deno", "bun"];

/** @type {Script[]} */
export const SCRIPTS = [
  { name: "size.mjs", title: "bytes of the browser's client", runtimes: ["node"], minutes: 0.2 },
  {
    name: "types.mjs",
    title: "seconds of the compilers for 1,000 procedures",
    runtimes: ["node"],
    minutes: 4,
  },
  { name: "procedures.mjs", title: "cost against the number of procedures", runtimes: ["node"], minutes: 1 },
  { name: "client.mjs", title: "the client's own cost, in Chromium too", runtimes: ["node"], minutes: 1 },
  { name: "codec.ts", title: "nanoseconds of the codec", runtimes: BOTH, minutes: 1 },
  { name: "core.ts", title: "a call through the whole server in memory", runtimes: BOTH, minutes: 1 },
  {
    name: "connection.ts",
    title: "a connection in memory: its time, and its bytes when idle",
    runtimes: BOTH,
    flags: ["--v8-flags=--expose-gc"],
    minutes: 1,
  },
  {
    name: "upload.mjs",
    title: "1 GiB up and down while calling, on the loopback and over a link",
    runtimes: ["node"],
    minutes: 20,
  },
];

/** Longest that one may take. */
const PATIENCE = 45 * 60_000;

/**
 * Runs one, and shows what it says.
 *
 * @returns {Promise<{ name: string, runtime: string, text: string, code: number }>}  `code` is 1 also where it says that a target is missed
 */
export async function runScript({ name, flags = [], runtime }, runtimes) {
  console.log(`\n${name}${runtime === "node" ? "" : ` on ${runtime}`}`);
  const args = [...(runtime === "deno" ? flags : []), `bench/${name}`];
  const [command, all] = name.endsWith(".ts") ? program(runtimes, runtime, args) : [process.execPath, args];
  const { stdout: text, code } = await run(command, all, { cwd: root, timeout: PATIENCE, live: true });
  return { name, runtime, text, code };
}

/** Whether it has said what it is for. */
export function succeeded({ code, text }) {
  return code === 0 || /^MISSED /m.test(text);
}
