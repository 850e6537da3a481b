// @ts-self-types="./redis.d.mts"
// A redis-server of one's own for scripts and tests, under Node, Deno and Bun: on a free port of the loopback,
// in a folder of its own, gone when the program that started it is gone, however that ended.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { freePort } from "./ports.mjs";
import { ask } from "./redis_wire.mjs";
import { redisServer } from "./setup.mjs";

/**
 * Runs "$@" beside a shell that reads our end of a pipe: the pipe ends when we do, SIGKILL included, and then so
 * do the server and its folder, "$0". First it prints the server's pid.
 */
const KEEPER = 'exec 3<&0; "$@" </dev/null 3<&- & p=$!; echo "$p"; ' +
  '(read _ <&3; kill -9 "$p"; rm -rf "$0") >/dev/null 2>&1 & w=$!; wait "$p"; kill "$w"';

/** What every server gets; a line of `config` with the same name overrides it. */
const DEFAULTS = ['save ""', "enable-debug-command local", "repl-diskless-sync-delay 0"];

/** How long a server may take to answer, or to end, before that is an error. */
const PATIENCE = 20_000;

/**
 * @typedef {object} RedisOptions
 * @property {readonly string[]} [config]  lines of redis.conf, such as `appendonly yes`
 * @property {number} [port]  a free one where it is left out
 * @property {number} [replicaOf]  the port of its master
 */

/** One redis-server. Made by {@link startRedis}. */
export class RedisServer {
  /** @type {import("node:child_process").ChildProcess | undefined} */
  #child;
  #output = "";
  /** @type {Promise<void>} */
  #ended = Promise.resolve();

  /** @param {string} binary @param {number} port @param {readonly string[]} config */
  constructor(binary, port, config) {
    /** @type {string} */
    this.binary = binary;
    /** @type {number} */
    this.port = port;
    /** Its folder: dump.rdb and appendonlydir live here, and survive `restart()`. @type {string} */
    this.folder = mkdtempSync(join(tmpdir(), "millrace-redis-"));
    /** 0 while it does not run. @type {number} */
    this.pid = 0;
    const lines = [...DEFAULTS, ...config, `port ${port}`, "bind 127.0.0.1", `dir ${this.folder}`];
    writeFileSync(join(this.folder, "redis.conf"), lines.join("\n") + "\n");
  }

  /** @returns {string} */
  get url() {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** What it has printed, over all its lives. @returns {string} */
  output() {
    return this.#output;
  }

  /** Starts it (again), with the same port and folder; answered when it answers. @returns {Promise<void>} */
  async start() {
    if (this.pid !== 0) throw new Error("Cannot start Redis: it runs already");
    const args = ["-c", KEEPER, this.folder, this.binary, join(this.folder, "redis.conf")];
    const child = spawn("/bin/sh", args, { stdio: ["pipe", "pipe", "pipe"] });
    this.#child = child;
    child.stdin.on("error", () => {}); // it has ended: `exit` says so
    this.#ended = new Promise((resolve) => {
      child.on("error", (error) => this.#output += `(cannot run /bin/sh: ${error.message})\n`);
      child.on("close", () => {
        this.pid = 0;
        resolve();
      });
    });
    child.stderr.setEncoding("utf8").on("data", (text) => this.#output += text);
    this.pid = await new Promise((resolve, reject) => {
      this.#ended.then(() => reject(new Error(`Cannot start ${this.binary}\n${this.#output}`)));
      let said = "";
      child.stdout.setEncoding("utf8").on("data", (text) => {
        this.#output += text;
        if (!said.includes("\n") && (said += text).includes("\n")) resolve(Number.parseInt(said, 10));
      });
    });
    await this.#answers();
  }

  /**
   * Sends one command on a connection of its own.
   *
   * @param {...(string | number)} args
   * @returns {Promise<any>} rejects with the server's error
   */
  ask(...args) {
    return ask(this.port, args.map(String));
  }

  /** Ends it as a power cut does: nothing more is written. @returns {Promise<void>} */
  async kill() {
    this.signal("SIGKILL");
    await this.#ended;
  }

  /** SIGSTOP holds it still with its sockets open, SIGCONT goes on. @param {NodeJS.Signals} name */
  signal(name) {
    if (this.pid !== 0) process.kill(this.pid, name);
  }

  /** Kills it and starts it again with what its folder holds: nothing, unless `config` says so. @returns {Promise<void>} */
  async restart() {
    await this.kill();
    await this.start();
  }

  /** Another server that follows this one, answered when it is in step. @param {readonly string[]} [config] @returns {Promise<RedisServer>} */
  async replica(config = []) {
    const replica = await startRedis({ config, replicaOf: this.port });
    for (const end = Date.now() + PATIENCE;;) {
      const info = String(await replica.ask("INFO", "replication"));
      if (info.includes("master_link_status:up")) return replica;
      if (Date.now() > end) throw new Error(`Redis: a replica is not in step after ${PATIENCE} ms\n${info}`);
      await pause(20);
    }
  }

  /** Ends it and removes its folder. @returns {Promise<void>} */
  async stop() {
    await this.kill();
    this.#child?.stdin?.destroy();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #answers() {
    for (const end = Date.now() + PATIENCE;;) {
      if (this.pid === 0) throw new Error(`Cannot start ${this.binary}\n${this.#output}`);
      const answer = await ask(this.port, ["PING"], 1_000).catch((error) => error);
      if (answer === "PONG") return;
      if (Date.now() > end) throw new Error(`Redis does not answer: ${answer}\n${this.#output}`);
      await pause(10);
    }
  }
}

/**
 * Starts a redis-server; answered when it answers.
 *
 * @param {RedisOptions} [options]
 * @returns {Promise<RedisServer>}
 */
export async function startRedis({ config = [], port, replicaOf } = {}) {
  const lines = replicaOf === undefined ? config : [...config, `replicaof 127.0.0.1 ${replicaOf}`];
  const server = new RedisServer(await redisServer(), port ?? (await freePort()), lines);
  try {
    await server.start();
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

/**
 * Starts a cluster of one node that has all slots.
 *
 * @param {readonly string[]} [config]
 * @returns {Promise<RedisServer>}
 */
export async function startCluster(config = []) {
  const server = await startRedis({ config: [...config, "cluster-enabled yes"] });
  await server.ask("CLUSTER", "ADDSLOTSRANGE", 0, 16_383);
  for (const end = Date.now() + PATIENCE;;) {
    const info = String(await server.ask("CLUSTER", "INFO"));
    if (info.includes("cluster_state:ok")) return server;
    if (Date.now() > end) {
      throw new Error(`Redis: a cluster of one is not ready after ${PATIENCE} ms\n${info}`);
    }
    await pause(20);
  }
}

/** @param {number} ms @returns {Promise<void>} */
function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
