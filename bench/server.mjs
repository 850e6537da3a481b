// Starts a contender on its own core.
import { spawn } from "node:child_process";
import process from "node:process";
import { freePort, listens } from "../tools/ports.mjs";
import { root } from "../tools/setup.mjs";

const running = new Set();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** With as many files as the system lets it have: some shells give 1,024, and each connection is one. */
const OPEN = ["sh", "-c", 'ulimit -n "$(ulimit -Hn)"; exec "$@"', "sh"];

/** The command line in front of a program that is to stay on `core`. */
export function pinned(core, command) {
  return core === undefined ? command : ["taskset", "-c", String(core), ...command];
}

/** The command that runs a contender. */
function commandOf({ file, listens }, { runtime, path, port, entry }) {
  const script = entry ?? `bench/contenders/${file}`;
  if (runtime === "go") return [path]; // the program itself
  if (runtime !== "deno") return [path, script];
  return listens
    ? [path, "run", "-A", script]
    : [path, "serve", "-A", "--host", "127.0.0.1", "--port", String(port), script];
}

/**
 * Starts a server and waits until it accepts connections.
 *
 * @param {import("./contenders.mjs").Contender} contender
 * @param {{ runtime: string, path: string, core: number | undefined, entry?: string, env?: Record<string, string> }} where  `path`: the
 *   runtime's; `entry`: what is run in its place
 * @returns {Promise<{ port: number, pid: number, output(): string, stop(): Promise<void> }>}
 * @throws {Error} with what it said, when it does not
 */
export async function startServer(contender, { runtime, path, core, entry, env: more }) {
  const port = await freePort();
  const [command, ...args] = [...OPEN, ...pinned(core, commandOf(contender, { runtime, path, port, entry }))];
  const quiet = { NODE_ENV: "production", NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" };
  const env = { ...process.env, ...quiet, ...more, PORT: String(port) };
  const child = spawn(command, args, { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] });
  running.add(child);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => output = (output + text).slice(-4_000));
  }
  child.on("error", (error) => output += error.message);
  const ended = new Promise((resolve) => child.on("close", resolve).on("error", resolve));
  const stop = async () => {
    child.kill("SIGKILL");
    await ended;
    running.delete(child);
  };
  if (await Promise.race([listens(port), ended.then(() => false)])) {
    return { port, pid: child.pid, output: () => output, stop };
  }
  await stop();
  throw new Error(`${contender.file} did not start on ${runtime}:\n${output}`);
}
