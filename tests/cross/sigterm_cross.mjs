// SIGTERM to a server under `deno serve` and under `bun`: a call in flight finishes, the client is told 1012 (restart) or 1001 (leaving), new
// connections are refused, and the process ends with 0 in time.
import { spawn } from "node:child_process";
import process from "node:process";
import { connect } from "../../client/mod.ts";
import { freePort, listens } from "../../tools/ports.mjs";
import { root, runtimes } from "../../tools/setup.mjs";

/** How long a server may take to leave once its last call has ended, in milliseconds. */
const PATIENCE = 6_000;

/** What is served, with which code it leaves, and a call that is in flight when the signal comes. */
const servers = {
  "examples/serve.ts": { path: "/", code: 1012, begin: beginUpload },
  "examples/demo/app.ts": { path: "/rpc", code: 1001, begin: beginSlow },
};

const rt = await runtimes();
const counts = { passed: 0, failed: 0 };
for (const name of ["deno", "bun"]) {
  for (const [file, server] of Object.entries(servers)) {
    try {
      await leaves(name, file, server);
      counts.passed++;
      console.log(`ok      ${name}: ${file} leaves with ${server.code}`);
    } catch (error) {
      counts.failed++;
      console.log(`FAILED  ${name}: ${file}: ${error.stack}`);
    }
  }
}
console.log(`${counts.passed} passed, ${counts.failed} failed`);
process.exit(counts.failed === 0 ? 0 : 1);

async function leaves(name, file, { path, code, begin }) {
  const port = await freePort();
  const args = name === "deno" ? ["serve", "-A", "--no-lock", "--port", String(port), file] : [file];
  const child = spawn(rt[name], args, {
    cwd: root,
    env: { ...process.env, PORT: String(port) },
    stdio: ["ignore", "pipe", "pipe"],
  });
  process.on("exit", () => child.kill("SIGKILL"));
  let said = "";
  for (const pipe of [child.stdout, child.stderr]) {
    pipe.setEncoding("utf8").on("data", (text) => said += text);
  }
  const exit = new Promise((resolve) => child.on("exit", (code, signal) => resolve(signal ?? code)));
  const closed = Promise.withResolvers();
  let app;
  try {
    equal(await listens(port), true, "it listens");
    app = connect(`ws://127.0.0.1:${port}${path}`, {
      webSocket(url, protocols) {
        const socket = new WebSocket(url, protocols);
        socket.addEventListener("close", (event) => closed.resolve(event.code));
        return socket;
      },
    });
    const { finish, answer } = await begin(app);
    child.kill("SIGTERM");
    answer.catch(() => {}); // whichever of the checks below fails first is the one to tell
    await refused(`http://127.0.0.1:${port}${path === "/" ? "" : path}/add`);
    finish();
    equal(await within(answer, PATIENCE, "the answer"), "finished", "the call in flight");
    equal(await within(closed.promise, PATIENCE, "the close"), code, "the close code");
    equal(await within(exit, PATIENCE, "the exit"), 0, "the exit code");
  } catch (error) {
    error.stack += `\n(the server said)\n${said}`;
    throw error;
  } finally {
    app?.close();
    child.kill("SIGKILL");
  }
}

/** An upload that has begun and waits for its second piece. */
async function beginUpload(app) {
  const gate = Promise.withResolvers();
  const begun = Promise.withResolvers();
  const answer = app.call.upload(async function* () {
    yield new Uint8Array(3);
    begun.resolve();
    await gate.promise;
    yield new Uint8Array(4);
  }());
  await begun.promise;
  equal(await app.call.add({ a: 1, b: 2 }), 3, "a call behind the upload");
  return {
    finish: gate.resolve,
    answer: answer.then((bytes) => bytes === 7 ? "finished" : `${bytes} bytes`),
  };
}

/** A slow call that has begun: the server noted it. */
async function beginSlow(app) {
  const ticket = `sigterm-${crypto.randomUUID()}`;
  const journal = app.call.journal({ ticket });
  const answer = app.call.slow({ seconds: 1, ticket });
  for await (const { event } of journal) {
    if (event === "started") break;
  }
  return { finish: () => {}, answer: answer.then((text) => text === "worked for 1 s" ? "finished" : text) };
}

/** Waits until the server refuses calls by POST: 503, or nobody listens any more. */
async function refused(url) {
  const request = { method: "POST", body: '{"a":1,"b":2}', headers: { "content-type": "application/json" } };
  for (const end = Date.now() + PATIENCE; Date.now() < end;) {
    const status = await fetch(url, request).then((response) => response.status, () => 0);
    if (status === 503 || status === 0) return;
  }
  throw new Error("it went on to accept calls");
}

async function within(work, ms, what) {
  let timer;
  const late = new Promise((_, reject) =>
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${ms} ms`)), ms)
  );
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function equal(actual, expected, what) {
  if (actual !== expected) throw new Error(`${what}: expected ${expected}, got ${actual}`);
}
