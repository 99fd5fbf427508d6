-- Ids of other protocols: `alias:NAME` is a session's id, where a name is OWNER, DOOR and ID with a zero byte between
-- them. `session-aliases:SESSION` and `owner-aliases:OWNER` have the names.

function op.alias_find(a)
  return call('GET', P .. 'alias:' .. a.name)
end

function op.alias_bind(a)
  local bound = call('GET', P .. 'alias:' .. a.name)
  if bound then
    return bound
  end
  if call('EXISTS', P .. 'session:' .. a.id) == 1 then
    return refused('taken')
  end
  sessions.create(a.id, a.fields, a.updated)
  call('SET', P .. 'alias:' .. a.name, a.id)
  call('SADD', P .. 'session-aliases:' .. a.id, a.name)
  call('SADD', P .. 'owner-aliases:' .. a.alias_owner, a.name)
  return a.id
end

function op.alias_delete_of_owner(a)
  local key, count, names = P .. 'owner-aliases:' .. a.alias_owner, 0, nil
  if a.user then
    names = call('SMEMBERS', key)
  else
    names = call('SRANDMEMBER', key, a.limit)
  end
  for _, name in ipairs(names) do
    if count == a.limit then
      break
    end
    local session = call('GET', P .. 'alias:' .. name)
    if not a.user or field('session:' .. session, 'user_id') == a.user then
      call('DEL', P .. 'alias:' .. name)
      call('SREM', P .. 'session-aliases:' .. session, name)
      call('SREM', key, name)
      count = count + 1
    end
  end
  return count
end
