/**
 * Whether the user of a Redis may do what channels need. A script that is not allowed a command ends where it is, with what it has stored; so that is found out
 * before there is anything to store. Redis 7 gives a user no channels unless it is told to (`acl-pubsub-default resetchannels`).
 *
 * @module
 */
import { backKey, channelKeys, claimKey, inDatabase, indexKey, presenceKeys } from "./keys.ts";
import { type RedisLink, RedisReplyError } from "./link.ts";
import { script } from "./scripts.ts";

/** Keys of one hash tag, and what is done with them. */
interface Tried {
  readonly keys: readonly string[];
  /** The first ones, {@linkcode CLEANING}, take away and let go: where one of them may not be done nothing is written. */
  readonly commands: readonly (readonly string[])[];
}

const CLEANING = 3;
/** Names that are tried on a node of a Cluster until one is of a slot that it has. */
const MOST_NAMES = 64;
/** Milliseconds that what is written would live, were it not taken away at once. */
const SHORT = "1000";

/**
 * Tries commands. KEYS: those that they touch. ARGV: how many of them come first, and all as JSON. Answers what failed, each as its name and why.
 *
 * Memory that is full is no reason to refuse the start: `allow-oom`.
 */
const TRY = script(`#!lua flags=allow-oom
local failed = {}
for i, command in ipairs(cjson.decode(ARGV[2])) do
  local reply = redis.pcall(unpack(command))
  if type(reply) == 'table' and reply.err then
    failed[#failed + 1] = command[1]
    failed[#failed + 1] = reply.err
  end
  if i == tonumber(ARGV[1]) and #failed > 0 then return failed end
end
redis.pcall('UNLINK', unpack(KEYS))
return failed
`);

/** What the scripts of channels do, in the names of one that nobody has. */
export function triedOfChannel(prefix: string, nobodys: string): Tried {
  const { life, entries, bodies, producers, pushes } = channelKeys(prefix, nobodys);
  return {
    keys: [life, entries, bodies, producers],
    commands: [
      ["DEL", producers],
      ["UNLINK", entries],
      ["PEXPIRE", entries, SHORT],
      ["TIME"],
      ["SET", life, "", "PX", SHORT],
      ["GET", life],
      ["XADD", entries, "MAXLEN", "=", "1", "1-0", "h", ""],
      ["PEXPIRE", entries, SHORT],
      ["XLEN", entries],
      ["XRANGE", entries, "-", "+"],
      ["XREVRANGE", entries, "+", "-"],
      ["XTRIM", entries, "MINID", "1-0"],
      ["HSET", producers, "e", ""],
      ["PEXPIRE", producers, SHORT],
      ["HMGET", producers, "e"],
      ["HGET", bodies, "1"],
      ["HLEN", bodies],
      ["HDEL", bodies, "1"],
      ["SPUBLISH", pushes, ""],
      ["PUBLISH", pushes, ""],
    ],
  };
}

/** What those of the ledger do, in the names of a key that nobody has. */
export function triedOfCall(prefix: string, nobodys: string): Tried {
  const claim = claimKey(prefix, nobodys);
  return {
    keys: [claim, backKey(claim, nobodys)],
    commands: [
      ["DEL", claim],
      ["UNLINK", claim],
      ["PEXPIRE", claim, SHORT],
      ["EXISTS", claim],
      ["HSET", claim, "h", ""],
      ["PEXPIRE", claim, SHORT],
      ["HMGET", claim, "h"],
      ["SET", backKey(claim, nobodys), "", "PX", SHORT],
      ["SPUBLISH", claim, ""],
      ["PUBLISH", claim, ""],
    ],
  };
}

/** What those of presence do, in the names of a channel that nobody has. */
export function triedOfPresence(prefix: string, nobodys: string): Tried {
  const { state, members, names, nodes, pushes } = presenceKeys(prefix, nobodys);
  return {
    keys: [state, members, names, nodes],
    commands: [
      ["HDEL", members, "a"],
      ["UNLINK", members],
      ["PEXPIRE", members, SHORT],
      ["ZREM", names, "a"],
      ["TIME"],
      ["SET", state, "", "PX", SHORT],
      ["GET", state],
      ["HSET", members, "a", ""],
      ["PEXPIRE", members, SHORT],
      ["HGET", members, "a"],
      ["HMGET", members, "a"],
      ["HGETALL", members],
      ["HLEN", members],
      ["ZADD", names, "0", "a"],
      ["PEXPIRE", names, SHORT],
      ["ZCARD", names],
      ["ZSCORE", nodes, "a"],
      ["ZRANGEBYSCORE", nodes, "-inf", "0"],
      ["ZRANGEBYLEX", names, "-", "+"],
      ["SPUBLISH", pushes, ""],
      ["PUBLISH", pushes, ""],
    ],
  };
}

