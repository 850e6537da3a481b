// The demo as its three starters run it: under which runtime it serves, and that it ends when they are told to: a starter alone by SIGTERM, as from a supervisor,
// and all of them together by SIGINT, as from a terminal.
import { spawn } from "node:child_process";
import { delimiter, dirname } from "node:path";
import process from "node:process";
import { freePort, listens } from "../../tools/ports.mjs";
import { root, runtimes } from "../../tools/setup.mjs";

/** How long the demo may take to serve, and to leave, in milliseconds. */
const [STARTING, LEAVING] = [60_000, 15_000];

const rt = await runtimes();
const folders = Object.values(rt).map((path) => dirname(path));
const PATH = [...folders, process.env.PATH].join(delimiter);
/** As in a shell: what the npm that runs the tests says of itself is not for who is started here. */
const SHELL = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("npm_")));

/** What starts it, what that is given, and what it serves under. Node is on PATH, so that `bun run` runs the script with it. */
const starters = {
  "npm run demo": ["npm", ["run", "demo", "--"], "Deno"],
  "bun run demo": [rt.bun, ["run", "demo"], "Bun"],
  "deno task demo": [rt.deno, ["task", "demo"], "Deno"],
};

const counts = { passed: 0, failed: 0 };
for (const [name, [command, args, title]] of Object.entries(starters)) {
  for (const signal of ["SIGTERM", "SIGINT"]) {
    try {
      await leaves({ command, args, title, signal });
      counts.passed++;
      console.log(`ok      ${name}: serves under ${title}, and ends by ${signal}`);
    } catch (error) {
      counts.failed++;
      console.log(`FAILED  ${name}, ${signal}: ${error.message}`);
    }
  }
}
console.log(`${counts.passed} passed, ${counts.failed} failed`);
process.exit(counts.failed === 0 ? 0 : 1);

async function leaves({ command, args, title, signal }) {
  const port = await freePort();
  const child = spawn(command, [...args, "--port", String(port)], {
    cwd: root,
    env: { ...SHELL, PATH },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true, // a group of its own, as from a terminal
  });
  let said = "";
  const serves = new Promise((resolve, reject) => {
    child.on("error", reject).on("exit", () => reject(new Error("it ended by itself")));
    child.stderr.setEncoding("utf8").on("data", (text) => said += text);
    child.stdout.setEncoding("utf8").on("data", (text) => {
      said += text;
      if (said.includes(`localhost:${port}/`)) resolve(undefined);
    });
  });
  try {
    await within(serves, STARTING, "its beginning");
    if (!said.includes(`, under ${title}: `)) throw new Error(`it does not serve under ${title}`);
    process.kill(signal === "SIGINT" ? -child.pid : child.pid, signal);
    await within(closed(port), LEAVING, "its end");
  } catch (error) {
    throw new Error(`${error.message}; it said\n${said}`);
  } finally {
    try {
      process.kill(-child.pid, "SIGTERM");
    } catch {
      // All of them have ended.
    }
  }
}

/** Waits until nobody listens there any more. */
async function closed(port) {
  while (await listens(port, 0)) await new Promise((resolve) => setTimeout(resolve, 50));
}

async function within(work, ms, what) {
  let timer;
  const late = new Promise((_, reject) =>
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${ms} ms`)), ms)
  );
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
