// Readers that take a tenth of what is published, under each policy: the server's memory stays flat, every range that is left out is told exactly, and the newest comes.
//
//   node bench/slow_readers.mjs [--runtime bun|deno] [--readers 20] [--rate 500] [--seconds 15] [--only all,latest,…]
//
// Exit 1 when something is missing, twice, or told wrongly, or the memory grows.
import { parseArgs } from "node:util";
import { run } from "../tools/child.mjs";
import { ensurePackages, root, runtimes } from "../tools/setup.mjs";
import { serving } from "../tests/runner/serving.mjs";

const MIB = 1 << 20;
/** Memory may grow by this much from the first third of a run to the last. */
const MOST_GROWTH = 16 * MIB;
const POLICIES = ["all", "latest", "latest-by-key", "sample", "sample-by-key", "drop-oldest"];

const { values: options } = parseArgs({
  options: {
    runtime: { type: "string", default: "bun" },
    readers: { type: "string", default: "20" },
    rate: { type: "string", default: "500" },
    seconds: { type: "string", default: "15" },
    only: { type: "string", default: POLICIES.join() },
  },
});

await ensurePackages();
const rt = await runtimes();
let failed = false;
for (const policy of options.only.split(",")) {
  const server = {
    rt,
    runtime: options.runtime,
    file: "bench/slow_server.ts",
    cwd: root,
    env: { DENO_V8_FLAGS: "--expose-gc" },
  };
  let said = "";
  const outcome = await serving(server, async (port) => {
    const url = `ws://127.0.0.1:${port}/`;
    const args = ["bench/slow_client.ts", url, policy, options.readers, options.rate, options.seconds];
    const ended = await run(rt.bun, args, { cwd: root, timeout: 180_000 });
    said = ended.stdout;
    return ended;
  });
  const line = said.split("\n").find((one) => one.startsWith("{"));
  if (outcome.code !== 0 || line === undefined) {
    console.log(`${policy}: failed\n${outcome.output}`);
    failed = true;
    continue;
  }
  const found = JSON.parse(line);
  const { weights } = found;
  const third = Math.ceil(weights.length / 3);
  const [before, after] = [Math.max(...weights.slice(0, third)), Math.max(...weights.slice(-third))];
  const per = (number) => Math.round(number / found.readers);
  console.log(
    `${policy}: ${found.published} published, of which each reader was given ${
      per(found.messages)
    }, told of ${per(found.left)} in ${per(found.gaps)} gaps, and reset ${
      found.resets / found.readers
    } times; ${found.behind} of ${found.readers} were behind at the end, ` +
      `and had the newest ${found.late} ms later; server ${
        (before / MIB).toFixed(1)
      } MiB in the first third, ${(after / MIB).toFixed(1)} in the last`,
  );
  const misses = [
    [found.wrong > 0, `${found.wrong} events did not follow, or had another reason`],
    [found.uncovered !== 0, `${found.uncovered} publications were neither given nor told of`],
    [found.lacking > 0, `${found.lacking} readers lack the newest`],
    [policy !== "all" && found.resets > 0, `${found.resets} resets`],
    [found.behind === 0, "nobody was slow: this shows nothing"],
    [after - before > MOST_GROWTH, `the server grew by ${((after - before) / MIB).toFixed(1)} MiB`],
  ].flatMap(([is, what]) => is ? [what] : []);
  for (const what of misses) console.log(`  missed: ${what}`);
  if (misses.length > 0) failed = true;
}
process.exit(failed ? 1 : 0);
