-- Send requests prepared in a file, one after the other, and report as one line of JSON.
-- Arguments after `--`: file, number of the first request to send, mean think time in ms (0: none).
-- The file holds complete HTTP/1.1 requests separated by a line with a single byte 0x1e (record separator).
local threads = {}
function setup(thread) table.insert(threads, thread) end

function init(args)
  statuses_text = ""
  failures = 0
  local file = assert(io.open(args[1], "rb"))
  local text = file:read("*a")
  file:close()
  requests = {}
  for one in string.gmatch(text, "([^\30]+)\30\n") do requests[#requests + 1] = one end
  place = tonumber(args[2]) % #requests
  pause_ms = tonumber(args[3])
  math.randomseed(7)
  if pause_ms == 0 then delay = nil end
end

function request()
  place = place % #requests + 1
  return requests[place]
end

-- Exponential think time: arrivals of independent people.
function delay() return math.floor(-pause_ms * math.log(1 - math.random()) + 0.5) end

function response(status, headers, body)
  if status >= 300 then
    failures = failures + 1
    if failures <= 3 then statuses_text = statuses_text .. status .. " " .. string.sub(body, 1, 80):gsub('["\\%c]', "'") .. "; " end
  end
end

function done(summary, latency)
  local failed, said = 0, ""
  for _, thread in ipairs(threads) do
    failed = failed + thread:get("failures")
    said = said .. thread:get("statuses_text")
  end
  local broken = summary.errors
  failed = failed + broken.connect + broken.read + broken.write + broken.timeout
  print(string.format(
    '{"requests":%d,"duration_us":%d,"errors":%d,"statuses":"%s","p50_us":%d,"p99_us":%d,"max_us":%d}',
    summary.requests, summary.duration, failed, said,
    latency:percentile(50), latency:percentile(99), latency.max))
end
