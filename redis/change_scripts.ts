/**
 * The parts of the scripts of `scripts.ts` that are about messages that change.
 *
 * The hash of bodies has, by its offset, the payload of each entry: one letter that says what can be added to it ({@linkcode Growth}), and base64; `!` where it was
 * deleted. Of a message that was changed it has `vOFFSET` besides: `VERSION BYTES GROWTH`, the offset of the last change and what the message is since. Each change names the one before it
 * of the same message (`PRIOR`), so that to add a piece costs the same however many there are. `rOFFSET` is what is kept of reactions to it: the offset of the last entry
 * about them, and base64. A message outlives none of its changes, since those before it go first.
 *
 * @module
 */

/**
 * Sets `by` where messages may change, `tail` to the rest of the head, and of a change `kind` (1 edit, 2 append, 3 delete, 4 react), `target`, `prior` and what the message will
 * be; ends where it may not be made.
 */
export const CHECK_CHANGE = `
local by, growth, size = ARGV[14], ARGV[15], tonumber(ARGV[16])
local kind, target, of_epoch, limit = tonumber(ARGV[17]), tonumber(ARGV[18]), ARGV[19], tonumber(ARGV[20])
local tail, prior = '', 0
local function prior_of(offset)
  return tonumber(string.match(head_of(offset), '^%d+ %d+ %d+ %d %d+ (%d+)'))
end
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
  if kind == 4 then
    prior = tonumber(string.match(redis.call('HGET', BODIES, 'r' .. int(target)) or '0', '^%d+'))
    if prior ~= tonumber(ARGV[21]) then return refuse('STALE') end
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
    if kind == 4 then
      added = added + redis.call('HSET', BODIES, 'r' .. int(target), int(top) .. ' ' .. ARGV[22])
    elseif kind then
      added = added + redis.call('HSET', BODIES, 'v' .. int(target), int(top) .. ' ' .. int(size) .. ' ' .. growth)
    end
    bodies = bodies + added
    local gone = prior
    while kind == 3 do
      redis.call('HSET', BODIES, int(gone), '!')
      if gone == target then break end
      gone = prior_of(gone)
    end
    local reacted = kind == 3 and redis.call('HGET', BODIES, 'r' .. int(target))
    if reacted then
      gone = tonumber(string.match(reacted, '^%d+'))
      while gone > 0 do
        redis.call('HSET', BODIES, int(gone), '!')
        gone = prior_of(gone)
      end
      bodies = bodies - redis.call('HDEL', BODIES, 'r' .. int(target))
    end
  end
`;

/**
 * What an entry is as the query wants it: its head, its data (pieces with a comma between), and `!` where it was deleted, `VERSION AT BY` of a message that was changed, and
 * `OFFSET SUMMARY STATE` of one with reactions.
 */
export const READ_BODY = `
local is_now, from_here = ARGV[6] == '1', tonumber(ARGV[7])
local had = {}
local function whole(offset)
  local pieces = {}
  while true do
    local body = redis.call('HGET', BODIES, int(offset))
    local kind, prior = string.match(head_of(offset), '^%d+ %d+ %d+ (%d) %d+ (%d+)')
    pieces[#pieces + 1] = string.sub(body, 2)
    if kind ~= '2' then break end
    offset = tonumber(prior)
  end
  local count = #pieces
  for i = 1, math.floor(count / 2) do pieces[i], pieces[count + 1 - i] = pieces[count + 1 - i], pieces[i] end
  return table.concat(pieces, ',')
end
local function reactions_to(offset)
  local kept = is_now and redis.call('HGET', BODIES, 'r' .. offset)
  if not kept then return '' end
  local at, state = string.match(kept, '^(%d+) (.*)$')
  return at .. ' ' .. string.sub(redis.call('HGET', BODIES, at), 2) .. ' ' .. (ARGV[8] == '1' and state or '')
end
local function as_wanted(offset, head, data)
  local start, kind, target, rest = string.match(head, '^(%d+ %d+ %d+ )(%d) (%d+)( .*)$')
  if not kind then return head, data, '', '' end
  local body = redis.call('HGET', BODIES, offset)
  local gone = body == '!' and '!' or ''
  if kind == '0' then
    had[tonumber(offset)] = true
    local state = is_now and redis.call('HGET', BODIES, 'v' .. offset)
    if not state then return head, string.sub(body, 2), gone, reactions_to(offset) end
    local version = string.match(state, '^%d+')
    local at, by = string.match(head_of(tonumber(version)), '^%d+ %d+ (%d+) %d %d+ %d+ (.*)$')
    return head, gone == '' and whole(tonumber(version)) or '', gone .. version .. ' ' .. at .. ' ' .. by, reactions_to(offset)
  end
  target = tonumber(target)
  if from_here and kind ~= '4' and target < from_here and tonumber(string.match(rest, '^ (%d+)')) < from_here and not had[target] then
    had[target] = true
    if kind == '2' and gone == '' and target >= oldest then
      return start .. '1 ' .. int(target) .. rest, whole(tonumber(offset)), '', ''
    end
  end
  return head, string.sub(body, 2), gone, ''
end
`;
