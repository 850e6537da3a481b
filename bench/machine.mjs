// Where it ran: without this no figure means anything.
import { readFileSync } from "node:fs";
import { cpus, loadavg, platform, release, totalmem } from "node:os";
import process from "node:process";
import { run } from "../tools/child.mjs";
import { root } from "../tools/setup.mjs";
import { findGo } from "./generator.mjs";
import { versionsOfPeers } from "./peers.mjs";

/** The machine, and what was on it. */
export async function describeMachine(runtimes) {
  return {
    date: new Date().toISOString(),
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memoryGiB: Number((totalmem() / 2 ** 30).toFixed(1)),
    system: `${platform()} ${release()}`,
    loadBefore: Number(loadavg()[0].toFixed(2)),
    versions: await versions(runtimes),
  };
}

async function versions(runtimes) {
  const found = {};
  for (const [name, path] of Object.entries(runtimes)) {
    const { stdout } = await run(path, ["--version"], { timeout: 20_000 });
    found[name] = /\d+\.\d+\.\d+\S*/.exec(stdout)?.[0] ?? "unknown";
  }
  for (const name of ["zod", "@msgpack/msgpack"]) {
    found[name] = JSON.parse(readFileSync(`${root}/node_modules/${name}/package.json`, "utf8")).version;
  }
  found.go = (await findGo()).version ?? "unknown";
  const millrace = JSON.parse(readFileSync(`${root}/package.json`, "utf8")).version;
  return { ...found, ...versionsOfPeers(), millrace: `${millrace}${await commit()}` };
}

/** What figures can depend on. */
const CODE = ["mod.ts", "src", "msgpack", "rpc", "client", "brokers", "bench", "package.json"];
/** What stands there and is no code. */
const NO_CODE = [":(exclude)bench/results", ":(exclude)*.md"];

/** `+abc1234`, and `-dirty` when files differ from it; nothing outside of a checkout. */
async function commit() {
  const git = (...args) => run("git", args, { cwd: root, timeout: 10_000 });
  const { code, stdout } = await git("rev-parse", "--short", "HEAD");
  if (code !== 0) return "";
  const changes = await git("status", "--porcelain", "--", ...CODE, ...NO_CODE);
  return `+${stdout.trim()}${changes.stdout.trim() === "" ? "" : "-dirty"}`;
}

/**
 * One core for the server and one for the generator, where Linux has two and taskset.
 *
 * @returns {Promise<number[]>} empty where nothing can be pinned
 */
export async function pinnableCores() {
  if (platform() !== "linux") return [];
  const { code, stdout } = await run("taskset", ["-cp", String(process.pid)], { timeout: 5_000 });
  if (code !== 0) return [];
  const cores = stdout.slice(stdout.lastIndexOf(":") + 1).trim().split(",").flatMap((range) => {
    const [from, to = from] = range.split("-").map(Number);
    return Array.from({ length: to - from + 1 }, (_, i) => from + i);
  });
  return cores.length < 2 ? [] : cores.slice(0, 2);
}
