-- What was said in a session. `messages:SESSION` has by its sequence, of each message, one line of facts and its text;
-- `turns:SESSION` has the sequences, with ten digits, by their turns, which is the order of the sequences too.
--
-- The facts are the time, the position (of an added message, that of the last run before it), the size, the digests of
-- the attachments and the id of the run.

local function padded(sequence)
  return string.format('%010.0f', sequence)
end

function messages.add(session, sequence, turn, m)
  local facts = table.concat({m.created, m.position, int(m.size), m.digests == '' and '-' or m.digests, m.run}, ' ')
  call('HSET', P .. 'messages:' .. session, int(sequence), facts .. '\n' .. m.text)
  call('ZADD', P .. 'turns:' .. session, int(turn), padded(sequence))
end

-- Return the facts of a message. Its position is that of its run, unless it was added.
function messages.read(sequence, value)
  local created, position, size, digests, run = string.match(value, '^(%S+) (%S+) (%S+) (%S+) ([^\n]*)\n')
  return {
    sequence = sequence, created = created, position = position, size = tonumber(size),
    digests = digests == '-' and '' or digests, run = run,
  }
end

function messages.at(session, sequence)
  local value = field('messages:' .. session, int(sequence))
  return value and messages.read(sequence, value)
end

function messages.position(message)
  return tonumber(message.position == '-' and field('run:' .. message.run, 'position') or message.position)
end

-- Return sequences by their ranks, counted from 0.
function messages.sequences(session, start, stop)
  local found = {}
  for number, member in ipairs(call('ZRANGE', P .. 'turns:' .. session, start, stop)) do
    found[number] = int(tonumber(member))
  end
  return found
end

function messages.each(session, visit)
  local count = call('ZCARD', P .. 'turns:' .. session)
  for start = 0, count - 1, 500 do
    local sequences = messages.sequences(session, start, start + 499)
    for number, value in ipairs(fields_of('messages:' .. session, sequences)) do
      visit(messages.read(sequences[number], value))
    end
  end
end

-- Return the rank of the first message that passes a test, which all later ones pass too.
function messages.search(session, test)
  local low, high = 0, call('ZCARD', P .. 'turns:' .. session)
  while low < high do
    local middle = math.floor((low + high) / 2)
    if test(tonumber(messages.sequences(session, middle, middle)[1])) then
      high = middle
    else
      low = middle + 1
    end
  end
  return low
end

function messages.window(session, turns)
  local last = tonumber(field('session:' .. session, 'turn')) or 0
  local sequences = {}
  for number, member in ipairs(call('ZRANGEBYSCORE', P .. 'turns:' .. session, '(' .. int(last - turns), '+inf')) do
    sequences[number] = int(tonumber(member))
  end
  return fields_of('messages:' .. session, sequences)
end

-- Remove messages, and the summary, which may say what they said. The next turn is counted from the last one left.
function messages.remove(session, sequences)
  for _, sequence in ipairs(sequences) do
    call('HDEL', P .. 'messages:' .. session, sequence)
    call('ZREM', P .. 'turns:' .. session, padded(sequence))
  end
  local last = call('ZRANGE', P .. 'turns:' .. session, -1, -1, 'WITHSCORES')
  call('HSET', P .. 'session:' .. session, 'turn', last[2] and int(tonumber(last[2])) or '0')
  call('HDEL', P .. 'session:' .. session, 'summary')
end

