-- The bytes of attachments: `blob:DIGEST` has them by owner, `blob-users:DIGEST:OWNER` the runs and messages with them.

-- Keep the bytes that are new, and say who has them; return the digests of those that are there.
function blobs.keep(owner, digests, new, user)
  local kept = {}
  for _, digest in ipairs(digests or {}) do
    local key = P .. 'blob:' .. digest
    if new and new[digest] then
      call('HSETNX', key, owner, ARGV[new[digest]])
    end
    if call('HEXISTS', key, owner) == 1 then
      call('SADD', P .. 'blob-users:' .. digest .. ':' .. owner, user)
      kept[#kept + 1] = digest
    end
  end
  return table.concat(kept, ',')
end

-- Forget the bytes that nothing else of their owner has; return how many.
function blobs.drop(owner, digests, user)
  local count = 0
  for digest in string.gmatch(digests or '', '[^,]+') do
    local users = P .. 'blob-users:' .. digest .. ':' .. owner
    call('SREM', users, user)
    if call('EXISTS', users) == 0 then
      count = count + call('HDEL', P .. 'blob:' .. digest, owner)
    end
  end
  return count
end

function op.blob(a)
  if a.owner then
    return field('blob:' .. a.digest, a.owner)
  end
  return call('HVALS', P .. 'blob:' .. a.digest)[1] or false
end
