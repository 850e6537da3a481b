// One Redis, two nodes of one app on it (one under Deno, one under Bun), each behind a gate of its own, and a balancer before them.
// @ts-types="../../child.d.mts"
import { type Child, start } from "../../child.mjs";
// @ts-types="../../ports.d.mts"
import { freePort, listens } from "../../ports.mjs";
// @ts-types="../../redis.d.mts"
import { type RedisServer, startRedis } from "../../redis.mjs";
// @ts-types="../../setup.d.mts"
import { root, runtimes } from "../../setup.mjs";
import type { Report } from "./app.ts";
import { Balancer } from "./balancer.ts";
import { Gate } from "./gate.ts";

const APP = "tools/faults/redis/app.ts";

/** One process that serves the app. */
export class Node {
  readonly runtime: "deno" | "bun";
  readonly port: number;
  readonly gate: Gate;
  /** Whether it serves. */
  isUp = false;
  #child: Child | undefined;

  /** Does not run yet. */
  constructor(runtime: "deno" | "bun", port: number, gate: Gate) {
    this.runtime = runtime;
    this.port = port;
    this.gate = gate;
  }

  /** Starts it, again after it was killed; answered when it serves. */
  async start(): Promise<void> {
    const port = String(this.port);
    const args = this.runtime === "deno"
      ? ["serve", "-A", "--no-lock", "--no-check", "--port", port, APP]
      : [APP];
    const env = { PORT: port, REDIS_PORT: String(this.gate.port), STDIN: "1" };
    const child = this.#child = start((await runtimes())[this.runtime], args, {
      cwd: root,
      env,
      listens: true,
    });
    if (!await listens(this.port, 30_000)) {
      throw new Error(`The node under ${this.runtime} does not listen\n${child.output()}`);
    }
    this.isUp = true;
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    this.isUp = false;
    await this.#child?.stop();
  }

  /** What it has printed. */
  output(): string {
    return this.#child?.output() ?? "";
  }

  /** What it tells of itself, after it has done what the query says. */
  async ask(query: Record<string, string> = {}): Promise<Report> {
    const url = `http://127.0.0.1:${this.port}/faults?${new URLSearchParams(query)}`;
    return await (await fetch(url)).json() as Report;
  }
}

/** All of it. */
export class Cluster {
  redis: RedisServer;
  readonly nodes: readonly [Node, Node];
  readonly balancer: Balancer;
  readonly #servers = new Set<RedisServer>();

  private constructor(redis: RedisServer, nodes: readonly [Node, Node], balancer: Balancer) {
    this.redis = redis;
    this.nodes = nodes;
    this.balancer = balancer;
    this.#servers.add(redis);
  }

  /** Starts all, with these lines of redis.conf. */
  static async open(config: string[] = []): Promise<Cluster> {
    const redis = await startRedis({ config });
    const node = async (runtime: "deno" | "bun") =>
      new Node(runtime, await freePort(), await Gate.open(redis.port));
    const nodes = [await node("deno"), await node("bun")] as const;
    const cluster = new Cluster(redis, nodes, new Balancer());
    cluster.balancer.targets = nodes.map(({ port }) => port);
    try {
      await Promise.all(nodes.map((one) => one.start()));
    } catch (error) {
      await cluster.close();
      throw error;
    }
    return cluster;
  }

  /** Another server is used as well, and ends with the rest. */
  add(server: RedisServer): void {
    this.#servers.add(server);
  }

  /** Ends all. */
  async close(): Promise<void> {
    this.balancer.close();
    await Promise.all(this.nodes.map((node) => node.kill()));
    for (const { gate } of this.nodes) gate.close();
    await Promise.all([...this.#servers].map((server) => server.stop()));
  }
}
