/**
 * Names of channels by their pattern: a sorted set, whose scores say until when each is known, in milliseconds since 1970. It is in no slot of its channels, so the
 * script that appends writes it as a key that it has not named. In a Cluster that fails: then the name is listed in a second step.
 *
 * @module
 */
import { LIST_NAME } from "./list_name.ts";
import { PUSH, type Script, script } from "./scripts.ts";

/** Gives a part of the names. KEYS: the set. ARGV: where the last part ended ('0' at first), and about how many. Answers where this one ends, and names. */
export const NAMES: Script = script(`#!lua flags=no-writes
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local found = redis.call('ZSCAN', KEYS[1], ARGV[1], 'COUNT', ARGV[2])
local reply = {found[1]}
for i = 1, #found[2], 2 do
  if tonumber(found[2][i + 1]) > now then reply[#reply + 1] = found[2][i] end
end
return reply
`);

/** Which names are known. KEYS: the set. ARGV: names. */
export const KNOWN: Script = script(`#!lua flags=no-writes
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local scores = redis.call('ZMSCORE', KEYS[1], unpack(ARGV))
local reply = {}
for i, score in ipairs(scores) do
  if score and tonumber(score) > now then reply[#reply + 1] = ARGV[i] end
end
return reply
`);

/** Lists a name, where the script that appends cannot. KEYS: the set. ARGV: the name, 1 where it is the first publication, and for how many milliseconds. */
export const ADD: Script = script(`#!lua
${PUSH}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function int(n) return string.format('%.0f', n) end
${LIST_NAME}
return list_name(KEYS[1], ARGV[1], ARGV[2] == '1', tonumber(ARGV[3]))
`);

/** What is loaded. */
export const DIRECTORY_SCRIPTS: readonly Script[] = [NAMES, KNOWN, ADD];
