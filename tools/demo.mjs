// Starts the demo and prints its address: `npm run demo`, `deno task demo` or `bun run demo`, the last under Bun, the others under Deno. Whatever is
// missing is installed first.
//
//   node tools/demo.mjs [--runtime deno|bun] [--port 8000]
//   node tools/demo.mjs --redis [--port 8000]
//   node tools/demo.mjs --check [--redis]
//
// --redis starts a Redis and two nodes, one under Deno and one under Bun, behind one address. --check starts it on a free port under both runtimes and drives it
// as a client of the other: one line a step, `demo ok` at the end, exit code 1 when a step fails.
import { spawn } from "node:child_process";
import process from "node:process";
import { parseArgs } from "node:util";
import { run, start } from "./child.mjs";
import { startNodes } from "./demo_nodes.mjs";
import { freePort, listens } from "./ports.mjs";
import { ensurePackages, root, runtime } from "./setup.mjs";

const APP = "examples/demo/app.ts";
const NAMES = { deno: "Deno", bun: "Bun" };

/** What runs the script of package.json. */
const parent = process.ppid;

const { values: flags } = parseArgs({
  options: {
    check: { type: "boolean", default: false },
    redis: { type: "boolean", default: false },
    runtime: { type: "string", default: isStartedByBun() ? "bun" : "deno" },
    port: { type: "string", default: "8000" },
  },
});

await ensurePackages();
process.exit(
  await (flags.redis ? (flags.check ? checkNodes() : showNodes()) : (flags.check ? check() : show())),
);

/** The command that serves the demo under a runtime. */
async function server(name, port) {
  const args = name === "deno" ? ["serve", "-A", "--no-lock", "--port", String(port), APP] : [APP];
  return { command: await runtime(name), args, env: { PORT: String(port) } };
}

async function check() {
  for (const name of Object.keys(NAMES)) await runtime(name); // so that what has to be installed is, before the clock runs
  for (const [name, other] of [["deno", "bun"], ["bun", "deno"]]) {
    if (!(await checkUnder(name, other))) return 1;
  }
  console.log("demo ok");
  return 0;
}

async function checkUnder(name, other) {
  const port = await freePort();
  const { command, args, env } = await server(name, port);
  const child = start(command, args, { cwd: root, env });
  console.log(`${NAMES[name]} serves, ${NAMES[other]} is the client`);
  try {
    if (!(await listens(port))) return failed(`did not listen on port ${port}`, child.output());
    const client = ["examples/demo/check.ts", `http://127.0.0.1:${port}`];
    const given = other === "deno" ? ["run", "-A", "--no-lock", ...client] : client;
    const { code, output } = await run(await runtime(other), given, {
      cwd: root,
      timeout: 25_000,
      live: true,
    });
    if (code !== 0) {
      return failed(
        `the client under ${NAMES[other]} ended with code ${code}`,
        /FAILED/.test(output) ? child.output() : output + child.output(),
      );
    }
    return true;
  } finally {
    await child.stop();
  }
}

function failed(what, output) {
  console.log(`demo failed: ${what}`);
  if (output.trim() !== "") console.log(output.trim());
  return false;
}

/** Whether this is Bun, or a Node that `bun run` has started because there is one on PATH. */
function isStartedByBun() {
  return process.versions.bun !== undefined || /^bun\//.test(process.env.npm_config_user_agent ?? "");
}

/** Tells of a signal; and of the end of what runs the scripts of package.json: a signal to npm alone ends its shell, which hands it to nobody. */
function whenToLeave(leave) {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.removeAllListeners(signal);
    process.on(signal, leave);
  }
  if (process.env.npm_lifecycle_event === undefined) return;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    leave();
  }, 500);
  timer.unref();
}

/** Serves until a signal comes, and hands the signal on, so that the server leaves as it would anywhere. */
async function show() {
  const name = flags.runtime;
  if (!(name in NAMES)) {
    console.error(`Cannot start the demo under "${name}": it is deno or bun`);
    return 2;
  }
  const port = await wantedPort(Number(flags.port));
  const { command, args, env } = await server(name, port);
  const child = spawn(command, args, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: "inherit",
    detached: true,
  });
  const ended = new Promise((resolve) =>
    child.on("exit", (code) => resolve(code ?? 1)).on("error", () => resolve(1))
  );
  whenToLeave(() => child.kill("SIGTERM"));
  process.on("exit", () => child.kill("SIGKILL"));
  if (await Promise.race([listens(port), ended]) === true) {
    console.log(`\nThe Millrace demo, under ${NAMES[name]}: http://localhost:${port}/\nCtrl-C ends it.`);
  }
  return await ended;
}

/** Drives two nodes through the address before them, as a client under each runtime: each begins with both nodes up, and ends so. */
async function checkNodes() {
  for (const name of Object.keys(NAMES)) await runtime(name);
  const port = await freePort();
  const said = [];
  const demo = await startNodes({
    runtimes: nodes(),
    port,
    host: "127.0.0.1",
    say: (text) => said.push(text),
  });
  try {
    for (const [name, title] of Object.entries(NAMES)) {
      console.log(`Deno and Bun serve as two nodes, ${title} is the client`);
      const client = ["examples/demo/check_nodes.ts", `http://127.0.0.1:${port}`];
      const args = name === "deno" ? ["run", "-A", "--no-lock", ...client] : client;
      const { code } = await run(await runtime(name), args, { cwd: root, timeout: 110_000, live: true });
      if (code !== 0) {
        const output = [...said, ...demo.nodes.map((node) => node.output())].join("\n");
        failed(`the client under ${title} ended with code ${code}`, output);
        return 1;
      }
    }
  } finally {
    await demo.close();
  }
  console.log("demo ok");
  return 0;
}

/** What a node is under each runtime. */
function nodes() {
  return Object.fromEntries(
    Object.entries(NAMES).map(([name, title]) => [name, { title, serve: (port) => server(name, port) }]),
  );
}

/** Serves two nodes until a signal comes, or a key that ends it. */
async function showNodes() {
  for (const name of Object.keys(NAMES)) await runtime(name);
  const port = await wantedPort(Number(flags.port));
  const demo = await startNodes({ runtimes: nodes(), port, say: console.log });
  const ended = new Promise((resolve) => {
    whenToLeave(() => resolve());
    listenToKeys(demo.nodes, () => resolve());
  });
  console.log(`\nThe Millrace demo, two nodes on Redis: http://localhost:${port}/`);
  console.log(
    process.stdin.isTTY
      ? "Keys: a and b stop a node or start it, A and B kill it, q ends everything."
      : "The page stops nodes and starts them. Ctrl-C ends everything.",
  );
  await ended;
  await demo.close();
  return 0;
}

/** A small letter stops a node or starts it, a capital one kills it. */
function listenToKeys(nodes, leave) {
  if (!process.stdin.isTTY) return;
  process.stdin.setRawMode(true);
  process.stdin.setEncoding("utf8").on("data", (keys) => {
    for (const key of keys) {
      if (key === "q" || key === "\u0003") leave();
      const node = nodes.find(({ name }) => name === key.toUpperCase());
      if (node === undefined) continue;
      const done = node.state === "down"
        ? node.start()
        : node.stop(key === node.name ? "SIGKILL" : "SIGTERM");
      done.catch((error) => console.log(error.message));
    }
  });
}

/** The port that was asked for, or a free one where it is taken. */
async function wantedPort(port) {
  if (Number.isInteger(port) && port > 0 && port < 65_536 && !(await listens(port, 0))) return port;
  const other = await freePort();
  console.log(`Port ${port} is taken, so it is ${other}`);
  return other;
}
