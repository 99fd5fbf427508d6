-- Idempotency keys: `used:NAME`, and `used@` by the time when they were kept.

function used.find(key)
  if not key then
    return false
  end
  local found = call('HMGET', P .. 'used:' .. key.name, 'fingerprint', 'made', 'expires')
  if not found[1] or tonumber(found[3]) <= now() then
    return false
  end
  return {'replay', found[1], found[2]}
end

function used.keep(key, made)
  if not key then
    return
  end
  local before = field('used:' .. key.name, 'created')
  if before then
    index.remove({'used@'}, before .. ':' .. key.name)
  end
  local time = now()
  put('used:' .. key.name, {
    fingerprint = key.fingerprint, made = made, created = stamp(time), expires = int(time + key.lasts),
  })
  index.add({'used@'}, stamp(time) .. ':' .. key.name)
end

function op.used_find(a)
  return used.find(a.key)
end

function op.used_delete_old(a)
  local names = index.scan('used@', {high = '(' .. a.before, limit = a.limit})
  for _, name in ipairs(names) do
    index.remove({'used@'}, field('used:' .. name, 'created') .. ':' .. name)
    call('DEL', P .. 'used:' .. name)
  end
  return #names
end
