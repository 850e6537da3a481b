/** How a redis-server is started. */
export interface RedisOptions {
  /** Lines of redis.conf, such as `appendonly yes`. */
  readonly config?: readonly string[];
  /** A free one where it is left out. */
  readonly port?: number;
  /** The port of its master. */
  readonly replicaOf?: number;
}

/** One redis-server. Made by {@linkcode startRedis}. */
export class RedisServer {
  private constructor();
  /** The path of redis-server. */
  readonly binary: string;
  /** Its port on 127.0.0.1; the same in all its lives. */
  readonly port: number;
  /** Its folder: dump.rdb and appendonlydir live here, and survive {@linkcode RedisServer.restart}. */
  readonly folder: string;
  /** 0 while it does not run. */
  readonly pid: number;
  /** `redis://127.0.0.1:PORT`. */
  get url(): string;
  /** What it has printed, over all its lives. */
  output(): string;
  /** Starts it again, with the same port and folder; answered when it answers. */
  start(): Promise<void>;
  /** Sends one command on a connection of its own; rejects with the server's error. */
  // deno-lint-ignore no-explicit-any
  ask(...args: (string | number)[]): Promise<any>;
  /** Ends it as a power cut does: nothing more is written. */
  kill(): Promise<void>;
  /** SIGSTOP holds it still with its sockets open, SIGCONT goes on. */
  signal(name: "SIGSTOP" | "SIGCONT" | "SIGKILL" | "SIGTERM"): void;
  /** Kills it and starts it again with what its folder holds: nothing, unless `config` says so. */
  restart(): Promise<void>;
  /** Another server that follows this one, answered when it is in step. */
  replica(config?: readonly string[]): Promise<RedisServer>;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

/** Starts a redis-server; answered when it answers. */
export function startRedis(options?: RedisOptions): Promise<RedisServer>;

/** Starts a cluster of one node that has all slots. */
export function startCluster(config?: readonly string[]): Promise<RedisServer>;
