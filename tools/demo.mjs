// Starts the demo and prints its address: `npm run demo`, `deno task demo` or `bun run demo`. Whatever is missing is installed first.
//
//   node tools/demo.mjs [--runtime deno|bun] [--port 8000]
//   node tools/demo.mjs --check
//
// --check starts it on a free port under both runtimes and drives it as a client of the other: one line a step, `demo ok` at the end, exit code 1
// when a step fails.
import { spawn } from "node:child_process";
import process from "node:process";
import { parseArgs } from "node:util";
import { run, start } from "./child.mjs";
import { freePort, listens } from "./ports.mjs";
import { ensurePackages, root, runtime } from "./setup.mjs";

const APP = "examples/demo/app.ts";
const NAMES = { deno: "Deno", bun: "Bun" };

const { values: flags } = parseArgs({
  options: {
    check: { type: "boolean", default: false },
    runtime: { type: "string", default: process.versions.bun ? "bun" : "deno" },
    port: { type: "string", default: "8000" },
  },
});

await ensurePackages();
process.exit(flags.check ? await check() : await show());

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
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.removeAllListeners(signal);
    process.on(signal, () => child.kill("SIGTERM"));
  }
  process.on("exit", () => child.kill("SIGKILL"));
  if (await Promise.race([listens(port), ended]) === true) {
    console.log(`\nThe Millrace demo, under ${NAMES[name]}: http://localhost:${port}/\nCtrl-C ends it.`);
  }
  return await ended;
}

/** The port that was asked for, or a free one where it is taken. */
async function wantedPort(port) {
  if (Number.isInteger(port) && port > 0 && port < 65_536 && !(await listens(port, 1))) return port;
  const other = await freePort();
  console.log(`Port ${port} is taken, so it is ${other}`);
  return other;
}
