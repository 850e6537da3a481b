// Several processes of one app on one Redis: kick() and reauthorize() on one node reach those of the other within a second, and processes that share a port share
// their channels.
import process from "node:process";
import { connect } from "../../client/mod.ts";
import { start } from "../../tools/child.mjs";
import { freePort, listens } from "../../tools/ports.mjs";
import { startRedis } from "../../tools/redis.mjs";
import { root, runtimes } from "../../tools/setup.mjs";

const APP = "tools/faults/redis/app.ts";
/** What an order may take, in milliseconds. */
const SOON = 1_000;
/** What anything may take that is not measured. */
const PATIENCE = 30_000;
/** Processes, or threads of one, on one port. */
const PROCESSES = 4;
/** Clients that come to such a port at once, and all that come until they are in two processes. */
const CLIENTS = 24;
const MOST_CLIENTS = 240;

const rt = await runtimes();
const redis = await startRedis();
const counts = { passed: 0, failed: 0 };
const children = [];
const clients = [];
try {
  const nodes = { deno: await serve("deno"), bun: await serve("bun") };
  for (const [from, to] of [["deno", "bun"], ["bun", "deno"]]) {
    await it(`kick() on the ${from} node reaches the ${to} node`, () => kicks(nodes[from], nodes[to]));
    await it(`reauthorize() on the ${from} node reaches the ${to} node`, () => silences(nodes, from, to));
  }
  await it("deno serve --parallel: its threads share channels", async () => {
    return await shares(await serve("deno", { args: ["--parallel"], env: { DENO_JOBS: String(PROCESSES) } }));
  });
  await it("bun, reusePort: processes on one port share channels", async () => {
    const port = await freePort();
    for (let i = 0; i < PROCESSES; i++) await serve("bun", { port, env: { REUSE_PORT: "1" } });
    return await shares(port);
  });
} catch (error) {
  counts.failed++;
  console.log(`FAILED  ${error.stack}\n${children.map((child) => child.output()).join("\n")}`);
} finally {
  await Promise.all(clients.map((client) => client.close()));
  await Promise.all(children.map((child) => child.stop()));
  await redis.stop();
}
console.log(`${counts.passed} passed, ${counts.failed} failed`);
process.exit(counts.failed === 0 ? 0 : 1);

/** Starts a process, and gives its port. */
async function serve(name, { port, args = [], env = {} } = {}) {
  const at = port ?? (await freePort());
  const serving = name === "deno"
    ? ["serve", "-A", "--no-lock", "--no-check", ...args, "--port", String(at), APP]
    : [APP];
  const child = start(rt[name], serving, {
    cwd: root,
    env: { PORT: String(at), REDIS_PORT: String(redis.port), ...env },
  });
  children.push(child);
  if (!(await listens(at, PATIENCE))) throw new Error(`${name} does not listen\n${child.output()}`);
  return at;
}

/** Who is kicked there is closed, with the code, and may not be kept waiting; somebody else stays. */
async function kicks(from, to) {
  const [ada, bob] = await Promise.all([open(to), open(to)]);
  const closed = new Promise((resolve) => {
    ada.client.on("state", ({ status, reason }) => status === "closed" && resolve(reason.code));
  });
  const begun = performance.now();
  await tell(from, { kick: ada.name });
  equal(await inTime(closed, "the end of who was kicked"), 4403, "the code");
  const ms = performance.now() - begun;
  atMost(ms, SOON, "milliseconds from kick() to the end on the other node");
  equal(bob.client.state.status, "open", "somebody else");
  return `${ms.toFixed(0)} ms`;
}

