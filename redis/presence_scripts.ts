/**
 * The steps of presence that must be atomic, as scripts.
 *
 * The state of a channel is one string: `EPOCH VERSION COUNT`. Members are a hash, `ID` to `N NODE USER DATA`, and a sorted set of the same names, for pages. Nodes are a
 * sorted set: until when each is believed. Where there is nothing the epoch is `-`, which is always the same: nobody, and whoever asks leaves nothing behind. All of it goes 10 minutes after its last use; where the three do not fit each other something was lost, and another life begins.
 *
 * @module
 */
import { PUSH, type Script, script } from "./scripts.ts";

/**
 * Opens the channel: sets `epoch`, `version`, `count`, and takes out the members of nodes that are believed no more. KEYS: state, members, names, nodes. ARGV: an
 * epoch, the channel of pushes.
 */
const OPEN = `
local STATE, MEMBERS, NAMES, NODES = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local META = '600000'
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function int(n) return string.format('%.0f', n) end
local epoch, version, count
local state = redis.pcall('GET', STATE)
if type(state) == 'string' then
  local e, v, c = string.match(state, '^(%S+) (%d+) (%d+)$')
  epoch, version, count = e, tonumber(v), tonumber(c)
  if epoch and (redis.pcall('HLEN', MEMBERS) ~= count or redis.pcall('ZCARD', NAMES) ~= count) then epoch = nil end
end
if not epoch then
  redis.call('UNLINK', MEMBERS, NAMES, NODES)
  epoch, version, count = '-', 0, 0
end
local changes, is_told = {}, false
local function take_out(id)
  redis.call('HDEL', MEMBERS, id)
  redis.call('ZREM', NAMES, id)
  version, count = version + 1, count - 1
  changes[#changes + 1] = id
end
local over = redis.call('ZRANGEBYSCORE', NODES, '-inf', int(now))
if #over > 0 then
  local is_over = {}
  for _, node in ipairs(over) do
    is_over[node] = true
    redis.call('ZREM', NODES, node)
  end
  local all = redis.call('HGETALL', MEMBERS)
  for i = 1, #all, 2 do
    if is_over[string.match(all[i + 1], '^%d+ (%S+)')] then take_out(all[i]) end
  end
end
local function is_believed(node) return redis.call('ZSCORE', NODES, node) and '1' or '0' end
local function believe(node) redis.call('ZADD', NODES, int(now + tonumber(ARGV[4])), node) end
local function keep()
  if epoch == '-' then return end
  redis.call('SET', STATE, epoch .. ' ' .. int(version) .. ' ' .. int(count), 'PX', META)
  redis.call('PEXPIRE', MEMBERS, META)
  redis.call('PEXPIRE', NAMES, META)
  redis.call('PEXPIRE', NODES, META)
  if #changes == 0 and not is_told then return end
  push_to(ARGV[2], 'p ' .. epoch .. ' ' .. int(version - #changes + 1) .. '\\n' .. table.concat(changes, '\\n'))
end
`;

/**
 * Applies news. ARGV beside: node, lease, members at most, then NAME, N and `USER DATA` (or '' for who leaves) of each.
 *
 * Answers EPOCH VERSION, 1 if the lease had held, and the names of those that were not let in.
 */
const CHANGE_STEP = `
local node, most, refused = ARGV[3], tonumber(ARGV[5]), {}
local known = is_believed(node)
for i = 6, #ARGV, 3 do
  local id, n, value = ARGV[i], tonumber(ARGV[i + 1]), ARGV[i + 2]
  local kept = redis.call('HGET', MEMBERS, id)
  local last, of, before
  if kept then last, of, before = string.match(kept, '^(%d+) (%S+) (.*)$') end
  if value == '' then
    local had = tonumber(last)
    if kept and (of == node and n >= had or n > had and had > 0) then take_out(id) end
  elseif not kept and count >= most then
    refused[#refused + 1] = id
  elseif not kept or n == 0 or n >= tonumber(last) then
    if epoch == '-' then epoch = ARGV[1] end
    redis.call('HSET', MEMBERS, id, int(n) .. ' ' .. node .. ' ' .. value)
    if not kept then
      redis.call('ZADD', NAMES, '0', id)
      count = count + 1
    end
    if before ~= value then
      version = version + 1
      changes[#changes + 1] = id .. ' ' .. value
    end
  end
end
if epoch ~= '-' then believe(node) end
keep()
return {epoch, int(version), known, refused}
`;

/** Applies news of who is there: refused where memory is full. */
export const ENTER: Script = script(`#!lua
${PUSH}${OPEN}${CHANGE_STEP}`);

/** Applies news of who is there no more: never refused, since it makes room. */
export const LEAVE: Script = script(`#!lua flags=allow-oom
${PUSH}${OPEN}${CHANGE_STEP}`);

/**
 * Looks. ARGV beside: node (or ''), lease, the epoch and the version that the node knows (or '').
 *
 * Answers EPOCH VERSION and 1 if the lease of the node holds.
 */
export const LOOK: Script = script(`#!lua flags=allow-oom
${PUSH}${OPEN}
local known = '0'
if ARGV[3] ~= '' then known = is_believed(ARGV[3]) end
if known == '1' then believe(ARGV[3]) end
if ARGV[5] == epoch and version < tonumber(ARGV[6]) then epoch, is_told = ARGV[1], true end
keep()
return {epoch, int(version), known}
`);

/**
 * Reads. ARGV beside: the name after which the page begins (or ''), and members at most.
 *
 * Answers EPOCH VERSION COUNT, 1 if there are more, and NAME, \`USER DATA\` of each.
 */
export const MEMBERS: Script = script(`#!lua flags=allow-oom
${PUSH}${OPEN}
keep()
local limit = tonumber(ARGV[4])
local from = ARGV[3] == '' and '-' or '(' .. ARGV[3]
local found = redis.call('ZRANGEBYLEX', NAMES, from, '+', 'LIMIT', '0', int(limit + 1))
local more = '0'
if #found > limit then
  more = '1'
  found[#found] = nil
end
local page = {}
if #found > 0 then
  local kept = redis.call('HMGET', MEMBERS, unpack(found))
  for i, id in ipairs(found) do
    page[#page + 1] = id
    page[#page + 1] = string.match(kept[i], '^%d+ %S+ (.*)$')
  end
end
return {epoch, int(version), int(count), more, page}
`);

/** All of them. */
export const PRESENCE_SCRIPTS: readonly Script[] = [ENTER, LEAVE, LOOK, MEMBERS];
