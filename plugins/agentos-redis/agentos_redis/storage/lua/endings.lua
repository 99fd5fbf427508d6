-- The one end of each run: all that it leaves behind, or nothing.

function op.finish(a)
  local run = runs.load(a.id)
  if not run or run.ended or tonumber(run.attempt) ~= a.attempt then
    return false
  end
  local changes = a.state and run.session and not run.forget
  if changes then
    local version, state = unpack(call('HMGET', P .. 'session:' .. run.session, 'version', 'state'))
    if tonumber(version) ~= a.version then
      return refused('state', version, state)
    end
  end

  -- Deletes first. A server that is full takes what follows a deletion in the same script, so a run ends all the same.
  runs.set_status(run, a.status)
  runs.leave(run)
  runs.use_version(run, -1)
  call('SREM', P .. 'stopping', run.id)
  local kept = run.forget and {} or a.messages
  local digests = {}
  for digest in string.gmatch(run.digests or '', '[^,]+') do
    digests[#digests + 1] = digest
  end
  for _, message in ipairs(run.session and kept or {}) do
    for digest in string.gmatch(message.digests, '[^,]+') do
      digests[#digests + 1] = digest
    end
  end
  put('run:' .. run.id, {
    ended = a.ended, said = a.said, steps = a.steps, tokens = a.tokens, size = a.size,
    digests = blobs.keep(run.owner, digests, a.blobs, 'run:' .. run.id),
  })
  runs.log(run, a.frames)
  if call('EXISTS', P .. 'events:' .. run.id) == 1 then
    index.add({'ended-logs'}, a.ended .. ':' .. run.id)
  end
  call('DEL', P .. 'checkpoints:' .. run.id)
  for _, action in ipairs(call('LRANGE', P .. 'actions:' .. run.id, 0, -1)) do
    if call('HEXISTS', P .. 'action:' .. action, 'answer') == 0 then
      pauses.drop(action)
      call('LREM', P .. 'actions:' .. run.id, 0, action)
    end
  end
  records.put_all(a.records)
  if not run.session then
    return {false}
  end
  local session = P .. 'session:' .. run.session
  call('ZREM', P .. 'session-open:' .. run.session, run.id)
  call('HINCRBY', session, 'run_count', 1)
  call('HINCRBY', session, 'total_tokens', a.tokens)
  if changes then
    call('HSET', session, 'state', a.state)
    call('HINCRBY', session, 'version', 1)
  end
  if #kept > 0 then
    local turn = call('HINCRBY', session, 'turn', 1)
    local last = call('HINCRBY', session, 'sequence', #kept)
    put('run:' .. run.id, {turn = turn, first = last - #kept + 1, last = last})
    for number, message in ipairs(kept) do
      messages.add(run.session, last - #kept + number, turn, {
        created = message.created, position = '-', size = message.size, digests = message.digests,
        run = run.id, text = message.text,
      })
    end
  end
  local following = runs.first_of(run.session)
  local free = following and call('SISMEMBER', P .. 'unclaimed', following) == 1
  return {free and not field('run:' .. following, 'cancel') and following or false}
end
