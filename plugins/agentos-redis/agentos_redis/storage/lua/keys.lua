-- API keys: `key:ID`, and `keys@` by the time of their making.

local function row(id)
  local values = call('HMGET', P .. 'key:' .. id, 'text', 'revoked')
  return values[1] and values
end

function op.key_add(a)
  if call('EXISTS', P .. 'key:' .. a.id) == 1 then
    return refused('taken')
  end
  if a.new_owner then
    for _, member in ipairs(call('ZRANGE', P .. 'keys@', 0, -1)) do
      local id = string.sub(member, 18)
      local name, owner = unpack(call('HMGET', P .. 'key:' .. id, 'name', 'owner'))
      if name == a.key_owner or owner == a.key_owner then
        return row(id)
      end
    end
  end
  put('key:' .. a.id, {text = a.text, name = a.name, owner = a.key_owner, revoked = a.revoked})
  index.add({'keys@'}, a.created .. ':' .. a.id)
  return false
end

function op.key_get(a)
  return row(a.id)
end

function op.key_list()
  local rows = {}
  for number, member in ipairs(call('ZRANGE', P .. 'keys@', 0, -1)) do
    rows[number] = row(string.sub(member, 18))
  end
  return rows
end

function op.key_revoke(a)
  if not row(a.id) then
    return false
  end
  write_when_full()
  call('HSETNX', P .. 'key:' .. a.id, 'revoked', a.now)
  return row(a.id)
end
