-- The place of a run in its session's queue, and what a quota allows.

function op.admit(a)
  local replay = used.find(a.key)
  if replay then
    return replay
  end
  if call('EXISTS', P .. 'run:' .. a.id) == 1 then
    return refused('taken')
  end
  local owner, open = a.run_owner, {}
  if a.session then
    owner = field('session:' .. a.session, 'owner')
    if not owner or (a.owner and a.owner ~= owner) then
      return refused('no session')
    end
    open = call('ZRANGE', P .. 'session-open:' .. a.session, 0, -1)
  end
  local counts = {call('SCARD', P .. 'owner-running:' .. owner), call('ZCARD', P .. 'leases'), 0}
  if not a.worker then
    counts[3] = call('SCARD', P .. 'unclaimed')
  end
  for number, limit in ipairs({a.of_owner or -1, a.of_all or -1, not a.worker and a.unclaimed or -1}) do
    if limit >= 0 and counts[number] >= limit then
      return refused('quota', unpack(counts))
    end
  end
  local stops = a.policy == 'interrupt' or a.policy == 'rollback'
  if open[1] and not stops and (a.policy == 'reject' or runs.in_the_way(open[1])) then
    return runs.busy(open[1])
  end

  for _, id in ipairs(stops and open or {}) do
    runs.ask_to_stop({id = id}, a.policy == 'rollback')
  end
  local running = a.worker ~= nil and #open == 0
  local run = {
    id = a.id, owner = owner, agent = a.agent, session = a.session, parent = a.parent, version = a.version,
    created = a.created, status = running and 'running' or 'queued',
  }
  local position = a.session and call('HINCRBY', P .. 'session:' .. a.session, 'position', 1)
  put('run:' .. a.id, {
    owner = owner, agent = a.agent, session = a.session, user = a.user, parent = a.parent, version = a.version,
    status = run.status, attempt = a.worker and 1 or 0, crashes = 0, created = a.created, position = position or nil,
    started = running and a.created or nil, given = a.given, said = a.said, request = a.request, messages = a.messages,
    size = a.size, digests = blobs.keep(owner, a.digests, a.blobs, 'run:' .. a.id),
  })
  index.add(runs.indexes(run), a.created .. ':' .. a.id)
  runs.use_version(run, 1)
  runs.lease(run, a.worker, a.worker and a.lease or a.within)
  used.keep(a.key, a.id)
  local window = false
  if a.session then
    call('ZADD', P .. 'session-runs:' .. a.session, position, a.id)
    call('ZADD', P .. 'session-open:' .. a.session, position, a.id)
    sessions.touch(a.session, a.created)
    window = running and messages.window(a.session, a.turns)
  end
  local stopped = {}
  for _, id in ipairs(stops and open or {}) do
    stopped[#stopped + 1] = runs.row(id, true)
  end
  return {'run', runs.row(a.id), window, stopped}
end

function op.window(a)
  return messages.window(a.session, a.turns)
end

-- Return whether a session has a run that is queued or running: 1 or 0.
function op.session_is_busy(a)
  for _, id in ipairs(call('ZRANGE', P .. 'session-open:' .. a.id, 0, -1)) do
    if field('run:' .. id, 'status') ~= 'paused' then
      return 1
    end
  end
  return 0
end
