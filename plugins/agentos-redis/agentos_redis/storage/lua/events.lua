-- The event logs of runs: `events:ID` has `TYPE DATA` for each frame, in order and without a gap. The number of the last
-- one is in the run, so the first one has that number less the length of the list. `ended-logs` has those to be deleted.

-- Append the frames and checkpoints that are not there yet; a batch may come a second time.
function runs.log(run, frames, checkpoints)
  local logged, checked = tonumber(run.logged) or 0, tonumber(run.checked) or 0
  for number = frames.first, frames.first + frames.count - 1 do
    if number > logged then
      call('RPUSH', P .. 'events:' .. run.id, ARGV[frames.at + number - frames.first])
      logged = number
    end
  end
  for _, checkpoint in ipairs(checkpoints or {}) do
    if checkpoint.number > checked then
      call('RPUSH', P .. 'checkpoints:' .. run.id, checkpoint.text)
      checked = checkpoint.number
    end
  end
  put('run:' .. run.id, {logged = logged, checked = checked})
end

function op.log(a)
  local left_out = {}
  for _, batch in ipairs(a.batches) do
    local run = runs.load(batch.id)
    if run and not run.ended and (not batch.attempt or batch.attempt == tonumber(run.attempt)) then
      runs.log(run, batch.frames, batch.checkpoints)
    else
      left_out[#left_out + 1] = batch.id
    end
  end
  return left_out
end

function op.events(a)
  local key, logged = P .. 'events:' .. a.id, field('run:' .. a.id, 'logged')
  if not logged then
    return {'1', {}}
  end
  local first = logged - call('LLEN', key) + 1
  local start = math.max(0, a.after - first + 1)
  return {int(first + start), call('LRANGE', key, int(start), int(math.max(start, a.after - first + 1) + a.limit - 1))}
end

function op.logs_delete_old(a)
  local ids = index.scan('ended-logs', {high = '(' .. a.before, limit = a.limit})
  for _, id in ipairs(ids) do
    index.remove({'ended-logs'}, field('run:' .. id, 'ended') .. ':' .. id)
    call('DEL', P .. 'events:' .. id)
  end
  return #ids
end
