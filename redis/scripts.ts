/**
 * The steps that must be atomic, as scripts.
 *
 * The life of a stream is one string: `EPOCH OFFSET FINGERPRINT AT OLDEST SINCE MS META LEAST`, and `BODIES` behind it where there are any, where `OLDEST` is the first offset that is kept, `SINCE` a time
 * before which no entry that is kept was appended, `MS` how long entries are kept, `META` how long all of it outlives its last use, and `LEAST` the shortest
 * time that the record of a producer was given in this life. Entries are `OFFSET-0` in a stream, with `h` = `FINGERPRINT PREVIOUS AT` and `d` = the data. The
 * two are written together, and live equally long: where their numbers do not fit each other, or they are not what was written, something was lost, and another life begins. Entries are looked at
 * one by one where that can be, since Redis does nothing else while it copies them.
 *
 * Entries of a Redis stream never change, so what may be deleted is no part of them: of a channel whose messages may change `h` goes on with `KIND TARGET PRIOR BY` (see
 * `change_scripts.ts`), `d` is empty, and a hash has the payloads. `BODIES` is how many members that has.
 *
 * Scripts with a head are refused at their start where memory is full, so that none is left half done
 * (https://redis.io/docs/latest/develop/programmability/eval-intro/#eval-flags).
 *
 * @module
 */
import { ADD_BODY, CHECK_CHANGE, READ_BODY } from "./change_scripts.ts";
import { LIST_NAME } from "./list_name.ts";

/** A script. */
export interface Script {
  /** What Redis runs. */
  readonly source: string;
  /** Its name there. */
  readonly sha: Promise<string>;
}

/** Opens the stream: sets `epoch`, `top`, `fp`, `last`, `oldest`, `since`, `kept`, `meta`, `least`, `bodies`, and lets go what is too old. */
const OPEN = `
local LIFE, ENTRIES, BODIES = KEYS[1], KEYS[2], KEYS[3]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function int(n) return string.format('%.0f', n) end
local function id(n) return int(n) .. '-0' end
local epoch, top, fp, last, oldest, since, kept, meta, least
local bodies = 0
local function head_of(offset)
  return redis.call('XRANGE', ENTRIES, id(offset), id(offset))[1][2][2]
end
local function at_of(offset)
  return tonumber(string.match(head_of(offset), '^%d+ %d+ (%d+)'))
end
local function first_from(time)
  local low, high = oldest, top + 1
  while low < high do
    local middle = math.floor((low + high) / 2)
    if at_of(middle) < time then low = middle + 1 else high = middle end
  end
  return low
end
local life = redis.pcall('GET', LIFE)
if type(life) == 'string' then
  local e, o, f, a, s, b, k, m, l, n = string.match(life, '^(%S+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) ?(%d*)$')
  epoch, top, fp, last, oldest = e, tonumber(o), f, tonumber(a), tonumber(s)
  since, kept, meta, least, bodies = tonumber(b), tonumber(k), tonumber(m), tonumber(l), tonumber(n) or 0
  if e and redis.pcall('XLEN', ENTRIES) ~= top - oldest + 1 then epoch = nil end
  if e and bodies > 0 and redis.pcall('HLEN', BODIES) ~= bodies then epoch = nil end
end
local is_new = not epoch
if is_new then
  redis.call('UNLINK', ENTRIES, BODIES)
  bodies = 0
  epoch, top, fp, last, oldest, since, kept, meta, least = ARGV[1], 0, '0', 0, 1, 0, 0, 600000, 9007199254740991
end
now = math.max(now, last)
local function forget_below(offset)
  if bodies == 0 then return end
  if offset > top then redis.call('UNLINK', BODIES) bodies = 0 return end
  for o = oldest, offset - 1 do bodies = bodies - redis.call('HDEL', BODIES, int(o), 'v' .. int(o), 'r' .. int(o)) end
end
local function drop_below(offset)
  if offset <= oldest then return end
  forget_below(offset)
  if offset > top then redis.call('UNLINK', ENTRIES) else redis.call('XTRIM', ENTRIES, 'MINID', id(offset)) end
  oldest = offset
end
if oldest <= top and since + kept <= now then
  drop_below(first_from(now - kept + 1))
  if oldest <= top then since = at_of(oldest) end
end
local function keep()
  local life = {epoch, int(top), fp, int(last), int(oldest), int(since), int(kept), int(meta), int(least)}
  if bodies > 0 then life[10] = int(bodies) redis.call('PEXPIRE', BODIES, int(meta)) end
  redis.call('SET', LIFE, table.concat(life, ' '), 'PX', int(meta))
  if oldest <= top then redis.call('PEXPIRE', ENTRIES, int(meta)) end
end
`;

