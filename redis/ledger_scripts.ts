/**
 * The steps of the ledger that must be atomic, as scripts.
 *
 * A claim is a hash: `h` of the call, `m` milliseconds that it is kept, `o` who claimed it, `s` once it was settled, and `r`, its reply. A step that is sent
 * again may come when somebody else has the key, so each says who it is, and what is not its own is left alone.
 *
 * @module
 */
import { PUSH, type Script, script } from "./scripts.ts";

/**
 * Claims a key. KEYS: the claim. ARGV: hash, ms, who claims: who asks again, since the answer was lost, has claimed it. Answers `new`, `running`, `done` with
 * the reply, `gone` or `other`.
 */
export const CLAIM: Script = script(`#!lua
local held = redis.call('HMGET', KEYS[1], 'h', 's', 'r', 'o')
if not held[1] or (not held[2] and held[4] == ARGV[3]) then
  redis.call('HSET', KEYS[1], 'h', ARGV[1], 'm', ARGV[2], 'o', ARGV[3])
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return {'new'}
end
if held[1] ~= ARGV[1] then return {'other'} end
if held[3] then return {'done', held[3]} end
return {held[2] and 'gone' or 'running'}
`);

/** Renews a claim that runs. KEYS: the claim. ARGV: who claimed it, ms. */
export const RENEW: Script = script(`#!lua flags=allow-oom
local held = redis.call('HMGET', KEYS[1], 's', 'o')
if not held[1] and held[2] == ARGV[1] then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 0
`);

const SETTLE_STEP = `
${PUSH}
local held = redis.call('HMGET', KEYS[1], 's', 'm', 'o')
if held[1] or held[3] ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 's', '1')
if ARGV[2] then redis.call('HSET', KEYS[1], 'r', ARGV[2]) end
redis.call('PEXPIRE', KEYS[1], held[2])
push_to(KEYS[1], 'settled')
return 1
`;

/** Keeps a reply. KEYS: the claim. ARGV: who claimed it, the reply. */
export const SETTLE: Script = script(`#!lua\n${SETTLE_STEP}`);

/** Notes that a call has run, though there is no room for its reply. KEYS: the claim. ARGV: who claimed it. */
export const SETTLE_GONE: Script = script(`#!lua flags=allow-oom\n${SETTLE_STEP}`);

/** Gives a claim back. KEYS: the claim. ARGV: who claimed it. */
export const FORGET: Script = script(`#!lua flags=allow-oom
${PUSH}
local held = redis.call('HMGET', KEYS[1], 's', 'o')
if held[1] or held[2] ~= ARGV[1] then return 0 end
redis.call('UNLINK', KEYS[1])
push_to(KEYS[1], 'forgotten')
return 1
`);

/** All of them. */
export const LEDGER_SCRIPTS: readonly Script[] = [CLAIM, RENEW, SETTLE, SETTLE_GONE, FORGET];
