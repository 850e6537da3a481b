/** How a server is started. */
export interface RedisOptions {
  /** Lines of redis.conf. */
  readonly config?: string[];
  /** A free one where it is left out. */
  readonly port?: number;
  /** The port of its master. */
  readonly replicaOf?: number;
}

/** One redis-server. */
export interface RedisServer {
  readonly port: number;
  /** 0 while it does not run. */
  readonly pid: number;
  readonly url: string;
  output(): string;
  start(): Promise<void>;
  // deno-lint-ignore no-explicit-any
  ask(...args: (string | number)[]): Promise<any>;
  kill(): Promise<void>;
  signal(name: string): void;
  restart(): Promise<void>;
  replica(config?: string[]): Promise<RedisServer>;
  stop(): Promise<void>;
}

/** Starts one. */
export function startRedis(options?: RedisOptions): Promise<RedisServer>;