/**
 * Pushes to those who listen by either way: Bun's client does not hand on sharded pushes, and hears PUBLISH alone. Where a right was taken away what is stored stays
 * so, and nodes find it when they compare.
 */
export const PUSH: string = `
local function push_to(channel, payload)
  redis.pcall('SPUBLISH', channel, payload)
  redis.pcall('PUBLISH', channel, payload)
end
`;

/**
 * Appends. KEYS: life, entries, bodies, record of the producer. ARGV: an epoch, the channel of pushes, fingerprint, data, messages, ms, meta, the producer's
 * number, `low` (or ''), `age` (or ''), how many of its results are kept, the set of its pattern's names (or ''), its name, and, where messages may change, BY, what can be
 * added to the data, its bytes, and of a change KIND TARGET, the epoch (or ''), the bytes that the message may have, and, of reactions, the offset of those that there are, and
 * what is to be kept.
 *
 * Answers `new` or `known` with EPOCH OFFSET FINGERPRINT, and `new` with 1 where the name is still to be listed, `order` with the last number (or ''), `forgotten`, or
 * `refused` with why a change was not made.
 */
export const APPEND: Script = script(`#!lua
${PUSH}${OPEN}${LIST_NAME}
local RECORD = KEYS[4]
local push, mine, data = ARGV[2], ARGV[3], ARGV[4]
local messages, ms, most = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local n, low, age, results = tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11])
local before, first
local record = redis.pcall('HMGET', RECORD, 'e', 'l', 'f', int(n % results))
if record[1] == epoch then before, first = tonumber(record[2]), tonumber(record[3]) end
if not before then
  if low and n ~= low then keep() return {'order', ''} end
  if age and age >= least and top > 0 then keep() return {'forgotten'} end
elseif n <= before then
  keep()
  local result, offset, fingerprint = string.match(record[4] or '', '^(%d+) (%d+) (%d+)$')
  if n < first or tonumber(result) ~= n then return {'forgotten'} end
  return {'known', epoch, offset, fingerprint}
elseif n ~= before + 1 and n ~= low then
  keep()
  return {'order', int(before)}
end
${CHECK_CHANGE}
if oldest > top then since = now end
local latest = last
kept, meta, least, top, last = ms, most, math.min(least, most), top + 1, now
local head = mine .. ' ' .. fp .. ' ' .. int(now) .. tail
if messages > 0 then
  local function add() return redis.pcall('XADD', ENTRIES, 'MAXLEN', '=', int(messages), id(top), 'h', head, 'd', by and '' or data) end
  local added = add()
  if type(added) == 'table' and added.err then
    if not string.find(added.err, 'equal or smaller') and not string.find(added.err, 'WRONGTYPE') then return added end
    redis.call('UNLINK', ENTRIES, BODIES)
    epoch, top, fp, oldest, since, before, bodies = ARGV[1], 1, '0', 1, now, nil, 0
    if kind then top, oldest = 0, 1 return refuse('MISSING') end
    head = mine .. ' 0 ' .. int(now) .. tail
    added = add()
    if type(added) == 'table' and added.err then return added end
  end
  ${ADD_BODY}
  forget_below(math.max(oldest, top - messages + 1))
  oldest = math.max(oldest, top - messages + 1)
else
  redis.call('UNLINK', ENTRIES, BODIES)
  oldest, bodies = top + 1, 0
end
fp = mine
keep()
if not before then redis.call('DEL', RECORD) redis.call('HSET', RECORD, 'e', epoch, 'f', int(n)) end
redis.call('HSET', RECORD, 'l', int(n), int(n % results), int(n) .. ' ' .. int(top) .. ' ' .. mine)
redis.call('PEXPIRE', RECORD, int(meta))
push_to(push, 'e ' .. epoch .. ' ' .. int(top) .. ' ' .. head .. ' ' .. data)
local unlisted = '0'
if ARGV[12] ~= '' and (top == 1 or math.floor(now / 60000) ~= math.floor(latest / 60000)) then
  unlisted = list_name(ARGV[12], ARGV[13], top == 1, meta + 60000)
end
return {'new', epoch, int(top), mine, unlisted}
`);

