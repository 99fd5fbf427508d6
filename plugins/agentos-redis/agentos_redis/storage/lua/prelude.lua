-- What all operations share. KEYS[1] is what every key begins with; ARGV[1] names the operation, ARGV[2] has its
-- arguments as JSON (what is None is left out), and further ones are bytes that the arguments refer to by number.
--
-- An operation first looks, and refuses what it has to; then it writes, and nothing in that part fails. Documents are
-- texts that are never parsed here, so they come back as they were given. Times are texts of 16 digits: microseconds.

local P, call, op = KEYS[1], redis.call, {}
local blobs, used, records, sessions, messages, runs, pauses = {}, {}, {}, {}, {}, {}, {}

local function int(number)
  return string.format('%.0f', number)
end

local function stamp(time)
  return string.format('%016.0f', time)
end

local function now()
  local time = call('TIME')
  return time[1] * 1000000 + time[2]
end

local function field(key, name)
  return call('HGET', P .. key, name)
end

-- Set the fields of a hash that are given.
local function put(key, fields)
  local flat = {}
  for name, value in pairs(fields) do
    flat[#flat + 1] = name
    flat[#flat + 1] = type(value) == 'number' and int(value) or value
  end
  if #flat > 0 then
    call('HSET', P .. key, unpack(flat))
  end
end

-- Return many fields of a hash; a call of Lua takes some thousand arguments at most.
local function fields_of(key, names)
  local found = {}
  for start = 1, #names, 1000 do
    local part = call('HMGET', P .. key, unpack(names, start, math.min(start + 999, #names)))
    for number = 1, #part do
      found[#found + 1] = part[number]
    end
  end
  return found
end

-- Have the writes that follow done while the server is full. It refuses a script's first write that needs memory, but
-- nothing after one that needs none. For what a worker must do with its runs, and what takes rights or work away.
local function write_when_full()
  call('DEL', P .. 'none')
end

local function refused(code, ...)
  return {'refused', code, ...}
end

-- Indexes: sorted sets of TIME:ID, all of one score, so that they are ordered by time and then by the bytes of the id.
local index = {chunk = 200, budget = 2000}

function index.add(names, member)
  for _, name in ipairs(names) do
    call('ZADD', P .. name, 0, member)
  end
end

function index.remove(names, member)
  for _, name in ipairs(names) do
    call('ZREM', P .. name, member)
  end
end

-- Return the smallest of the indexes that have all that is wanted, and whether what it has must be looked at.
function index.best(base, where)
  local key, least, count = base, nil, 0
  for name, value in pairs(where) do
    count = count + 1
    local size = call('ZCARD', P .. base .. name .. ':' .. value)
    if not least or size < least then
      key, least = base .. name .. ':' .. value, size
    end
  end
  return key, count > 1
end

function index.members(key, q, low, high, offset, limit)
  if q.newest then
    return call('ZREVRANGEBYLEX', P .. key, high, low, 'LIMIT', int(offset), int(limit))
  end
  return call('ZRANGEBYLEX', P .. key, low, high, 'LIMIT', int(offset), int(limit))
end

-- Return ids in the order of an index, the place to continue at (false: the end), and what is left of the offset.
-- A scan looks at a bounded number of entries, so that no request holds the server for long.
function index.scan(key, q, match)
  local low, high, offset = q.low or '-', q.high or '+', q.offset or 0
  local found, looked = {}, 0
  if not match then
    local members = index.members(key, q, low, high, offset, q.limit)
    for _, member in ipairs(members) do
      found[#found + 1] = string.sub(member, 18)
    end
    return found, #members == q.limit and members[#members] or false, 0
  end
  while true do
    local members = index.members(key, q, low, high, 0, index.chunk)
    for _, member in ipairs(members) do
      local id = string.sub(member, 18)
      if match(id) then
        if offset > 0 then
          offset = offset - 1
        else
          found[#found + 1] = id
          if #found >= q.limit then
            return found, member, offset
          end
        end
      end
    end
    looked = looked + #members
    if #members < index.chunk then
      return found, false, offset
    end
    local last = members[#members]
    if q.newest then high = '(' .. last else low = '(' .. last end
    if looked >= index.budget then
      return found, last, offset
    end
  end
end

-- Return what tells whether a hash has all the values that are wanted.
function index.matcher(kind, where)
  local names, wanted = {}, {}
  for name, value in pairs(where) do
    names[#names + 1], wanted[#wanted + 1] = name, value
  end
  return function(id)
    local has = call('HMGET', P .. kind .. id, unpack(names))
    for number = 1, #names do
      if has[number] ~= wanted[number] then
        return false
      end
    end
    return true
  end
end
