/**
 * The parts of the scripts of `scripts.ts` that are about messages that change.
 *
 * The hash of bodies has, by its offset, the payload of each entry: one letter that says what can be added to it ({@linkcode Growth}), and base64; `!` where it was
 * deleted. Of a message that was changed it has `vOFFSET` besides: `VERSION BYTES GROWTH`, the offset of the last change and what the message is since. Each change names the one before it
 * of the same message (`PRIOR`), so that to add a piece costs the same however many there are. A message outlives none of its changes, since those before it go first.
 *
 * @module
 */

/**
 * Sets `by` where messages may change, `tail` to the rest of the head, and of a change `kind` (1 edit, 2 append, 3 delete), `target`, `prior` and what the message will
 * be; ends where it may not be made.
 */
export const CHECK_CHANGE = `
local by, growth, size = ARGV[12], ARGV[13], tonumber(ARGV[14])
local kind, target, of_epoch, limit = tonumber(ARGV[15]), tonumber(ARGV[16]), ARGV[17], tonumber(ARGV[18])
local tail, prior = '', 0
local function refuse(why) keep() return {'refused', why} end
if kind then
  if (of_epoch ~= '' and of_epoch ~= epoch) or target < oldest or target > top then return refuse('MISSING') end
  if string.match(head_of(target), '^%d+ %d+ %d+ (%d)') ~= '0' then return refuse('MISSING') end
  local body = redis.call('HGET', BODIES, int(target))
  if body == '!' then return refuse('GONE') end
  local is, was = string.sub(body, 1, 1), math.floor((#body - 1) * 3 / 4)
  prior = target
  local state = redis.call('HGET', BODIES, 'v' .. int(target))
  if state then
    local v, b, g = string.match(state, '^(%d+) (%d+) (.)$')
    prior, was, is = tonumber(v), tonumber(b), g
  end
  if kind == 2 then
    if growth == 'o' or growth ~= is then return refuse('WRONG_TYPE') end
    size = was + size
    if size > limit then return refuse('TOO_LARGE') end
  end
end
if by then tail = ' ' .. int(kind or 0) .. ' ' .. int(target or 0) .. ' ' .. int(prior) .. ' ' .. by end
`;

/** Puts the payload of the entry at `top` into the hash, and what it makes of its message; takes what a deletion takes away. */
export const ADD_BODY = `
  if by then
    local added = redis.call('HSET', BODIES, int(top), growth .. data)
    if kind then
      added = added + redis.call('HSET', BODIES, 'v' .. int(target), int(top) .. ' ' .. int(size) .. ' ' .. growth)
    end
    bodies = bodies + added
    local gone = prior
    while kind == 3 do
      redis.call('HSET', BODIES, int(gone), '!')
      if gone == target then break end
      gone = tonumber(string.match(head_of(gone), '^%d+ %d+ %d+ %d %d+ (%d+)'))
    end
  end
`;

/** What an entry is as the query wants it: its head, its data (pieces with a comma between), and `!` where it was deleted, `VERSION AT BY` of a message that was changed. */
export const READ_BODY = `
local is_now, from_here = ARGV[6] == '1', tonumber(ARGV[7])
local had = {}
local function whole(offset)
  local pieces = {}
  while true do
    local body = redis.call('HGET', BODIES, int(offset))
    local kind, prior = string.match(head_of(offset), '^%d+ %d+ %d+ (%d) %d+ (%d+)')
    table.insert(pieces, 1, string.sub(body, 2))
    if kind ~= '2' then return table.concat(pieces, ',') end
    offset = tonumber(prior)
  end
end
local function as_wanted(offset, head, data)
  local start, kind, target, rest = string.match(head, '^(%d+ %d+ %d+ )(%d) (%d+)( .*)$')
  if not kind then return head, data, '' end
  local body = redis.call('HGET', BODIES, offset)
  local gone = body == '!' and '!' or ''
  if kind == '0' then
    had[tonumber(offset)] = true
    local state = is_now and redis.call('HGET', BODIES, 'v' .. offset)
    if not state then return head, string.sub(body, 2), gone end
    local version = string.match(state, '^%d+')
    local at, by = string.match(head_of(tonumber(version)), '^%d+ %d+ (%d+) %d %d+ %d+ (.*)$')
    return head, gone == '' and whole(tonumber(version)) or '', gone .. version .. ' ' .. at .. ' ' .. by
  end
  target = tonumber(target)
  if from_here and target < from_here and not had[target] then
    had[target] = true
    if kind == '2' and gone == '' and target >= oldest then
      return start .. '1 ' .. int(target) .. rest, whole(tonumber(offset)), ''
    end
  end
  return head, string.sub(body, 2), gone
end
`;
