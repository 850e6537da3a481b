/**
 * Whether a server can carry channels, and which it is.
 *
 * @module
 */
import type { RedisLink } from "./link.ts";

/** What a server says of itself. */
export interface ServerInfo {
  /** Changes when another server takes over, and when this one begins anew: what was there may be gone. */
  readonly history: string;
  /** The number of the database that the connection uses. Pushes know no databases: what is pushed in one is heard in all. */
  readonly database: number;
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
  const policy = told.get("maxmemory_policy");
  if (told.get("maxmemory") !== "0" && policy !== "noeviction") {
    throw new Error(
      `Redis must not evict what channels stand on: its maxmemory-policy is "${policy}", and must be "noeviction"`,
    );
  }
  const [, database] = /\bdb=(\d+)/.exec(String(await link.command(["CLIENT", "INFO"]))) ?? [];
  return { database: Number(database ?? 0), history: `${told.get("master_replid")} ${told.get("run_id")}` };
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
