// Runs a program as a child in a process group of its own, with a deadline, and leaves nothing behind when it
// is over.
import { spawn } from "node:child_process";
import process from "node:process";

/**
 * @typedef {object} Outcome
 * @property {number} code  exit code; 1 when a signal or the deadline ended it, 127 when it could not be
 *   started
 * @property {string} output  stdout and stderr in the order they came, at most the last `keep` characters
 * @property {string} stdout  stdout alone, with the same bound
 * @property {boolean} timedOut  the deadline ended it
 * @property {number} ms  how long it ran
 */

/**
 * @typedef {object} RunOptions
 * @property {string | URL} [cwd]
 * @property {Record<string, string>} [env]  laid over this process's own
 * @property {number} [timeout]  milliseconds until it is killed (120,000)
 * @property {boolean} [live]  show the output as it comes
 * @property {(text: string, answer: (text: string) => void) => void} [heard]  told of stdout as it comes, in whatever
 *   pieces; `answer` writes to stdin, where `listens`
 * @property {boolean} [listens]  whether it has a stdin; it ends when we do
 * @property {number} [keep]  how many characters of the output are kept (4 Mi)
 */

/** @type {Set<number>} */
const groups = new Set();

function killGroup(pid, signal = "SIGKILL") {
  try {
    process.kill(-pid, signal);
  } catch {
    // The whole group has ended already.
  }
}

/** Ends every child that still runs. */
export function killAll() {
  for (const pid of groups) killGroup(pid);
  groups.clear();
}

process.on("exit", killAll);
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => {
    killAll();
    process.exit(130);
  });
}

function launch(command, args, { cwd, env = {}, listens = false }) {
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, NO_COLOR: "1", ...env },
    stdio: [listens ? "pipe" : "ignore", "pipe", "pipe"],
    detached: true,
  });
  if (child.pid !== undefined) groups.add(child.pid);
  child.stdout.setEncoding("utf8");
  child.stderr.setEncoding("utf8");
  child.stdin?.on("error", () => {}); // it has ended: its exit code says so
  return child;
}

function release(child) {
  if (child.pid !== undefined) {
    killGroup(child.pid); // grandchildren that outlived it
    groups.delete(child.pid);
  }
  child.stdout.destroy();
  child.stderr.destroy();
}

/**
 * Starts a program that is meant to stay, such as a server.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string | URL, env?: Record<string, string>, heard?: (text: string) => void }} [options]  `heard` is told
 *   of what it says, as it comes
 * @returns {{ output(): string, signal(name: NodeJS.Signals): void, ended: Promise<unknown>, stop(): Promise<void> }}
 *   `output` is what it said so far; `signal` reaches it alone; `stop` ends it and its own children
 */
export function start(command, args, options = {}) {
  const child = launch(command, args, options);
  let output = "";
  for (const pipe of [child.stdout, child.stderr]) {
    pipe.on("data", (text) => {
      output += text;
      options.heard?.(text);
    });
  }
  child.on("error", (error) => output += `\n(cannot run ${command}: ${error.message})\n`);
  const ended = new Promise((resolve) => child.on("exit", resolve).on("error", resolve));
  return {
    output: () => output,
    signal: (name) => void child.kill(name),
    ended,
    stop: async () => {
      if (child.pid !== undefined) killGroup(child.pid);
      await ended;
      release(child);
    },
  };
}

/**
 * Runs a program to its end.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {RunOptions} [options]
 * @returns {Promise<Outcome>} never rejects
 */
export function run(command, args, options = {}) {
  const { timeout = 120_000, live = false, heard, keep = 4 << 20 } = options;
  const started = performance.now();
  const child = launch(command, args, options);
  let output = "";
  let stdout = "";
  let timedOut = false;
  child.stdout.on("data", (text) => {
    stdout = (stdout + text).slice(-keep);
    output = (output + text).slice(-keep);
    if (live) process.stdout.write(text);
    heard?.(text, (line) => child.stdin?.write(line));
  });
  child.stderr.on("data", (text) => {
    output = (output + text).slice(-keep);
    if (live) process.stderr.write(text);
  });
  return new Promise((resolve) => {
    let over = false;
    const finish = (code, note = "") => {
      if (over) return;
      over = true;
      clearTimeout(timer);
      release(child);
      resolve({ code, output: output + note, stdout, timedOut, ms: performance.now() - started });
    };
    const timer = setTimeout(() => {
      timedOut = true;
      if (child.pid !== undefined) killGroup(child.pid);
      finish(1, `\n(killed: still running after ${timeout / 1000} s)\n`);
    }, timeout);
    child.on("error", (error) => finish(127, `\n(cannot run ${command}: ${error.message})\n`));
    child.on("exit", (code, signal) => {
      // The pipes may hold a rest; a grandchild that keeps them open must not hold us up.
      const note = code === null ? `\n(ended by ${signal})\n` : "";
      child.on("close", () => finish(code ?? 1, note));
      setTimeout(() => finish(code ?? 1, note), 500).unref();
    });
  });
}
