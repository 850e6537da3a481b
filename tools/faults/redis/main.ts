// One fault run on Redis, under Node. Prints what was found as one line of JSON.
import process from "node:process";
import { Random } from "../../soak/random.ts";
import { Findings, type World } from "../kit.ts";
import { redisRuns } from "./runs.ts";

const [name, ...numbers] = process.argv.slice(2) as [string, ...string[]];
const [scale, seed, ms] = numbers.map(Number) as [number, number, number];
const world: World = { port: 0, scale, random: new Random(seed), until: performance.now() + ms };

let findings = new Findings();
try {
  findings = await redisRuns[name]!(world);
} catch (error) {
  findings.wrong(String(error instanceof Error ? error.stack : error));
}
const { counts, anomalies, untold } = findings;
process.stdout.write(JSON.stringify({ counts, anomalies, untold }) + "\n", () => process.exit(0));
