// The clients of one fault run, and what cuts their connections, in one process under Node. Prints what was found as one line of JSON.
import process from "node:process";
import { Random } from "../soak/random.ts";
import { beyond } from "./beyond.ts";
import { calls, cases } from "./calls.ts";
import { channels } from "./channels.ts";
import { Findings, type World } from "./kit.ts";
import { stalled } from "./stalled.ts";

const [name, ...numbers] = process.argv.slice(2) as [string, ...string[]];
const [port, scale, seed, ms] = numbers.map(Number) as [number, number, number, number];
const world: World = { port, scale, random: new Random(seed), until: performance.now() + ms };

/** The runs, by name. */
const runs: Readonly<Record<string, () => Promise<Findings>>> = {
  channels: () => channels(world),
  beyond: () => beyond(world),
  stalled: () => stalled(world),
  ...Object.fromEntries(cases.map((one) => [`calls, ${one.name}`, () => calls(world, one)])),
};

let findings = new Findings();
try {
  findings = await runs[name]!();
} catch (error) {
  findings.wrong(String(error instanceof Error ? error.stack : error));
}
const { counts, anomalies, untold } = findings;
process.stdout.write(JSON.stringify({ counts, anomalies, untold }) + "\n", () => process.exit(0));