/**
 * Reads. KEYS: life, entries, bodies. ARGV: an epoch, `after`, `before` or `at` (or `all`) with its number, messages, bytes, 1 for messages as they are (or ''), `since` (or ''),
 * and 1 for what is kept of reactions (or '').
 *
 * Answers EPOCH OFFSET FINGERPRINT OLDEST, the fingerprint at the offset (or ''), 1 if there is more, and OFFSET, head, data, state, reactions of each entry.
 */
const READ_STEP = `
keep()
local how, where = ARGV[2], tonumber(ARGV[3])
local messages, bytes = tonumber(ARGV[4]), tonumber(ARGV[5])
local step, from = 1, oldest
if how == 'after' then from = math.max(where + 1, oldest)
elseif how == 'before' then step, from = -1, math.min(where, top + 1) - 1
elseif how == 'at' then from = first_from(where) end
local boundary = ''
if how == 'after' or how == 'before' then
  if where == top then boundary = fp
  elseif oldest <= top and where >= oldest - 1 and where < top then
    local entry = redis.call('XRANGE', ENTRIES, id(where + 1), id(where + 1))[1]
    boundary = string.match(entry[2][2], '^%d+ (%d+)')
  end
end
${READ_BODY}
local entries, total, next = {}, 0, from
local function take(found)
  for _, entry in ipairs(found) do
    local offset = string.match(entry[1], '^%d+')
    local head, data, state, reactions = as_wanted(offset, entry[2][2], entry[2][4])
    total = total + math.floor((#data + #reactions) * 3 / 4)
    if total > bytes and #entries > 0 then return false end
    entries[#entries + 1] = offset
    entries[#entries + 1] = head
    entries[#entries + 1] = data
    entries[#entries + 1] = state
    entries[#entries + 1] = reactions
    next = next + step
  end
  return true
end
local going = bytes >= 0
while going and #entries / 5 < messages and next >= oldest and next <= top do
  local taken = #entries / 5
  local fit = taken == 0 and 1 or math.floor((bytes - total) / math.max(1, total / taken)) + 1
  local count = int(math.max(1, math.min(messages - taken, fit, 64)))
  if step == 1 then going = take(redis.call('XRANGE', ENTRIES, id(next), '+', 'COUNT', count))
  else going = take(redis.call('XREVRANGE', ENTRIES, id(next), '-', 'COUNT', count)) end
end
local more = (next >= oldest and next <= top) and '1' or '0'
return {epoch, int(top), fp, int(oldest), boundary, more, entries}
`;

/** Reads a stream that is there; answers `none` where none is. */
export const READ: Script = script(`#!lua flags=allow-oom
${OPEN}
if is_new then return {'none'} end
${READ_STEP}`);

/** Reads a stream, and begins it where none is: refused where memory is full, or reads would fill it further. */
export const BEGIN: Script = script(`#!lua
${OPEN}
${READ_STEP}`);

/** Pushes something ephemeral. KEYS: what it is pushed to. ARGV: the push. */
export const SIGNAL: Script = script(`#!lua flags=allow-oom
${PUSH}
push_to(KEYS[1], ARGV[1])
return 0
`);

/** Makes one. */
export function script(source: string): Script {
  return { source, sha: sha1(source) };
}

async function sha1(source: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-1", new TextEncoder().encode(source));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
