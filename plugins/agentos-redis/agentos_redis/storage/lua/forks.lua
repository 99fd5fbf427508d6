-- Forks of sessions. The messages of a fork belong to no run of it, and are there before its first.

-- Return the rank at which a copy ends that is to end before a run; nil for a run that the session knows nothing of.
local function end_before(session, run)
  local has = call('HMGET', P .. 'run:' .. run, 'session', 'first', 'position')
  if has[1] == session then
    if has[2] then
      return messages.search(session, function(sequence) return sequence >= tonumber(has[2]) end)
    end
    return messages.search(session, function(sequence)
      return messages.position(messages.at(session, sequence)) >= tonumber(has[3])
    end)
  end
  local rank, found = 0, nil
  messages.each(session, function(message)
    if not found and message.run == run then
      found = rank
    end
    rank = rank + 1
  end)
  return found
end

function op.fork(a)
  if not sessions.is_there(a.id, a.owner) then
    return refused('no session')
  end
  local replay = used.find(a.key)
  if replay then
    return replay
  end
  if call('EXISTS', P .. 'session:' .. a.fork) == 1 then
    return refused('taken')
  end
  local all = call('ZCARD', P .. 'turns:' .. a.id)
  local count = all
  if a.before then
    count = end_before(a.id, a.before)
    if not count then
      return refused('no run')
    end
  end
  if count > a.most_messages then
    return refused('size', count, 0)
  end
  local members = count > 0 and call('ZRANGE', P .. 'turns:' .. a.id, 0, count - 1, 'WITHSCORES') or {}
  local sequences, turns, size = {}, {}, 0
  for number = 1, #members, 2 do
    sequences[#sequences + 1], turns[#turns + 1] = int(tonumber(members[number])), tonumber(members[number + 1])
  end
  local values = fields_of('messages:' .. a.id, sequences)
  for number, value in ipairs(values) do
    size = size + messages.read(sequences[number], value).size
  end
  if size > a.most_characters then
    return refused('size', count, size)
  end

  local whole, parent = count == all, {}
  local next_message = messages.sequences(a.id, count, count)[1]
  for _, name in ipairs({'owner', 'agent_id', 'user_id', 'team_id', 'workflow_id', 'name', 'metadata'}) do
    parent[name] = field('session:' .. a.id, name) or nil
  end
  parent.state = whole and field('session:' .. a.id, 'state') or '{}'
  parent.summary = whole and field('session:' .. a.id, 'summary') or nil
  for _, name in ipairs(a.cleared) do
    parent[name] = nil
  end
  for name, value in pairs(a.fields) do
    parent[name] = value
  end
  parent.run_count, parent.total_tokens, parent.version = 0, 0, 1
  parent.created, parent.forked = a.now, a.forked
  parent.turn = turns[#turns] or 0
  parent.sequence = next_message and next_message - 1 or tonumber(field('session:' .. a.id, 'sequence'))
  sessions.create(a.fork, parent, a.now)
  for number, value in ipairs(values) do
    local message = messages.read(sequences[number], value)
    local digests = {}
    for digest in string.gmatch(message.digests, '[^,]+') do
      digests[#digests + 1] = digest
    end
    message.digests = blobs.keep(parent.owner, digests, nil, 'message:' .. a.fork .. ':' .. sequences[number])
    message.position, message.text = '0', string.match(value, '^[^\n]*\n(.*)$')
    messages.add(a.fork, sequences[number], turns[number], message)
  end
  used.keep(a.key, a.fork)
  return {'forked', sessions.row(a.fork)}
end
