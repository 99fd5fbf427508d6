-- Runs: `run:ID`, and beside it `events:ID`, `checkpoints:ID` and `actions:ID`.
--
-- `run@` lists all by the time of their making, `run@FIELD:VALUE` those with a value. What is under way is in `leases`,
-- by the time until which its worker has it, or one should have claimed it. `worker:ID` has the runs of a worker,
-- `unclaimed` those that no worker has, `stopping` the unfinished ones that were asked to stop, `owner-running:OWNER`
-- and `owner-paused:OWNER` those that quotas count. A session has its runs in `session-runs:ID` and the unfinished ones
-- in `session-open:ID`, both by position.
runs.shown = {
  'owner', 'session', 'position', 'status', 'attempt', 'crashes', 'worker', 'created', 'started', 'ended', 'given',
  'said',
}
runs.known = {
  'owner', 'agent', 'session', 'user', 'parent', 'status', 'attempt', 'crashes', 'worker', 'cancel', 'forget', 'created',
  'started', 'ended', 'position', 'turn', 'tokens', 'version', 'digests', 'logged', 'checked', 'earlier', 'first', 'last',
}

-- Return what operations look at of a run, or nil. What it has no value for is false.
function runs.load(id)
  local values = call('HMGET', P .. 'run:' .. id, unpack(runs.known))
  if not values[1] then
    return nil
  end
  local run = {id = id}
  for number, name in ipairs(runs.known) do
    run[name] = values[number]
  end
  return run
end

function runs.of(id, owner)
  local run = runs.load(id)
  return run and (not owner or run.owner == owner) and run or nil
end

