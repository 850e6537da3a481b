// An upload of 64 MiB and one of 1 GiB, in pieces, on each runtime: what the server holds, what both processes keep, and
// how long a small call on the same connection takes meanwhile, one every 10 ms.
//
//   node bench/upload.mjs [--small MIB] [--large MIB] [--only deno,bun]
//
// Exit 1 when the memory after both differs by 32 MiB or more, or more is held than the windows allow.
import process from "node:process";
import { parseArgs } from "node:util";
import { run } from "../tools/child.mjs";
import { ensurePackages, root, runtimes } from "../tools/setup.mjs";
import { serving } from "../tests/runner/serving.mjs";

const MIB = 1 << 20;
/** Memory may grow by this much from the small upload to the large one. */
const MOST_GROWTH = 32 * MIB;
/** One window of the stream, the unit that may start just below its end, and small answers on their way out. */
const MOST_HELD = (256 + 64 + 8) * 1024;

const { values: flags } = parseArgs({
  options: {
    small: { type: "string", default: "64" },
    large: { type: "string", default: "1024" },
    only: { type: "string", default: "deno,bun" },
  },
});
await ensurePackages();
const rt = await runtimes();
const failures = [];
console.log(
  "runtime way     MiB    MiB/s  held KiB  server MiB  client MiB  idle p50/p99  busy p50/p99/most (calls)",
);
for (const runtime of flags.only.split(",")) {
  for (const way of ["items", "stream"]) await compare(runtime, way);
}
for (const failure of failures) console.log(`FAILED  ${failure}`);
process.exit(failures.length === 0 ? 0 : 1);

/** Both uploads, one after the other, between one server and one client. */
async function compare(runtime, way) {
  const uploads = await measure(runtime, way);
  for (const upload of uploads) print({ runtime, way }, upload);
  const [small, large] = uploads;
  if (large === undefined) return;
  for (const side of ["server", "client"]) {
    const growth = large[side] - small[side];
    if (growth < MOST_GROWTH) continue;
    failures.push(`${runtime} ${way}: the ${side} keeps ${(growth / MIB).toFixed(1)} MiB more`);
  }
  const held = Math.max(small.held, large.held);
  if (held > MOST_HELD) failures.push(`${runtime} ${way}: ${held} bytes were held`);
}

async function measure(runtime, way) {
  const env = { DENO_V8_FLAGS: "--expose-gc" };
  const server = { rt, runtime, file: "bench/upload_server.ts", cwd: root, env };
  let said = "";
  const outcome = await serving(server, async (port) => {
    const args = runtime === "deno" ? ["run", "-A", "--no-check"] : [];
    const program = [
      ...args,
      "bench/upload_client.ts",
      `ws://127.0.0.1:${port}/`,
      way,
      flags.small,
      flags.large,
    ];
    const outcome = await run(rt[runtime], program, { cwd: root, env, timeout: 300_000 });
    said = outcome.stdout;
    return outcome;
  });
  if (outcome.code !== 0) failures.push(`${runtime} ${way}\n${outcome.output}`);
  return said.split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
}

function print({ runtime, way }, { mebibytes, seconds, held, server, client, idle, busy }) {
  const ms = (...times) => times.map((time) => time.toFixed(1)).join("/");
  const cells = [
    runtime.padEnd(7),
    way.padEnd(6),
    String(mebibytes).padStart(5),
    (mebibytes / seconds).toFixed(0).padStart(8),
    (held / 1024).toFixed(0).padStart(9),
    (server / MIB).toFixed(1).padStart(11),
    (client / MIB).toFixed(1).padStart(11),
    ` ${ms(idle.p50, idle.p99)}`.padEnd(14),
    `${ms(busy.p50, busy.p99, busy.most)} (${busy.calls})`,
  ];
  console.log(cells.join(" "));
}
