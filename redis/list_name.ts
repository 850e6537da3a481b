/**
 * How the script that appends keeps the name of a channel: see `directory_scripts.ts`.
 *
 * @module
 */

/**
 * Keeps the life of a name, at most once a minute and a minute longer than its stream, and tells of one that was not known. What is over goes, a few at a time, so
 * that a set that nobody lists holds what is published to. Answers '1' where the set is out of reach.
 */
export const LIST_NAME: string = `
local function list_name(index, name, is_first, kept)
  local known = redis.pcall('ZSCORE', index, name)
  if type(known) == 'table' then return '1' end
  local over = redis.pcall('ZRANGEBYSCORE', index, '-inf', int(now), 'LIMIT', '0', '8')
  if #over > 0 then redis.pcall('ZREM', index, unpack(over)) end
  redis.pcall('ZADD', index, int(now + kept), name)
  if redis.pcall('PTTL', index) < kept then redis.pcall('PEXPIRE', index, int(kept)) end
  if is_first or not known or tonumber(known) <= now then push_to(index, name) end
  return '0'
end
`;