-- Return the actions that a run waits for.
function runs.pending(id)
  local found = {}
  for _, action in ipairs(call('LRANGE', P .. 'actions:' .. id, 0, -1)) do
    local text, answer = unpack(call('HMGET', P .. 'action:' .. action, 'text', 'answer'))
    if not answer then
      found[#found + 1] = text
    end
  end
  return found
end

-- Return a run as it is read; lists leave out the steps, and what it waits for.
function runs.row(id, whole)
  local row = {id, unpack(call('HMGET', P .. 'run:' .. id, unpack(runs.shown)))}
  row[14] = whole and field('run:' .. id, 'steps') or false
  row[15] = whole and row[5] == 'paused' and runs.pending(id) or {}
  return row
end

function runs.indexes(run)
  local names = {'run@', 'run@owner:' .. run.owner, 'run@agent:' .. run.agent, 'run@status:' .. run.status}
  if run.session then
    names[#names + 1] = 'run@session:' .. run.session
  end
  if run.parent then
    names[#names + 1] = 'run@parent:' .. run.parent
  end
  return names
end

function runs.set_status(run, status)
  local member = run.created .. ':' .. run.id
  index.remove({'run@status:' .. run.status}, member)
  index.add({'run@status:' .. status}, member)
  call('HSET', P .. 'run:' .. run.id, 'status', status)
  run.status = status
end

-- Take a run out of all that says who has it.
function runs.leave(run)
  if run.worker then
    call('SREM', P .. 'worker:' .. run.worker, run.id)
    call('HDEL', P .. 'run:' .. run.id, 'worker')
    run.worker = false
  end
  call('SREM', P .. 'unclaimed', run.id)
  call('ZREM', P .. 'leases', run.id)
  call('SREM', P .. 'owner-running:' .. run.owner, run.id)
  call('SREM', P .. 'owner-paused:' .. run.owner, run.id)
end

-- Give a run to a worker, or let any worker claim it; one has it, or should have claimed it, until then.
function runs.lease(run, worker, lasts)
  runs.leave(run)
  call('ZADD', P .. 'leases', int(now() + lasts), run.id)
  call('SADD', P .. 'owner-running:' .. run.owner, run.id)
  if worker then
    call('SADD', P .. 'worker:' .. worker, run.id)
    call('HSET', P .. 'run:' .. run.id, 'worker', worker)
    run.worker = worker
  else
    call('SADD', P .. 'unclaimed', run.id)
  end
end

function runs.expired(run)
  local lease = call('ZSCORE', P .. 'leases', run.id)
  return lease and tonumber(lease) < now()
end

-- That a run is to be forgotten is never taken back.
function runs.ask_to_stop(run, forget)
  put('run:' .. run.id, {cancel = '1', forget = forget and '1' or nil})
  call('SADD', P .. 'stopping', run.id)
end

-- Return the id of a session's first unfinished run.
function runs.first_of(session)
  return call('ZRANGE', P .. 'session-open:' .. session, 0, 0)[1]
end

-- Return the id of the oldest unfinished run of its session, if that is another one.
function runs.first_before(run)
  if not run.session then
    return nil
  end
  local first = runs.first_of(run.session)
  return first ~= run.id and first or nil
end

-- Say that a session is busy; with what a paused run waits for, if one is in the way. Only the first can be paused.
function runs.busy(id)
  local first = runs.load(id)
  if first.status ~= 'paused' or first.cancel then
    return refused('busy', first.session)
  end
  local pending = {}
  for _, action in ipairs(call('LRANGE', P .. 'actions:' .. id, 0, -1)) do
    if call('HEXISTS', P .. 'action:' .. action, 'answer') == 0 then
      pending[#pending + 1] = action
    end
  end
  return refused('busy', first.session, id, pending)
end

function runs.in_the_way(id)
  local status, cancel = unpack(call('HMGET', P .. 'run:' .. id, 'status', 'cancel'))
  return status == 'paused' and not cancel
end

-- Count the unfinished runs that have a version of an agent.
function runs.use_version(run, more)
  if run.version then
    local key = P .. 'agent-use:' .. run.agent
    if call('HINCRBY', key, run.version, more) <= 0 then
      call('HDEL', key, run.version)
    end
  end
end

-- Delete a run with all that belongs to it; return how many attachments went with it. Its session is as it was.
function runs.drop(run)
  local member = run.created .. ':' .. run.id
  index.remove(runs.indexes(run), member)
  runs.leave(run)
  call('SREM', P .. 'stopping', run.id)
  if run.session then
    call('ZREM', P .. 'session-runs:' .. run.session, run.id)
    call('ZREM', P .. 'session-open:' .. run.session, run.id)
  end
  if run.ended then
    index.remove({'ended-logs'}, run.ended .. ':' .. run.id)
  else
    runs.use_version(run, -1)
  end
  for _, action in ipairs(call('LRANGE', P .. 'actions:' .. run.id, 0, -1)) do
    pauses.drop(action)
  end
  local gone = blobs.drop(run.owner, run.digests, 'run:' .. run.id)
  call('DEL', P .. 'run:' .. run.id, P .. 'events:' .. run.id, P .. 'checkpoints:' .. run.id, P .. 'actions:' .. run.id)
  return gone
end

-- Delete a run, and take it out of its session.
function runs.delete(run)
  local gone = runs.drop(run)
  if run.session then
    local key = P .. 'session:' .. run.session
    if run.ended then
      call('HINCRBY', key, 'run_count', -1)
      if run.tokens ~= '0' then
        call('HINCRBY', key, 'total_tokens', '-' .. run.tokens)
      end
    end
    if run.turn then
      local sequences = {}
      for sequence = tonumber(run.first), tonumber(run.last) do
        sequences[#sequences + 1] = int(sequence)
      end
      messages.remove(run.session, sequences)
    end
  end
  return gone
end

function op.run_get(a)
  return runs.of(a.id, a.owner) and runs.row(a.id, true) or false
end

function op.run_request(a)
  if not runs.of(a.id, a.owner) then
    return false
  end
  return call('HMGET', P .. 'run:' .. a.id, 'request', 'messages')
end

function op.run_list(a)
  local key, more = index.best('run@', a.where)
  local ids, place, offset = index.scan(key, a.query, more and index.matcher('run:', a.where))
  local rows = {}
  for _, id in ipairs(ids) do
    rows[#rows + 1] = runs.row(id)
  end
  return {rows, place, int(offset)}
end

function op.run_cancel(a)
  local run = runs.of(a.id, a.owner)
  if not run then
    return false
  end
  if not run.ended then
    write_when_full()
    runs.ask_to_stop(run, a.forget)
  end
  return runs.row(a.id, true)
end

function runs.is_of_user(run, user)
  return not user or run.user == user or (run.session and field('session:' .. run.session, 'user_id') == user)
end

function op.run_cancel_of_owner(a)
  local rows = {}
  write_when_full()
  for _, key in ipairs({'owner-running:', 'owner-paused:'}) do
    for _, id in ipairs(call('SMEMBERS', P .. key .. a.data_owner)) do
      local run = runs.load(id)
      if runs.is_of_user(run, a.user) then
        runs.ask_to_stop(run, false)
        rows[#rows + 1] = runs.row(id, true)
      end
    end
  end
  return rows
end

function op.run_delete(a)
  local run = runs.of(a.id, a.owner)
  if not run then
    return false
  end
  local row = runs.row(a.id, true)
  if run.ended or run.status == 'paused' then
    runs.delete(run)
  end
  return row
end

function op.run_delete_old(a)
  local ids, place = index.scan('run@', a.query)
  local count = 0
  for _, id in ipairs(ids) do
    local run = runs.load(id)
    if not run.session and run.ended and run.ended < a.before then
      runs.delete(run)
      count = count + 1
    end
  end
  return {count, place}
end

function op.run_delete_of_owner(a)
  local ids, place = index.scan('run@owner:' .. a.data_owner, a.query)
  local count, gone = 0, 0
  for _, id in ipairs(ids) do
    local run = runs.load(id)
    if runs.is_of_user(run, a.user) then
      gone = gone + runs.delete(run)
      count = count + 1
    end
  end
  return {count, gone, place}
end

function op.backlog()
  local first = function(key)
    local member = call('ZRANGE', P .. key, 0, 0)[1]
    return member and string.sub(member, 1, 16) or false
  end
  return {
    call('ZCARD', P .. 'run@status:queued'), first('run@status:queued'), call('ZCARD', P .. 'run@status:paused'),
    first('waiting@kind:approval'),
  }
end
