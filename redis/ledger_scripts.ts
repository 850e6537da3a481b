/**
 * The steps of the ledger that must be atomic, as scripts.
 *
 * A claim is a hash: `h` of the call, `o` who claimed it, `s` once it was settled, and `r`, its reply. A step that is sent again may come when somebody else
 * has the key, so each says who it is, and what is not its own is left alone. Where nobody has the key Redis has lost it, or its time was over while the call
 * ran: it is written anew. A step may also come when its claim was given back, from a connection that was given up with bytes on their way: so what is given
 * back leaves a mark, a key beside the claim's with the name of who had it, and nothing of that claim is written any more.
 *
 * KEYS of all: the claim, the mark of whoever asks.
 *
 * @module
 */
import { PUSH, type Script, script } from "./scripts.ts";

/** What is pushed when a claim is given back. */
export const FORGOTTEN = "forgotten";

/** Looks at who has a key. */
const FOUND = `
local held = redis.call('HMGET', KEYS[1], 'h', 's', 'r', 'o')
local is_free = not held[1]
local is_own = held[4] == ARGV[1] and not held[2]
local function found()
  if held[1] ~= ARGV[2] then return {'other'} end
  if held[3] then return {'done', held[3]} end
  return {held[2] and 'gone' or 'running'}
end
`;

/**
 * Claims a key. ARGV: who claims, hash, ms: who asks again, since the answer was lost, has claimed it. Answers `new`, `running`, `done` with the reply, `gone`,
 * `other`, or `back` when it was given back before it came.
 */
export const CLAIM: Script = script(`#!lua
if redis.call('EXISTS', KEYS[2]) == 1 then return {'back'} end
${FOUND}
if is_free or is_own then
  redis.call('HSET', KEYS[1], 'h', ARGV[2], 'o', ARGV[1])
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
  return {'new'}
end
return found()
`);

/**
 * What there is to say of a key that was refused for lack of memory, which Redis does before it looks. ARGV: who claims, hash. Answers as {@linkcode CLAIM} (`new`
 * where an earlier sending has claimed it), or `full` where nobody has the key.
 */
export const FIND: Script = script(`#!lua flags=allow-oom
${FOUND}
if is_free then return {'full'} end
if is_own then return {'new'} end
return found()
`);

/** Sets `held` to what is settled and who has it. */
const HELD = `
local held = redis.call('HMGET', KEYS[1], 's', 'o')
local function is_back() return redis.call('EXISTS', KEYS[2]) == 1 end
`;

/** Renews a claim that runs. ARGV: who claimed it, hash, ms. */
export const RENEW: Script = script(`#!lua flags=allow-oom
${HELD}
if held[1] or (held[2] and held[2] ~= ARGV[1]) then return 0 end
if not held[2] then
  if is_back() then return 0 end
  redis.call('HSET', KEYS[1], 'h', ARGV[2], 'o', ARGV[1])
end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
`);

/** Answers 1 when it is kept, 0 when the claim was given back, and -1 when somebody else has the key. */
const SETTLE_STEP = `
${PUSH}
${HELD}
if held[2] and held[2] ~= ARGV[1] then return -1 end
if held[1] then return 1 end
if not held[2] and is_back() then return 0 end
redis.call('HSET', KEYS[1], 'h', ARGV[2], 'o', ARGV[1], 's', '1')
if ARGV[4] then redis.call('HSET', KEYS[1], 'r', ARGV[4]) end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
push_to(KEYS[1], 'settled')
return 1
`;

/** Keeps a reply. ARGV: who claimed it, hash, ms, the reply. */
export const SETTLE: Script = script(`#!lua\n${SETTLE_STEP}`);

/** Notes that a call has run, though there is no room for its reply. ARGV: who claimed it, hash, ms. */
export const SETTLE_GONE: Script = script(`#!lua flags=allow-oom\n${SETTLE_STEP}`);

/** Gives a claim back. ARGV: who claimed it, for how many ms what is still on its way may come. */
export const FORGET: Script = script(`#!lua flags=allow-oom
${PUSH}
${HELD}
local is_own = held[2] == ARGV[1]
if is_own and held[1] then return 0 end
redis.call('SET', KEYS[2], '', 'PX', ARGV[2])
if not is_own then return 0 end
redis.call('UNLINK', KEYS[1])
push_to(KEYS[1], '${FORGOTTEN}')
return 1
`);

/** All of them. */
export const LEDGER_SCRIPTS: readonly Script[] = [CLAIM, FIND, RENEW, SETTLE, SETTLE_GONE, FORGET];
