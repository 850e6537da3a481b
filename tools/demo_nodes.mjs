// The demo as two nodes, one under Deno and one under Bun, on a Redis of their own and behind one address. `/nodes` there belongs to this program, not
// to the app: it lists the nodes, and from this machine they can be stopped and started.
import { balance } from "./balancer.mjs";
import { start } from "./child.mjs";
import { freePort, listens } from "./ports.mjs";
import { startRedis } from "./redis.mjs";
import { root } from "./setup.mjs";

/** How long a node may take to leave once it was asked to, in milliseconds: its calls have two seconds. */
const LEAVING = 5_000;

/** How long a node may take to listen, in milliseconds: a machine that is busy is no reason to give up, and a node that ends is told of at once. */
const STARTING = 60_000;

/** What a node is told to do, from the page or by a key: the last part of the path. */
const ORDERS = {
  start: (node) => node.start(),
  stop: (node) => node.stop("SIGTERM"),
  kill: (node) => node.stop("SIGKILL"),
};

/** One node: the app under one runtime, on a port that it keeps. */
class Node {
  /** The WebSockets that the balancer passes on to it. @type {Set<import("node:net").Socket>} */
  sockets = new Set();
  /** @type {"down" | "starting" | "up" | "leaving"} */
  state = "down";
  port = 0;
  #child;

  /**
   * @param {{ name: string, title: string, serve: (port: number) => Promise<{ command: string, args: string[], env: Record<string, string> }>,
   *   say: (text: string) => void }} options  `title` is that of the runtime
   */
  constructor(options) {
    this.options = options;
    this.name = options.name;
  }

  get isUp() {
    return this.state === "up";
  }

  /** What it said in its last life. */
  output() {
    return this.#child?.output() ?? "";
  }

  /** Starts it; answered when it listens. Nothing where it runs. */
  async start() {
    if (this.state !== "down") return;
    this.state = "starting";
    const { name, title, serve, say } = this.options;
    this.port ||= await freePort();
    const { command, args, env } = await serve(this.port);
    const child = this.#child = start(command, args, {
      cwd: root,
      env: { ...env, MILLRACE_DEMO_NODE: name },
    });
    child.ended.then(() => {
      if (this.state === "leaving") return;
      this.state = "down";
      say(`Node ${name} (${title}) ended by itself:\n${child.output().trim()}`);
    });
    const isListening = await Promise.race([listens(this.port, STARTING), child.ended.then(() => false)]);
    if (this.state !== "starting") return;
    if (!isListening) {
      await this.stop("SIGKILL");
      throw new Error(`Node ${name} does not listen on port ${this.port}\n${child.output()}`);
    }
    this.state = "up";
    say(`Node ${name} (${title}) is up`);
  }

  /** Ends it: by SIGTERM it tells its clients, and its calls in flight may end; by SIGKILL it is gone. Nothing where it does not run. */
  async stop(signal) {
    const child = this.#child;
    if (this.state === "down") return;
    this.state = "leaving"; // from now on new connections go elsewhere
    child.signal(signal);
    const timer = setTimeout(() => child.signal("SIGKILL"), LEAVING);
    await child.ended;
    clearTimeout(timer);
    await child.stop();
    this.state = "down";
    this.options.say(`Node ${this.name} (${this.options.title}) is down`);
  }
}

/**
 * Starts Redis, the nodes, and what stands before them.
 *
 * @param {{ runtimes: Record<string, { title: string, serve: (port: number) => Promise<{ command: string, args: string[], env: Record<string, string> }> }>,
 *   port: number, host?: string, say?: (text: string) => void }} options  one node for each runtime, named A, B…; `host` as in `listen`
 */
export async function startNodes({ runtimes, port, host, say = () => {} }) {
  const redis = await startRedis();
  const nodes = Object.values(runtimes).map(({ title, serve }, at) =>
    new Node({
      name: String.fromCharCode(65 + at),
      title,
      say,
      serve: async (port) => {
        const { env, ...rest } = await serve(port);
        return { ...rest, env: { ...env, MILLRACE_REDIS_URL: redis.url } };
      },
    })
  );
  const balancer = balance(nodes, (request, socket) => answer(nodes, request, socket.remoteAddress ?? ""));
  const close = async () => {
    await Promise.all(nodes.map((node) => node.stop("SIGTERM")));
    await balancer.close();
    await redis.stop();
  };
  try {
    await Promise.all(nodes.map((node) => node.start()));
    await new Promise((resolve, reject) =>
      balancer.server.on("error", reject).listen({ port, ...(host && { host }) }, resolve)
    );
  } catch (error) {
    await close();
    throw error;
  }
  return { nodes, redis, close };
}

/** Answers `/nodes` and `/nodes/NAME/ORDER`. */
async function answer(nodes, { method, path, headers }, address) {
  const [, first, name, order, ...more] = path.split(/[/?]/);
  if (first !== "nodes" || more.length > 0) return undefined;
  const isHere = isLoopback(address) && isLocal(headers);
  if (name === undefined) return { status: 200, body: { nodes: nodes.map(describe), control: isHere } };
  const node = nodes.find((node) => node.name === name);
  if (node === undefined || !Object.hasOwn(ORDERS, order ?? "")) {
    return { status: 404, body: "No such node or order" };
  }
  if (method !== "POST") return { status: 405, body: "Orders are given by POST" };
  if (!isHere) return { status: 403, body: "Nodes are stopped and started from their own machine" };
  await ORDERS[order](node);
  return { status: 200, body: describe(node) };
}

function describe({ name, options, state, sockets }) {
  return { name, runtime: options.title, state, sockets: sockets.size };
}

function isLoopback(address) {
  return /^(::ffff:)?127\.|^::1$/.test(address);
}

/** Whether the program that asks has this page open, or is none: another site in the same browser has another origin, or another name for this address. */
function isLocal(headers) {
  const host = headers.get("host") ?? "";
  if (!/^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/.test(host)) return false;
  const origin = headers.get("origin");
  return origin === undefined || origin === `http://${host}`;
}
