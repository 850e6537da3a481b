// The conformance suite across processes: one server file under `deno serve` and under `bun`, called from Node, Bun and Deno.
import process from "node:process";
import { run } from "../../tools/child.mjs";
import { root, runtimes } from "../../tools/setup.mjs";
import { serving } from "../runner/serving.mjs";

/** What one client may take for the whole suite, in milliseconds. */
const TIMEOUT = 40_000;

const rt = await runtimes();
const clients = { node: [], bun: [], deno: ["run", "-A", "--no-lock", "--no-check"] };
const sums = await Promise.all(["deno", "bun"].map(serverOf));
const [passed, failed] = [0, 1].map((at) => sums.flat().reduce((sum, counts) => sum + counts[at], 0));
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);

/** One server, and one client after the other: the last case looks whether anything is left. */
async function serverOf(runtime) {
  const found = [];
  const server = { rt, runtime, file: "tests/suites/conformance_app.ts", cwd: root };
  const outcome = await serving(server, async (port) => {
    for (const [client, args] of Object.entries(clients)) {
      const program = [...args, "tests/cross/cross_client.ts", `http://127.0.0.1:${port}/rpc`];
      found.push(
        report(
          `${client} client, ${runtime} server`,
          await run(rt[client], program, { cwd: root, timeout: TIMEOUT }),
        ),
      );
    }
    return { code: found.some(([, failed]) => failed > 0) ? 1 : 0, output: "" };
  });
  if (outcome.code !== 0) console.log(outcome.output);
  return found.length > 0 ? found : [[0, 1]];
}

function report(name, { code, output, ms }) {
  const counts = /^(\d+) passed, (\d+) failed$/m.exec(output);
  const [passed, failed] = counts === null ? [0, 1] : [Number(counts[1]), Number(counts[2])];
  const broken = code !== 0 || failed > 0;
  console.log(
    `${broken ? "FAILED" : "ok    "}  ${name}: ${passed} passed, ${failed} failed (${
      (ms / 1000).toFixed(1)
    } s)`,
  );
  if (broken) console.log(output);
  return [passed, failed];
}
