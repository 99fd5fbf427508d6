-- Records: `record:NAME`, where a name is COLLECTION, OWNER and ID with a zero byte between them.
--
-- `record@COLLECTION` and `record@COLLECTION OWNER` list them by the time of their making, `owner-records:OWNER` has
-- the names. `due:COLLECTION` has those with a due time that no worker has; `taken:COLLECTION`, by the end of the lease,
-- those that one has.
records.fields = {'document', 'due', 'version', 'attempts', 'value', 'created'}

function records.name(collection, owner, id)
  return collection .. '\0' .. owner .. '\0' .. id
end

function records.row(collection, owner, id)
  local row = call('HMGET', P .. 'record:' .. records.name(collection, owner, id), unpack(records.fields))
  if not row[3] then
    return false
  end
  return {collection, owner, id, unpack(row)}
end

function records.lists(collection, owner)
  return {'record@' .. collection, 'record@' .. collection .. '\0' .. owner}
end

-- Make the record due at a time, or never; no worker has it then.
function records.schedule(collection, owner, id, due)
  local name, member = records.name(collection, owner, id), owner .. '\0' .. id
  call('ZREM', P .. 'taken:' .. collection, member)
  if due then
    call('HSET', P .. 'record:' .. name, 'due', due)
    call('ZADD', P .. 'due:' .. collection, due, member)
  else
    call('HDEL', P .. 'record:' .. name, 'due')
    call('ZREM', P .. 'due:' .. collection, member)
  end
  call('HDEL', P .. 'record:' .. name, 'worker')
end

function records.put(r)
  local name = records.name(r.collection, r.owner, r.id)
  local version = field('record:' .. name, 'version')
  if not version then
    local created = stamp(now())
    put('record:' .. name, {created = created, value = 0})
    index.add(records.lists(r.collection, r.owner), created .. ':' .. r.id .. '\n' .. r.owner)
    call('SADD', P .. 'owner-records:' .. r.owner, name)
  end
  put('record:' .. name, {document = r.document, version = (tonumber(version) or 0) + 1, attempts = 0})
  records.schedule(r.collection, r.owner, r.id, r.due)
end

function records.put_all(list)
  for _, record in ipairs(list or {}) do
    records.put(record)
  end
end

function records.remove(collection, owner, id)
  local name, member = records.name(collection, owner, id), owner .. '\0' .. id
  local created = field('record:' .. name, 'created')
  if not created then
    return 0
  end
  index.remove(records.lists(collection, owner), created .. ':' .. id .. '\n' .. owner)
  call('SREM', P .. 'owner-records:' .. owner, name)
  call('ZREM', P .. 'due:' .. collection, member)
  call('ZREM', P .. 'taken:' .. collection, member)
  return call('DEL', P .. 'record:' .. name)
end

function op.record_get(a)
  return records.row(a.collection, a.owner, a.id)
end

function op.record_put(a)
  local version = tonumber(field('record:' .. records.name(a.collection, a.owner, a.id), 'version')) or 0
  if a.expected and a.expected ~= version then
    return refused('version')
  end
  records.put(a)
  return records.row(a.collection, a.owner, a.id)
end

function op.record_list(a)
  local key = a.owner and 'record@' .. a.collection .. '\0' .. a.owner or 'record@' .. a.collection
  local rows = {}
  for _, place in ipairs((index.scan(key, a.query))) do
    local id, owner = string.match(place, '^([^\n]*)\n(.*)$')
    rows[#rows + 1] = records.row(a.collection, owner, id)
  end
  return rows
end

function op.record_delete(a)
  local version = tonumber(field('record:' .. records.name(a.collection, a.owner, a.id), 'version'))
  if not version or (a.expected and a.expected ~= version) then
    return 0
  end
  return records.remove(a.collection, a.owner, a.id)
end

function op.record_delete_of_owner(a)
  local names = call('SRANDMEMBER', P .. 'owner-records:' .. a.owner, a.limit)
  for _, name in ipairs(names) do
    records.remove(string.match(name, '^(%Z*)%z(%Z*)%z(.*)$'))
  end
  return #names
end

function op.record_add(a)
  local name = records.name(a.collection, a.owner, a.id)
  local value = field('record:' .. name, 'value')
  local before = tonumber(value) or 0
  -- Numbers beyond 2^53 are not exact, so the sum itself may not be compared.
  if before > a.most - a.delta or before < -a.largest - a.delta then
    return false
  end
  local sum = before + a.delta
  if not value then
    records.put(a)
  end
  put('record:' .. name, {value = sum})
  return int(sum)
end

-- Give back what workers have had for longer than their lease.
function records.free(collections)
  local time = int(now())
  for _, collection in ipairs(collections) do
    for _, member in ipairs(call('ZRANGEBYSCORE', P .. 'taken:' .. collection, '-inf', time)) do
      local owner, id = string.match(member, '^(%Z*)%z(.*)$')
      records.schedule(collection, owner, id, field('record:' .. records.name(collection, owner, id), 'due'))
    end
  end
end

function op.record_take(a)
  records.free(a.collections)
  local time, due = now(), {}
  for _, collection in ipairs(a.collections) do
    local found = call(
      'ZRANGEBYSCORE', P .. 'due:' .. collection, '-inf', int(time), 'WITHSCORES', 'LIMIT', 0, int(a.limit)
    )
    for number = 1, #found, 2 do
      due[#due + 1] = {tonumber(found[number + 1]), collection, found[number]}
    end
  end
  table.sort(due, function(one, other)
    for number = 1, 3 do
      if one[number] ~= other[number] then
        return one[number] < other[number]
      end
    end
    return false
  end)
  local rows = {}
  for number = 1, math.min(#due, a.limit) do
    local _, collection, member = unpack(due[number])
    local owner, id = string.match(member, '^(%Z*)%z(.*)$')
    local key = P .. 'record:' .. records.name(collection, owner, id)
    call('ZREM', P .. 'due:' .. collection, member)
    call('ZADD', P .. 'taken:' .. collection, int(time + a.lease), member)
    call('HSET', key, 'worker', a.worker)
    call('HINCRBY', key, 'version', 1)
    call('HINCRBY', key, 'attempts', 1)
    rows[#rows + 1] = records.row(collection, owner, id)
  end
  return rows
end

function op.record_renew(a)
  local time = now()
  write_when_full()
  for _, record in ipairs(a.records) do
    local name = records.name(record.collection, record.owner, record.id)
    local has = call('HMGET', P .. 'record:' .. name, 'version', 'worker')
    if tonumber(has[1]) == record.version and has[2] == a.worker then
      local member = record.owner .. '\0' .. record.id
      call('ZADD', P .. 'taken:' .. record.collection, 'XX', int(time + a.lease), member)
    end
  end
  return 1
end

function op.record_give_back(a)
  local name = records.name(a.collection, a.owner, a.id)
  if tonumber(field('record:' .. name, 'version')) ~= a.version then
    return 0
  end
  records.schedule(a.collection, a.owner, a.id, stamp(now() + a.after))
  return call('HINCRBY', P .. 'record:' .. name, 'version', 1) and 1
end

function op.record_next_due(a)
  records.free(a.collections)
  local first = nil
  for _, collection in ipairs(a.collections) do
    local found = call('ZRANGE', P .. 'due:' .. collection, 0, 0, 'WITHSCORES')
    if found[2] and (not first or tonumber(found[2]) < first) then
      first = tonumber(found[2])
    end
  end
  return first and int(first - now()) or false
end
