-- Sessions: `session:ID`. `session@` lists all by their activity, `session@FIELD:VALUE` those with a value.
sessions.filters = {'owner', 'agent_id', 'user_id', 'team_id', 'workflow_id'}
sessions.shown = {
  'owner', 'agent_id', 'user_id', 'team_id', 'workflow_id', 'name', 'metadata', 'state', 'run_count', 'total_tokens',
  'version', 'created', 'updated', 'forked',
}

sessions.budget = 1000

function sessions.row(id)
  return {id, unpack(call('HMGET', P .. 'session:' .. id, unpack(sessions.shown)))}
end

function sessions.is_there(id, owner)
  local has = field('session:' .. id, 'owner')
  return has and (not owner or has == owner)
end

function sessions.indexes(id)
  local names = {'session@'}
  local values = call('HMGET', P .. 'session:' .. id, unpack(sessions.filters))
  for number, name in ipairs(sessions.filters) do
    if values[number] then
      names[#names + 1] = 'session@' .. name .. ':' .. values[number]
    end
  end
  return names
end

-- Change a session that is in the lists, or is new. Its activity never goes back.
function sessions.change(id, fields, cleared, time)
  local key, before = P .. 'session:' .. id, field('session:' .. id, 'updated')
  if before then
    index.remove(sessions.indexes(id), before .. ':' .. id)
  end
  if cleared and #cleared > 0 then
    call('HDEL', key, unpack(cleared))
  end
  put('session:' .. id, fields)
  local updated = before and before > time and before or time
  call('HSET', key, 'updated', updated)
  index.add(sessions.indexes(id), updated .. ':' .. id)
end

function sessions.touch(id, time)
  if field('session:' .. id, 'updated') < time then
    sessions.change(id, {}, nil, time)
  end
end

function sessions.create(id, fields, time)
  sessions.change(id, fields, nil, time)
  put('session:' .. id, {position = 0, sequence = fields.sequence or 0, turn = fields.turn or 0})
end

function op.session_create(a)
  local replay = used.find(a.key)
  if replay then
    return replay
  end
  if call('EXISTS', P .. 'session:' .. a.id) == 1 then
    return refused('taken')
  end
  sessions.create(a.id, a.fields, a.updated)
  messages.append(a)
  used.keep(a.key, a.id)
  return {'created'}
end

function op.session_get(a)
  return sessions.is_there(a.id, a.owner) and sessions.row(a.id)
end

function op.session_list(a)
  local key, more = index.best('session@', a.where)
  local ids, place, offset = index.scan(key, a.query, more and index.matcher('session:', a.where))
  local rows = {}
  for _, id in ipairs(ids) do
    rows[#rows + 1] = a.bare and id or sessions.row(id)
  end
  return {rows, place, int(offset)}
end

function op.session_count(a)
  local key = index.best('session@', a.where)
  return call('ZLEXCOUNT', P .. key, '-', a.high or '+')
end

function op.session_update(a)
  if not sessions.is_there(a.id, a.owner) then
    return refused('no session')
  end
  local version = tonumber(field('session:' .. a.id, 'version'))
  if a.expected and a.expected ~= version then
    return refused('version', version)
  end
  a.fields.version = version + 1
  sessions.change(a.id, a.fields, a.cleared, a.now)
  return sessions.row(a.id)
end

function sessions.delete(id)
  local owner = field('session:' .. id, 'owner')
  index.remove(sessions.indexes(id), field('session:' .. id, 'updated') .. ':' .. id)
  for _, run in ipairs(call('ZRANGE', P .. 'session-runs:' .. id, 0, -1)) do
    runs.drop(runs.load(run))
  end
  messages.each(id, function(message)
    blobs.drop(owner, message.digests, 'message:' .. id .. ':' .. message.sequence)
  end)
  for _, name in ipairs(call('SMEMBERS', P .. 'session-aliases:' .. id)) do
    call('DEL', P .. 'alias:' .. name)
    call('SREM', P .. 'owner-aliases:' .. owner, name)
  end
  call('DEL', P .. 'session:' .. id, P .. 'messages:' .. id, P .. 'turns:' .. id, P .. 'session-aliases:' .. id)
end

function op.session_delete(a)
  if not sessions.is_there(a.id, a.owner) then
    return 0
  end
  sessions.delete(a.id)
  return 1
end

-- Delete sessions that are as they were when they were found. It ends after the one with which it has deleted as many
-- runs and messages as one call may, so that no call holds the server for long; the caller calls again.
function op.session_delete_all(a)
  local count, deleted = 0, 0
  for _, found in ipairs(a.sessions) do
    if deleted >= sessions.budget then
      break
    end
    if field('session:' .. found[1], 'updated') == found[2] then
      deleted = deleted + call('ZCARD', P .. 'session-runs:' .. found[1]) + call('ZCARD', P .. 'turns:' .. found[1])
      sessions.delete(found[1])
      count = count + 1
    end
  end
  return count
end

function op.summary_put(a)
  if not sessions.is_there(a.id, a.owner) then
    return refused('no session')
  end
  call('HSET', P .. 'session:' .. a.id, 'summary', a.summary)
  return 1
end

function op.summary_get(a)
  if not sessions.is_there(a.id, a.owner) then
    return refused('no session')
  end
  return {field('session:' .. a.id, 'summary')}
end
