// 1 GiB up, and 1 GiB down, while a small call starts every 10 ms on the same connection: how long these take, what the server holds and
// what both processes keep. First over the bare loopback, then over a link of 200 Mbit/s and 20 ms.
//
//   node bench/upload.mjs [--mib 1024] [--link-mib 1024] [--small 64] [--only deno,bun,items,stream,items-down,stream-down,bare,link]
//                         [--rate MBIT] [--delay MS] [--window KIB] [--json FILE]
//
// Exit 1 when a target is missed: see `misses`.
import { run, start } from "../tools/child.mjs";
import { root } from "../tools/setup.mjs";
import { serving } from "../tests/runner/serving.mjs";
import { mainOf, program } from "./part.mjs";
import { MOST_BARE, MOST_OVER_IDLE } from "./script_targets.mjs";

const MIB = 1 << 20;
/** Memory may grow by this much from the small move to the large one. */
const MOST_GROWTH = 32 * MIB;
/** Most that the server holds of an upload beside one window of the stream: the unit that may start just below its end, and small answers. */
const MOST_HELD = (64 + 8) * 1024;
/** Calls from which on a p99 is another than the longest one: the small move has some twenty. */
const ENOUGH = 100;

const KINDS = {
  runtimes: ["deno", "bun"],
  ways: ["items", "stream", "items-down", "stream-down"],
  routes: ["bare", "link"],
};

/** @type {import("./part.mjs").Part} */
export const upload = {
  name: "upload",
  defaults: {
    mib: "1024",
    "link-mib": "1024",
    small: "64",
    only: "",
    rate: "200",
    delay: "20",
    window: "256",
  },
  takes: {
    mib: "whole",
    "link-mib": "whole",
    small: "whole",
    only: Object.values(KINDS).flat(),
    rate: "number",
    delay: "number",
    window: "whole",
  },
  measure,
  table,
  misses,
};

async function measure(options, rt) {
  const only = options.only.split(",").filter(Boolean);
  const chosen = (all) =>
    all.some((name) => only.includes(name)) ? all.filter((name) => only.includes(name)) : all;
  const rows = [];
  for (const route of chosen(KINDS.routes)) {
    for (const runtime of chosen(KINDS.runtimes)) {
      for (const way of chosen(KINDS.ways)) rows.push(...await moved({ route, runtime, way }, options, rt));
    }
  }
  return rows;
}

/** One server, one client, both sizes over the bare loopback and the large one over the link. */
async function moved({ route, runtime, way }, { mib, "link-mib": linkMib, small, rate, delay, window }, rt) {
  const env = { DENO_V8_FLAGS: "--expose-gc", WINDOW: window };
  const server = { rt, runtime, file: "bench/upload_server.ts", cwd: root, env };
  const sizes = route === "bare" ? [small, mib] : [linkMib];
  let said = "";
  const outcome = await serving(server, async (port) => {
    const link = route === "link" ? await startLink(rt, [port, rate, delay]) : undefined;
    const url = `ws://127.0.0.1:${link?.port ?? port}/`;
    const [command, args] = program(rt, runtime, ["bench/upload_client.ts", url, way, ...sizes]);
    const ended = await run(command, args, { cwd: root, env, timeout: 300_000 });
    await link?.stop();
    said = ended.stdout;
    return ended;
  });
  if (outcome.code !== 0) return [{ route, runtime, way, error: outcome.output }];
  return said.split("\n").filter((line) => line.startsWith("{")).map((line) => ({
    route,
    runtime,
    way,
    window: Number(window) * 1024,
    ...JSON.parse(line),
  }));
}

/** The link of `link.ts`, in a process of its own. */
async function startLink(rt, args) {
  const [command, all] = program(rt, "node", ["bench/link_proxy.ts", ...args.map(String)]);
  const proxy = start(command, all, { cwd: root });
  for (const end = Date.now() + 10_000; Date.now() < end;) {
    const port = /^\d+$/m.exec(proxy.output());
    if (port !== null) return { port: port[0], stop: proxy.stop };
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await proxy.stop();
  throw new Error(`The link did not start\n${proxy.output()}`);
}

function table(rows) {
  const ms = (...times) => times.map((time) => time.toFixed(1)).join("/");
  const headings =
    "route runtime way,MiB,MiB/s,held KiB,server MiB,client MiB,idle p50/p99,busy p50/p99/most,calls,p99";
  return [
    headings.split(","),
    ...rows.map(({ route, runtime, way, error, ...row }) => {
      const name = `${route} ${runtime} ${way}`;
      if (error !== undefined) return [name, "failed", "", "", "", "", "", "", "", ""];
      return [
        name,
        String(row.mebibytes),
        (row.mebibytes / row.seconds).toFixed(1),
        (row.held / 1024).toFixed(0),
        (row.server / MIB).toFixed(1),
        (row.client / MIB).toFixed(1),
        ms(row.idle.p50, row.idle.p99),
        ms(row.busy.p50, row.busy.p99, row.busy.most),
        String(row.busy.calls),
        row.busy.calls < ENOUGH ? `not judged: ${row.busy.calls} calls` : "judged",
      ];
    }),
  ];
}

function misses(rows) {
  return rows.flatMap((row, i) => {
    const name = `${row.route} ${row.runtime} ${row.way}`;
    if (row.error !== undefined) return [`${name} failed:\n${row.error}`];
    const before = rows[i - 1];
    const small = before !== undefined && before.way === row.way && before.runtime === row.runtime &&
        before.route === row.route
      ? before
      : undefined;
    return [...slow(row, name), ...kept(row, small, name)];
  });
}

function slow({ route, idle, busy }, name) {
  const most = route === "link" ? idle.p99 + MOST_OVER_IDLE : MOST_BARE;
  return busy.p99 < most || busy.calls < ENOUGH
    ? []
    : [`${name}: p99 of small calls is ${busy.p99.toFixed(1)} ms, not under ${most.toFixed(1)}`];
}

function kept(row, small, name) {
  const found = [];
  if (!row.way.endsWith("down") && row.held > row.window + MOST_HELD) {
    found.push(`${name}: ${row.held} bytes were held`);
  }
  for (const side of small === undefined ? [] : ["server", "client"]) {
    const growth = row[side] - small[side];
    if (growth >= MOST_GROWTH) found.push(`${name}: the ${side} keeps ${(growth / MIB).toFixed(1)} MiB more`);
  }
  return found;
}

await mainOf(import.meta.url, upload);
