-- One line of JSON in place of wrk's own report: exact percentiles in microseconds, and every kind of failure.
function done(summary, latency)
  local e = summary.errors
  io.write(string.format(
    '\nREPORT {"requests":%d,"micros":%d,"p50":%d,"p99":%d,"failed":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    e.connect + e.read + e.write + e.status + e.timeout))
end
