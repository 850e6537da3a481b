// Everything that is said about the source without running it.
import { existsSync, readFileSync } from "node:fs";
import { split } from "../../bench/size.mjs";
import { run } from "../../tools/child.mjs";
import { filesUnder } from "../../tools/files.mjs";
import { root } from "../../tools/setup.mjs";
import { structure as rules } from "../../tools/structure.mjs";
import { check, problems } from "./report.mjs";

const TSC = "node_modules/typescript/bin/tsc";

/** Formatting, linting, types, documentation, publishing. */
export async function types({ rt, std }) {
  const { exports } = manifest("deno.json");
  const entries = Object.values(exports);
  const checked = [...entries, ...typed()];
  const deno = (...args) => run(rt.deno, args, { cwd: root, timeout: 180_000 });
  const tsc = (project) => run(rt.node, [TSC, "-p", project], { cwd: root, timeout: 180_000 });
  return [
    problems("deno.json and package.json are twins", twins()),
    check("deno fmt --check", await deno("fmt", "--check")),
    check("deno lint", await deno("lint")),
    check(`deno check: ${checked.length} files`, await deno("check", ...std.args, ...checked)),
    check("tsc: the library, isolatedDeclarations, no runtime's types", await tsc("tsconfig.json")),
    check("tsc: tests, examples and benchmarks with Bun's types", await tsc("tests/tsconfig.bun.json")),
    check("tsc: with Deno's types", await tsc("tests/tsconfig.deno.json")),
    check(`deno doc --lint: ${entries.length} exports`, await deno("doc", "--lint", ...entries)),
    check("deno publish --dry-run", await deno("publish", "--dry-run", "--allow-dirty")),
  ];
}

/** tools/structure.mjs: imports, sizes, doc comments. And what a page loads of the client at first. */
export async function structure() {
  const found = (await rules()).map(({ name, lines }) => problems(name, lines));
  return [
    ...found,
    problems("the client's core is small, and without what is loaded when it is used", await core()),
  ];
}

/** Bytes of the client's core, gzipped as bench/size.mjs does: a little more than it has. Whoever raises it says why in bench/README.md. */
const MOST_CORE = 32_240;
/** What the core must not have: channels, streams, what answers calls, and anything of a server. */
const LATER =
  /^client\/(channels|channel_connection|conflation|history|laggards|local_watch|offers|outbox|own_member|payload|places|presence_\w+|presences|publishing|seen|subscription|waiting_event|wire_deltas|wire_parts|wire_presence|wire_retry|wire_subscription)\.ts|^rpc\/(answers|assembly|byte_\w+|call_book|callee|channel_messages|channel_names|delta\w*|dispatch_channels|dispatch_presence|incoming_call|item_\w+|local_\w+|node\w*|pipeline|plain_calls|presence_\w+|one_way|receiver|schema|sender|server\w*|streams|unclaimed)\.ts|^(src|brokers|redis|testing)\//;

async function core() {
  const { core, parts } = await split();
  const lines = core.files.filter(({ part }) => LATER.test(part)).map(({ part }) => `${part} is in the core`);
  if (core.gzip > MOST_CORE) lines.push(`the core has ${core.gzip} bytes, more than ${MOST_CORE}`);
  for (const { name, files } of parts) if (files.length === 0) lines.push(`nothing is loaded for ${name}`);
  return lines;
}

/**
 * Every TypeScript file outside of the library that Deno can check: it knows neither `bun:test` nor Bun's
 * types, nor the DOM that a page uses. tsc checks those.
 */
function typed() {
  const all = ["tests", "examples", "bench", "tools"].flatMap((folder) => filesUnder(folder, /\.ts$/));
  return all.filter((path) =>
    !/_bun\.ts$|\/page(\/|\.ts$)/.test(path) && !path.startsWith("tests/packaging/")
  );
}

function manifest(path) {
  return JSON.parse(readFileSync(`${root}/${path}`, "utf8"));
}

/**
 * The same package on both registries: name, version, licence and export keys; no lock file that names a
 * host.
 */
function twins() {
  const [deno, npm] = [manifest("deno.json"), manifest("package.json")];
  const found = [];
  for (const field of ["name", "version", "license"]) {
    if (deno[field] !== npm[field]) {
      found.push(`${field}: deno.json has ${deno[field]}, package.json ${npm[field]}`);
    }
  }
  const { "./package.json": _self, ...exports } = npm.exports;
  if (JSON.stringify(deno.exports) !== JSON.stringify(exports)) found.push("exports differ");
  for (const path of Object.values(deno.exports)) {
    if (!existsSync(`${root}/${path}`)) found.push(`exports name ${path}, which does not exist`);
  }
  for (const lock of ["package-lock.json", "bench/peers/package-lock.json"]) {
    if (/"resolved": "https?:/.test(readFileSync(`${root}/${lock}`, "utf8"))) {
      found.push(`${lock} names a registry's host: set omit-lockfile-registry-resolved`);
    }
  }
  return found;
}
