-- Runs that wait. `actions:RUN` has the ids of all actions of a run, `action:ID` each one, with its answer if it has one.
-- `waiting@` lists those that wait, `waiting@FIELD:VALUE` those of an owner or a kind.
pauses.fields = {'run', 'agent', 'owner', 'session', 'user', 'text', 'answer'}


-- An action does not wait any more.
function pauses.settle(id)
  local owner, kind, created = unpack(call('HMGET', P .. 'action:' .. id, 'owner', 'kind', 'created'))
  index.remove({'waiting@', 'waiting@owner:' .. owner, 'waiting@kind:' .. kind}, created .. ':' .. id)
end

function pauses.drop(id)
  pauses.settle(id)
  call('DEL', P .. 'action:' .. id)
end

-- Return the texts of a run's actions from one on, each with its answer.
function pauses.actions(id, start)
  local found = {}
  for _, action in ipairs(call('LRANGE', P .. 'actions:' .. id, start, -1)) do
    found[#found + 1] = call('HMGET', P .. 'action:' .. action, 'text', 'answer')
  end
  return found
end

function op.pause(a)
  local known = {}
  for _, id in ipairs(call('LRANGE', P .. 'actions:' .. a.id, 0, -1)) do
    known[id] = true
  end
  local before = true
  for _, action in ipairs(a.actions) do
    before = before and known[action.id]
  end
  if before then
    return {1}
  end
  local run = runs.load(a.id)
  if not run or run.status ~= 'running' or tonumber(run.attempt) ~= a.attempt then
    return {0}
  end
  if run.cancel then
    return refused('cancelled')
  end
  local paused = call('SCARD', P .. 'owner-paused:' .. run.owner)
  if a.limit and paused >= a.limit then
    return refused('paused', paused)
  end

  runs.log(run, a.frames, a.checkpoints)
  runs.leave(run)
  runs.set_status(run, 'paused')
  call('SADD', P .. 'owner-paused:' .. run.owner, run.id)
  put('run:' .. run.id, {
    said = a.said, steps = a.steps, size = a.size, tokens = a.tokens,
    earlier = call('LLEN', P .. 'actions:' .. run.id),
  })
  for _, action in ipairs(a.actions) do
    call('RPUSH', P .. 'actions:' .. run.id, action.id)
    put('action:' .. action.id, {
      run = run.id, agent = run.agent, owner = run.owner, session = run.session or nil, user = run.user or nil,
      text = action.text, created = action.created, expires = action.expires, kind = action.kind, tool = action.tool,
      approver = action.approver,
    })
    local lists = {'waiting@', 'waiting@owner:' .. run.owner, 'waiting@kind:' .. action.kind}
    index.add(lists, action.created .. ':' .. action.id)
  end
  records.put_all(a.records)
  return {1}
end

function pauses.expired(id)
  local expires = field('action:' .. id, 'expires')
  return expires and tonumber(expires) <= now()
end

-- Return what decides which answers are taken.
function op.answerable(a)
  local run = runs.of(a.id, a.owner)
  if not run then
    return refused('no run')
  end
  local found = {}
  for _, id in ipairs(call('LRANGE', P .. 'actions:' .. a.id, 0, -1)) do
    local text, answer = unpack(call('HMGET', P .. 'action:' .. id, 'text', 'answer'))
    found[#found + 1] = {text, answer, pauses.expired(id) and 1 or 0}
  end
  return {run.status, run.cancel and 1 or 0, found}
end

-- Save answers that `answerable` has shown to be new. `changed`: something happened since, so look again.
function op.answer(a)
  local run = runs.of(a.id, a.owner)
  if not run then
    return refused('no run')
  end
  for _, new in ipairs(a.answers) do
    local has = call('HMGET', P .. 'action:' .. new.id, 'run', 'answer')
    local late = pauses.expired(new.id) and true or false
    if run.status ~= 'paused' or run.cancel or has[1] ~= a.id or has[2] or late ~= a.late then
      return refused('changed')
    end
  end

  for _, new in ipairs(a.answers) do
    call('HSET', P .. 'action:' .. new.id, 'answer', new.text)
    pauses.settle(new.id)
  end
  records.put_all(a.records)
  local resumed = #a.answers > 0 and #runs.pending(a.id) == 0
  if resumed then
    runs.set_status(run, 'queued')
    runs.lease(run, nil, a.within)
    for _, key in ipairs(a.forget) do
      records.remove(unpack(key))
    end
  end
  return {runs.row(a.id, true), resumed and 1 or 0, call('HMGET', P .. 'run:' .. a.id, 'request', 'messages')}
end

function pauses.row(id)
  return call('HMGET', P .. 'action:' .. id, unpack(pauses.fields))
end

function op.waiting(a)
  local narrow = {owner = a.where.owner, kind = a.where.kind}
  local key = index.best('waiting@', narrow)
  local same = next(a.where) and index.matcher('action:', a.where)
  local match = (same or a.approver_of) and function(id)
    if same and not same(id) then
      return false
    end
    local owner, kind = unpack(call('HMGET', P .. 'action:' .. id, 'owner', 'kind'))
    return not a.approver_of or kind == 'approval' or owner == a.approver_of
  end
  local ids, place, offset = index.scan(key, a.query, match)
  local rows = {}
  for _, id in ipairs(ids) do
    rows[#rows + 1] = a.bare and id or pauses.row(id)
  end
  return {rows, place, int(offset)}
end

function op.action(a)
  local row = pauses.row(a.id)
  return row[1] and row
end

function op.actions(a)
  return pauses.actions(a.id, 0)
end

function op.checkpoints(a)
  return call('LRANGE', P .. 'checkpoints:' .. a.id, 0, -1)
end