/** What the names of a pattern take, in the name of one that nobody has. */
export function triedOfNames(prefix: string, nobodys: string): Tried {
  const index = indexKey(prefix, nobodys);
  return {
    keys: [index],
    commands: [
      ["DEL", index],
      ["UNLINK", index],
      ["PEXPIRE", index, SHORT],
      ["ZADD", index, "1", ""],
      ["PEXPIRE", index, SHORT],
      ["PTTL", index],
      ["ZSCORE", index, ""],
      ["ZMSCORE", index, ""],
      ["ZRANGEBYSCORE", index, "-inf", "0", "LIMIT", "0", "8"],
      ["ZREM", index, ""],
      ["ZSCAN", index, "0", "COUNT", "1"],
      ["SPUBLISH", index, ""],
      ["PUBLISH", index, ""],
    ],
  };
}

/** Answers after which it is to be tried again. */
const AGAIN: readonly string[] = ["LOADING", "READONLY", "MASTERDOWN", "TRYAGAIN", "BUSY", "NOSCRIPT"];

/** What Redis says in a script where its user, or nobody, may do something. It has a code from 7.2 on. */
const REFUSAL = /NOPERM|permission|user executing the script|unknown .*command/i;

/** What is needed to try. */
export interface TryingParts {
  /** Redis. */
  readonly link: RedisLink;
  /** What all names begin with, as the user gave it. */
  readonly prefix: string;
  /** The number of the database. */
  readonly database: number;
  /** What no channel and no key is called. */
  readonly nobodys: string;
}

/**
 * Tries all that channels need, and leaves nothing behind. What cannot be tried now, as where there are too few replicas, is not: calls need no Redis, and a node has
 * to start.
 *
 * @throws {Error} Which rights are missing.
 * @throws {RedisReplyError | RedisLostError} It could not be tried, and may be in a moment.
 */
export async function tryRights({ link, prefix, database, nobodys }: TryingParts): Promise<void> {
  const named = inDatabase(prefix, database);
  const missing = new Missing(prefix);
  /** Answers the name that it was tried with: one whose slot this server has, if it is of a Cluster. */
  const run = async (made: (prefix: string, nobodys: string) => Tried): Promise<string | undefined> => {
    for (let n = 0; n < MOST_NAMES; n++) {
      const name = `${nobodys} ${n}`;
      const { keys, commands } = made(named, name);
      const args = [String(keys.length), ...keys, String(CLEANING), JSON.stringify(commands)];
      const reply = await allowed(missing, link.command(["EVALSHA", await TRY.sha, ...args]));
      if (reply === "MOVED") continue;
      const failed = Array.isArray(reply) ? reply as string[] : [];
      for (let i = 0; i < failed.length; i += 2) {
        if (REFUSAL.test(failed[i + 1]!)) missing.add(failed[i + 1]!, failed[i]!);
      }
      return name;
    }
    return undefined;
  };
  await allowed(missing, link.command(["SCRIPT", "LOAD", TRY.source]));
  const tried = [triedOfChannel, triedOfCall, triedOfNames, triedOfPresence];
  const [name] = await Promise.all(tried.map(run));
  if (name !== undefined) await allowed(missing, subscribe(link, channelKeys(named, name).pushes));
  const error = missing.error();
  if (error !== undefined) throw error;
}

/** The reply, or the code of a refusal; one for want of a right is noted. */
async function allowed<T>(missing: Missing, reply: Promise<T>): Promise<T | string> {
  try {
    return await reply;
  } catch (error) {
    if (!(error instanceof RedisReplyError) || AGAIN.includes(error.code)) throw error;
    if (error.code === "NOPERM") missing.add(error.message);
    return error.code;
  }
}

/** The error for what a user was refused. */
export function lacking(refusal: RedisReplyError, prefix: string): Error {
  const missing = new Missing(prefix);
  missing.add(refusal.message);
  return missing.error()!;
}

/** On a connection of its own: Bun's client is told of a refusal only where it is the first subscription. */
async function subscribe(link: RedisLink, channel: string): Promise<void> {
  const subscriber = link.subscriber({ message: () => {}, restored: () => {}, lost: () => {} });
  try {
    await subscriber.subscribe(channel);
  } finally {
    await subscriber.close();
  }
}

/** Rights that are missing, as ACL SETUSER takes them. */
class Missing {
  readonly #prefix: string;
  readonly #rights = new Set<string>();
  #why: string | undefined;

  /** @param prefix As the user gave it. */
  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /**
   * Adds one.
   *
   * @param why What Redis says.
   * @param command What was refused, where Redis does not say it.
   */
  add(why: string, command = "?"): void {
    this.#why ??= why;
    const [, named = command] = /'([^']+)' (?:sub)?command/.exec(why) ?? [];
    const isCommand = /command or subcommand|to run|unknown .*command/i.test(why);
    if (!isCommand && /channel/i.test(why)) this.#rights.add(`&${this.#prefix}:*`);
    else if (!isCommand && /\bkeys?\b/i.test(why)) this.#rights.add(`~${this.#prefix}:*`);
    else this.#rights.add(`+${named.toLowerCase()}`);
  }

  /** Says so, if some are. */
  error(): Error | undefined {
    if (this.#why === undefined) return undefined;
    return new Error(
      `The user of this Redis may not do what channels need: it lacks ${
        [...this.#rights].join(" ")
      } (${this.#why})`,
    );
  }
}
