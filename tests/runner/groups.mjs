// The groups of the suite: first those that only compute, two at a time, then, `alone`, those that measure time
// or memory.
import { benchmark } from "./benchmark.mjs";
import { jsr, tarball } from "./packages.mjs";
import { browser, cross, demo, faults, k6, sim, soak } from "./scripts.mjs";
import { snippets } from "./snippets.mjs";
import { structure, types } from "./static.mjs";
import { bunSuite, denoSuite } from "./suite.mjs";

/**
 * @typedef {object} Group
 * @property {string} name  what `--only` takes
 * @property {string} title
 * @property {boolean} [alone]  nothing else runs beside it
 * @property {(context: object) => Promise<import("./report.mjs").Check[]>} run
 */

/** @type {Group[]} */
export const groups = [
  { name: "static", title: "format, lint, types, docs, publish --dry-run", run: types },
  { name: "structure", title: "imports, sizes, doc comments", run: structure },
  { name: "snippets", title: "the programs of README, docs and doc comments", run: snippets },
  { name: "npm", title: "the packed tarball under Node, Deno and Bun", run: tarball },
  { name: "jsr", title: "jsr:@millrace/millrace from a loopback registry", run: jsr },
  { name: "deno", title: "the suite under Deno, leak sanitizers on", alone: true, run: denoSuite },
  { name: "bun", title: "the suite under Bun", alone: true, run: bunSuite },
  { name: "sim", title: "2,000 seeds of the simulation, under both runtimes", alone: true, run: sim },
  { name: "cross", title: "servers of one runtime, clients of the others", alone: true, run: cross },
  { name: "browser", title: "the page and the client in headless Chromium", alone: true, run: browser },
  { name: "demo", title: "the demo as a newcomer starts it", alone: true, run: demo },
  {
    name: "bench",
    title: "the benchmark works: its generator, and a very short run",
    alone: true,
    run: benchmark,
  },
  { name: "k6", title: "a few seconds of each k6 script, both runtimes", alone: true, run: k6 },
  {
    name: "faults",
    title: "cuts, outages, lost replies, stalled subscribers; two nodes on Redis",
    alone: true,
    run: faults,
  },
  { name: "soak", title: "three minutes of calls, streams, cancels and reconnects", alone: true, run: soak },
];