-- Add messages without a run. A message of a user begins a turn; what else is said first continues the last turn, if
-- that was added too and is not too long.
function messages.append(a)
  if #a.messages == 0 then
    return
  end
  local owner, turn, position = unpack(call('HMGET', P .. 'session:' .. a.id, 'owner', 'turn', 'position'))
  turn = tonumber(turn)
  local last = call('HINCRBY', P .. 'session:' .. a.id, 'sequence', #a.messages)
  local first = last - #a.messages + 1
  local before = messages.sequences(a.id, -1, -1)[1]
  local added = before and messages.at(a.id, before).position ~= '-'
  local begun = added and call('ZCOUNT', P .. 'turns:' .. a.id, turn, turn) < a.most_continued
  for number, message in ipairs(a.messages) do
    if message.begins or not begun then
      turn, begun = turn + 1, true
    end
    local sequence = first + number - 1
    message.digests = blobs.keep(owner, message.digests, a.blobs, 'message:' .. a.id .. ':' .. int(sequence))
    message.position, message.run = position, ''
    messages.add(a.id, sequence, turn, message)
  end
  call('HSET', P .. 'session:' .. a.id, 'turn', int(turn))
end

function op.append(a)
  if not sessions.is_there(a.id, a.owner) then
    return refused('no session')
  end
  local first = runs.first_of(a.id)
  if first then
    return runs.busy(first)
  end
  messages.append(a)
  sessions.touch(a.id, a.now)
  return field('session:' .. a.id, 'sequence')
end

function op.remove_message(a)
  local message = sessions.is_there(a.id, a.owner) and messages.at(a.id, a.sequence)
  if not message then
    return 0
  end
  if message.position == '-' then
    return refused('of a run', message.run)
  end
  local sequence = int(a.sequence)
  blobs.drop(field('session:' .. a.id, 'owner'), message.digests, 'message:' .. a.id .. ':' .. sequence)
  messages.remove(a.id, {sequence})
  return 1
end

-- Return the ids of the latest runs without messages between two positions, as many as one page has.
function messages.runs_without(session, after, before, a)
  local found, size = {}, 0
  while true do
    local ids = call(
      'ZREVRANGEBYSCORE', P .. 'session-runs:' .. session, '(' .. int(before), '(' .. int(after), 'LIMIT', 0, 100
    )
    for _, id in ipairs(ids) do
      local turn, ended, forget, bytes, position = unpack(
        call('HMGET', P .. 'run:' .. id, 'turn', 'ended', 'forget', 'size', 'position')
      )
      before = tonumber(position)
      if ended and not turn and not forget then
        found[#found + 1], size = id, size + tonumber(bytes)
        if #found == a.most_runs or size > a.most_size then
          return found
        end
      end
    end
    if #ids < 100 then
      return found
    end
  end
end

function op.history(a)
  if not sessions.is_there(a.id, a.owner) then
    return refused('no session')
  end
  local sequence, position = unpack(call('HMGET', P .. 'session:' .. a.id, 'sequence', 'position'))
  local is_last = not a.before or a.before > tonumber(sequence)
  local stop = messages.search(a.id, function(one)
    return not is_last and one >= a.before
  end)
  local start = math.max(0, stop - a.limit)
  local sequences = stop > start and messages.sequences(a.id, start, stop - 1) or {}
  local found, shown, ids = fields_of('messages:' .. a.id, sequences), {}, {}
  for number, value in ipairs(found) do
    local run = messages.read(sequences[number], value).run
    if not shown[run] and field('run:' .. run, 'session') == a.id then
      shown[run], ids[#ids + 1] = true, run
    end
  end
  local after, before = 0, tonumber(position) + 1
  if start > 0 then
    after = messages.position(messages.at(a.id, messages.sequences(a.id, start - 1, start - 1)[1]))
  end
  if not is_last then
    before = #sequences > 0 and messages.position(messages.at(a.id, sequences[#sequences])) + 1 or 0
  end
  for _, id in ipairs(messages.runs_without(a.id, after, before, a)) do
    ids[#ids + 1] = id
  end
  local positions, rows = {}, {}
  for _, id in ipairs(ids) do
    positions[id] = tonumber(field('run:' .. id, 'position'))
  end
  table.sort(ids, function(one, other) return positions[one] < positions[other] end)
  for number, id in ipairs(ids) do
    rows[number] = runs.row(id)
  end
  return {sequences, found, rows}
end

-- Return the texts of a part of a session's messages, and whether there are more.
function op.texts(a)
  local sequences = messages.sequences(a.id, a.start, a.start + a.limit - 1)
  return fields_of('messages:' .. a.id, sequences)
end
