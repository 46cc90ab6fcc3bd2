-- kernel/limits.py's script, word for word: the peer counts by the same rules.
local t = redis.call('TIME')
local now = tonumber(t[1]) + tonumber(t[2]) / 1000000
local out, windows, admitted = {t[1], t[2]}, {}, true
for i, key in ipairs(KEYS) do
  local count, size = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local window = math.floor(now / size)
  local row = redis.call('HMGET', key, 'w', 'p', 'c')
  local w, p, c = tonumber(row[1] or -1), tonumber(row[2] or 0), tonumber(row[3] or 0)
  if w == window - 1 then p, c = c, 0 elseif w ~= window then p, c = 0, 0 end
  if c + p * (size - now % size) / size + 1 > count then admitted = false end
  windows[i] = {window, p, c, size}
  out[#out + 1] = p
  out[#out + 1] = c
end
if admitted then
  for i, key in ipairs(KEYS) do
    local v = windows[i]
    redis.call('HSET', key, 'w', v[1], 'p', v[2], 'c', v[3] + 1)
    redis.call('EXPIRE', key, 2 * v[4])
  end
end
return out
