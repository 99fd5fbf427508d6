-- Counts a request under each of KEYS, a token bucket written as one time (GCRA); all times are in microseconds.
-- ARGV has for each key: the interval after which a token comes back, and the tokens of a full bucket.
-- Returns {0, 0}, or the place of the key that refuses, counted from 1, and how long it does.
local clock = redis.call("TIME")
local now = clock[1] * 1000000 + clock[2]
for place, key in ipairs(KEYS) do
  local interval = tonumber(ARGV[2 * place - 1])
  local burst = tonumber(ARGV[2 * place])
  local full_at = math.max(tonumber(redis.call("GET", key) or now), now) + interval
  local wait = full_at - burst * interval - now
  if wait > 0 then
    return {place, string.format("%.0f", wait)}
  end
  redis.call("SET", key, string.format("%.0f", full_at), "PX", math.ceil((full_at - now) / 1000))
end
return {0, "0"}
