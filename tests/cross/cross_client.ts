// Runs the conformance suite against a server in another process: `node|bun|deno cross_client.ts http://host:port/rpc`.
import process from "node:process";
import { cases, runCase } from "../suites/conformance.ts";

const url = process.argv[2]!;
const counts = { passed: 0, failed: 0 };
for (const [name, run] of Object.entries(cases)) {
  try {
    await runCase(run, url);
    counts.passed++;
  } catch (error) {
    counts.failed++;
    console.log(`FAILED  ${name}\n${(error as Error).stack}`);
  }
}
console.log(`${counts.passed} passed, ${counts.failed} failed`);
process.exit(counts.failed === 0 ? 0 : 1);