/** Who may no longer subscribe gets nothing from then on, though both nodes publish fifty times a second; somebody else gets all. */
async function silences(nodes, from, to) {
  const [ada, bob] = await Promise.all([open(nodes[to]), open(nodes[to])]);
  const room = { id: `${from}-${to}` };
  const heard = { ada: 0, bob: 0 };
  const refused = Promise.withResolvers();
  const listen = (who, name) =>
    who.client.channel("room/:id", room).subscribe({ onError: refused.resolve }, (event) => {
      if (event.type === "message") heard[name] = performance.now();
    }).ready();
  await inTime(Promise.all([listen(ada, "ada"), listen(bob, "bob")]), "subscribing");
  let isOver = false;
  const publishing = Promise.all(
    Object.values(nodes).map(async (port) => {
      for (let i = 0; !isOver; i++) {
        await tell(port, { publish: `${port} ${i}`, id: room.id });
        await pause(20);
      }
    }),
  );
  try {
    for (const port of Object.values(nodes)) await tell(port, { ban: ada.name });
    await inTime(until(() => heard.ada > 0 && heard.bob > 0), "publications");
    const begun = performance.now();
    await tell(nodes[from], { reauthorize: "" });
    const { code } = await inTime(refused.promise, "being refused");
    const ms = performance.now() - begun;
    equal(code, "NOT_FOUND", "how it ends");
    await inTime(until(() => heard.bob > begun + 1.5 * SOON), "publications after it");
    atMost(ms, SOON, "milliseconds from reauthorize() to the end on the other node");
    atMost(heard.ada - begun, SOON, "milliseconds from reauthorize() to the last publication");
    return `told after ${ms.toFixed(0)} ms, the last publication after ${
      Math.max(0, heard.ada - begun).toFixed(0)
    } ms`;
  } finally {
    isOver = true;
    await publishing;
  }
}

/** Clients that came to different processes of one port get what any of them publishes: in one order, once. */
async function shares(port) {
  await inTime(allServe(port), `${PROCESSES} processes on one port`);
  const all = [];
  const where = new Set();
  // Which one takes a connection is the kernel's choice: under Deno often the same.
  while (where.size < 2 && all.length < MOST_CLIENTS) {
    const some = await Promise.all(Array.from({ length: CLIENTS }, () => open(port)));
    for (const { client } of some) where.add(await inTime(client.call.where(), "where()"));
    all.push(...some);
  }
  if (where.size < 2) throw new Error(`All ${all.length} clients came to one of the processes`);
  const heard = all.map(() => []);
  const room = { id: `port-${port}` };
  await inTime(
    Promise.all(
      all.map(({ client }, i) =>
        client.channel("room/:id", room).subscribe((event) =>
          heard[i].push(`${event.type} ${event.data?.value}`)
        )
          .ready()
      ),
    ),
    "subscribing",
  );
  await inTime(
    Promise.all(all.map(({ client }, i) => client.channel("room/:id", room).publish({ value: `${i}` }))),
    "publishing",
  );
  await inTime(until(() => heard.every(({ length }) => length >= all.length)), "publications");
  const values = all.map((_, i) => `message ${i}`).sort();
  equal(JSON.stringify(heard[0].toSorted()), JSON.stringify(values), "what came");
  for (const one of heard) equal(one.join(), heard[0].join(), "the order");
  return `${all.length} clients in ${where.size} of ${PROCESSES}`;
}

/** The first that listens is not the last: connections come to all of them, in time. */
async function allServe(port) {
  const seen = new Set();
  for (const end = performance.now() + PATIENCE; seen.size < PROCESSES && performance.now() < end;) {
    const headers = { connection: "close" }; // each time another connection
    seen.add((await (await fetch(`http://127.0.0.1:${port}/faults`, { headers })).json()).node);
  }
  equal(seen.size, PROCESSES, "processes that serve");
}

/** A client that is connected. */
async function open(port) {
  const name = crypto.randomUUID();
  const client = connect(`ws://127.0.0.1:${port}/rpc`, { token: name });
  clients.push(client);
  await inTime(client.ready(), "connecting");
  return { name, client };
}

async function tell(port, query) {
  const answer = await fetch(`http://127.0.0.1:${port}/faults?${new URLSearchParams(query)}`);
  if (!answer.ok) throw new Error(`/faults: ${await answer.text()}`);
}

async function it(name, run) {
  try {
    console.log(`ok      ${name}: ${await run()}`);
    counts.passed++;
  } catch (error) {
    counts.failed++;
    console.log(`FAILED  ${name}: ${error.stack}`);
  }
}

async function until(holds) {
  for (const end = performance.now() + PATIENCE; !holds() && performance.now() < end;) {
    await pause(5);
  }
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function inTime(done, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`${what}: not within ${PATIENCE / 1_000} s`)),
      PATIENCE + 1_000,
    );
  });
  try {
    return await Promise.race([done, late]);
  } finally {
    clearTimeout(timer);
  }
}

function equal(is, wanted, what) {
  if (is !== wanted) throw new Error(`${what}: ${is} instead of ${wanted}`);
}

function atMost(is, most, what) {
  if (!(is <= most)) throw new Error(`${what}: ${is}, more than ${most}`);
}
