-- Which worker has a run. Leases are by this server's clock alone.

function op.claim(a)
  local run = runs.load(a.id)
  if not run or not (run.status == 'queued' or run.status == 'running') then
    return refused('no run')
  end
  local queued = run.status == 'queued'
  local here = queued and run.worker == a.worker
  if not ((queued and not run.worker) or here or runs.expired(run)) then
    return refused('no run')
  end
  if queued and run.cancel then
    return false
  end
  local first = runs.first_before(run)
  if first then
    return here and runs.in_the_way(first) and runs.busy(first)
  end

  runs.set_status(run, 'running')
  put('run:' .. run.id, {
    attempt = here and run.attempt or run.attempt + 1,
    crashes = queued and run.crashes or run.crashes + 1,
    started = run.started or a.now,
  })
  runs.lease(run, a.worker, a.lease)
  local request = call('HMGET', P .. 'run:' .. run.id, 'request', 'messages')
  local event = call('LINDEX', P .. 'events:' .. run.id, -1)
  return {
    runs.row(run.id), request, call('LRANGE', P .. 'checkpoints:' .. run.id, 0, -1),
    pauses.actions(run.id, run.earlier or 0), event and run.logged or '0', event, queued and 0 or 1,
    run.cancel and 1 or 0,
  }
end

local function oldest(found, limit)
  table.sort(found)
  local ids = {}
  for number = 1, math.min(#found, limit) do
    ids[number] = string.sub(found[number], 18)
  end
  return ids
end

-- A run behind another one of its session could not be claimed. Very many of these must not hide the others, so all
-- that have expired are looked at.
function op.unattended(a)
  local unclaimed, lost, stopped, time = {}, {}, {}, int(now())
  for _, id in ipairs(call('ZRANGEBYSCORE', P .. 'leases', '-inf', '(' .. time)) do
    local run = runs.load(id)
    if not (run.status == 'queued' and run.cancel) and not runs.first_before(run) then
      local list = run.worker and lost or unclaimed
      list[#list + 1] = run.created .. ':' .. id
    end
  end
  for _, id in ipairs(call('SMEMBERS', P .. 'stopping')) do
    local run = runs.load(id)
    if run.status == 'paused' or (run.status == 'queued' and (not run.worker or runs.expired(run))) then
      stopped[#stopped + 1] = run.created .. ':' .. id
    end
  end
  return {oldest(unclaimed, a.limit), oldest(lost, a.limit), oldest(stopped, a.limit)}
end
