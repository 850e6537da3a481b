/**
 * Whether a server can carry channels, and which it is.
 *
 * @module
 */
import type { Clock } from "../rpc/clock.ts";
import { LATER, unavailable } from "./commands.ts";
import { type RedisLink, RedisLostError, RedisReplyError } from "./link.ts";
import { lacking } from "./rights.ts";

/** What a server says of itself. */
export interface ServerInfo {
  /** Changes when another server takes over, and when this one begins anew: what was there may be gone. */
  readonly history: string;
  /** The number of the database that the connection uses. Pushes know no databases: what is pushed in one is heard in all. */
  readonly database: number;
  /** Whether it follows another, and takes no writes. */
  readonly isReplica: boolean;
}

/** The oldest version: sharded pub/sub, and scripts that say what they do, are of 7.0. */
const OLDEST = 7;

/**
 * Asks a server what it is.
 *
 * @throws {Error} It cannot carry channels, and why.
 * @throws {RedisReplyError | RedisLostError} It did not say.
 */
export async function askServer(link: RedisLink): Promise<ServerInfo> {
  const told = readInfo(String(await link.command(["INFO"])));
  const version = told.get("redis_version") ?? "?";
  if (!(Number.parseInt(version) >= OLDEST)) {
    throw new Error(
      `Channels need Redis ${OLDEST}.0 or newer, or what is compatible with it: this is ${version}`,
    );
  }
  // Of a server that does not say whether it evicts it is not known: what is hosted may not say all.
  const [most = "0", policy = "noeviction"] = [told.get("maxmemory"), told.get("maxmemory_policy")];
  if (most !== "0" && policy !== "noeviction") {
    throw new Error(
      `Redis must not evict what channels stand on: its maxmemory-policy is "${policy}", and must be "noeviction"`,
    );
  }
  const [, database] = /\bdb=(\d+)/.exec(String(await link.command(["CLIENT", "INFO"]))) ?? [];
  return {
    database: Number(database ?? 0),
    history: `${told.get("master_replid")} ${told.get("run_id")}`,
    isReplica: told.get("role") === "slave",
  };
}

/** Milliseconds from one attempt to join to the next. */
const PAUSE = 50;

/**
 * Joins a server: waits, in the time that there is, for one that is away, comes and goes, still loads, or is a replica that may be promoted, or give its address to
 * its master.
 *
 * @param prepare What else has to be done there.
 * @throws {Error} It cannot carry channels, or cannot be joined in time, and why.
 */
export async function joinServer(
  { link, clock, timeout, prefix }: { link: RedisLink; clock: Clock; timeout: number; prefix: string },
  prepare: (info: ServerInfo) => Promise<void>,
): Promise<ServerInfo> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  let isLate = false;
  let why: unknown;
  let pause: unknown;
  const timer = clock.setTimeout(() => {
    isLate = true;
    const cause = link.trouble ?? why;
    const told = cause instanceof Error ? cause.message.replace(/^Redis: /, "") : undefined;
    const untold = cause instanceof RedisReplyError ? undefined : link.untold;
    const because = [told, untold].filter((text) => text !== undefined).map((text) => `: ${text}`).join("");
    reject(unavailable(`Redis cannot be reached in ${timeout} ms${because}`, cause));
  }, timeout);
  const join = async (): Promise<ServerInfo> => {
    for (;;) {
      try {
        await link.ready();
        const info = await askServer(link);
        if (info.isReplica) {
          throw new RedisReplyError("READONLY This Redis is a replica: channels need its master");
        }
        await prepare(info);
        return info;
      } catch (error) {
        why = error;
        if (error instanceof RedisReplyError && error.code === "NOPERM") throw lacking(error, prefix);
        if (isLate || !passes(error)) throw error;
        if (error instanceof RedisReplyError && error.code === "READONLY") link.drop(error.message);
        await new Promise<void>((resolve) => pause = clock.setTimeout(resolve, PAUSE));
      }
    }
  };
  try {
    return await Promise.race([late, join()]);
  } finally {
    clock.clearTimeout(timer);
    clock.clearTimeout(pause);
  }
}

/** Whether it may be otherwise in a moment. */
function passes(error: unknown): boolean {
  return error instanceof RedisLostError ||
    (error instanceof RedisReplyError && (LATER.includes(error.code) || error.code === "NOSCRIPT"));
}

/** The lines of INFO. */
export function readInfo(text: string): Map<string, string> {
  const told = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    const colon = line.indexOf(":");
    if (colon > 0) told.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return told;
}
