-- Stored agents: `agent:ID`, `agents` by their ids, and `agent-versions:ID` with one line of facts and the document of each.
-- `agent-last` has the last version of every id, also of agents that are deleted; `agent-use:ID` counts unfinished runs.

local function row(id)
  return {id, unpack(call('HMGET', P .. 'agent:' .. id, 'document', 'version', 'created', 'updated'))}
end

local function keep(a, created, updated)
  local number = call('HINCRBY', P .. 'agent-last', a.id, 1)
  put('agent:' .. a.id, {
    document = a.document, listed = a.listed, version = number, created = created, updated = updated,
  })
  call('ZADD', P .. 'agents', 0, a.id)
  local versions = P .. 'agent-versions:' .. a.id
  call('HSET', versions, int(number), updated .. ' ' .. a.facts .. '\n' .. a.document)
  for _, old in ipairs(call('HKEYS', versions)) do
    if tonumber(old) <= number - a.keep and call('HEXISTS', P .. 'agent-use:' .. a.id, old) == 0 then
      call('HDEL', versions, old)
    end
  end
  return row(a.id)
end

function op.agent_add(a)
  if call('EXISTS', P .. 'agent:' .. a.id) == 1 then
    return false
  end
  return keep(a, a.created, a.updated)
end

function op.agent_replace(a)
  local document, version, created, updated = unpack(
    call('HMGET', P .. 'agent:' .. a.id, 'document', 'version', 'created', 'updated')
  )
  if not version then
    return false
  end
  if a.expected and a.expected ~= tonumber(version) then
    return refused('version', version)
  end
  if document == a.document then
    return row(a.id)
  end
  local next_time = stamp(tonumber(updated) + 1)
  return keep(a, created, a.updated > next_time and a.updated or next_time)
end

function op.agent_get(a)
  return call('EXISTS', P .. 'agent:' .. a.id) == 1 and row(a.id)
end

function op.agent_list(a)
  local left_out, rows, offset, low = {}, {}, a.offset, a.after == '' and '-' or '(' .. a.after
  for _, id in ipairs(a.leave_out) do
    left_out[id] = true
  end
  while true do
    local ids = call('ZRANGEBYLEX', P .. 'agents', low, '+', 'LIMIT', 0, 200)
    for _, id in ipairs(ids) do
      if not left_out[id] then
        if offset > 0 then
          offset = offset - 1
        elseif #rows < a.limit then
          rows[#rows + 1] = {id, unpack(call('HMGET', P .. 'agent:' .. id, 'listed', 'version', 'created', 'updated'))}
        end
      end
    end
    if #ids < 200 or #rows >= a.limit then
      return rows
    end
    low = '(' .. ids[#ids]
  end
end

-- Return the numbers and facts of versions, the newest first.
function op.agent_versions(a)
  local numbers, rows = {}, {}
  for _, number in ipairs(call('HKEYS', P .. 'agent-versions:' .. a.id)) do
    if not a.before or tonumber(number) < a.before then
      numbers[#numbers + 1] = tonumber(number)
    end
  end
  table.sort(numbers, function(one, other) return one > other end)
  for place = a.offset + 1, math.min(#numbers, a.offset + a.limit) do
    local value = field('agent-versions:' .. a.id, int(numbers[place]))
    rows[#rows + 1] = {int(numbers[place]), string.match(value, '^[^\n]*')}
  end
  return rows
end

function op.agent_version(a)
  return field('agent-versions:' .. a.id, a.number)
end

function op.agent_delete(a)
  call('DEL', P .. 'agent-versions:' .. a.id)
  call('ZREM', P .. 'agents', a.id)
  return call('DEL', P .. 'agent:' .. a.id)
end
