-- What a worker asks about its own runs, some times a second.

function op.cancel_requests(a)
  return call('SINTER', P .. 'worker:' .. a.worker, P .. 'stopping')
end

function op.leased(a)
  return call('SMEMBERS', P .. 'worker:' .. a.worker)
end

function op.renew(a)
  local ids, till = call('SMEMBERS', P .. 'worker:' .. a.worker), int(now() + a.lease)
  write_when_full()
  for _, id in ipairs(ids) do
    call('ZADD', P .. 'leases', 'XX', till, id)
  end
  return ids
end
