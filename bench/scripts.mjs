// What is measured without the load generator, by scripts that can be run by themselves as well: parts of `npm run bench` that `--only` names.
import process from "node:process";
import { run } from "../tools/child.mjs";
import { root } from "../tools/setup.mjs";
import { program } from "./part.mjs";

/**
 * @typedef {object} Script
 * @property {string} name  its file, as `--only` takes it
 * @property {string} title
 * @property {string[]} runtimes  that it is run by, one after the other; "node" where it starts the others itself
 * @property {string[]} [flags]  of Deno
 * @property {string[]} [args]
 * @property {number} minutes  that it takes, all runtimes together
 */

const BOTH = ["deno", "bun"];

/** @type {Script[]} */
export const SCRIPTS = [
  node("size.mjs", "bytes of the browser's client", 0.2),
  { ...node("types.mjs", "seconds of the compilers for 1,000 procedures", 3), args: ["--repeats", "3"] },
  { ...node("procedures.mjs", "cost against the number of procedures", 2), args: ["--repeats", "3"] },
  node("client.mjs", "the client's own cost, in Chromium too", 3),
  { name: "codec.ts", title: "nanoseconds of the codec", runtimes: BOTH, minutes: 1 },
  { name: "core.ts", title: "a call through the whole server in memory", runtimes: BOTH, minutes: 1 },
  {
    name: "channels.ts",
    title: "a publication against channels and history, in memory",
    runtimes: BOTH,
    minutes: 1.5,
  },
  {
    name: "presence.ts",
    title: "a join or leave against members who watch, in memory",
    runtimes: BOTH,
    args: ["--ends"],
    minutes: 1.4,
  },
  {
    name: "connection.ts",
    title: "a connection in memory: its time, and its bytes when idle",
    runtimes: BOTH,
    flags: ["--v8-flags=--expose-gc"],
    minutes: 1,
  },
  {
    ...node("deltas.mjs", "what messages as differences save and cost, to 1,000", 1.9),
    args: ["--subscribers", "1000", "--updates", "100"],
  },
  {
    name: "deltas_algorithms.ts",
    title: "our differences beside those of Fossil",
    runtimes: BOTH,
    minutes: 0.2,
  },
  {
    ...node(
      "upload.mjs",
      "an upload and a download while calling: 1 GiB each, as a part 256 MiB of it on the link",
      6,
    ),
    args: ["--link-mib", "256"],
  },
];

function node(name, title, minutes) {
  return { name, title, runtimes: ["node"], minutes };
}

/** Longest that one may take. */
const PATIENCE = 45 * 60_000;

/**
 * Runs one, and shows what it says.
 *
 * @returns {Promise<{ name: string, runtime: string, text: string, code: number }>}  `code` is 1 also where it says that a target is missed
 */
export async function runScript({ name, flags = [], args: more = [], runtime }, runtimes) {
  console.log(`\n${name}${runtime === "node" ? "" : ` on ${runtime}`}`);
  const args = [...(runtime === "deno" ? flags : []), `bench/${name}`, ...more];
  const [command, all] = name.endsWith(".ts") ? program(runtimes, runtime, args) : [process.execPath, args];
  const { stdout: text, code } = await run(command, all, { cwd: root, timeout: PATIENCE, live: true });
  return { name, runtime, text, code };
}

/** Whether it has said what it is for. */
export function succeeded({ code, text }) {
  return code === 0 || /^MISSED /m.test(text);
}
