#!/usr/bin/env bash
# The coordinated omission case: arrivals at 500/s, a server that stalls during the last second of every five. A
# fifth of the arrivals meet the stall and wait 0 to 1,000 ms, evenly; so the slowest 1 % of all begin at
# 1,000 ms x (1 - 1/20) = 950 ms. A client that waits for an answer before it asks again sends next to nothing
# during the stall, and reports a p99 as if there were none.
cd "$(dirname "$0")/.."
. bench/lib.sh
DURATION=${OMISSION_DURATION:-20} # a multiple of 5

title "arrivals at 500/s for $DURATION s, stalls of 1 s in every 5 s: p99 by definition 950 ms"
printf '%-44s %10s %10s %12s\n' client calls errors 'p99 ms'
start_fault_server --only-ok --stall 1s/5s
measure_cicada --tool ok_fast --rate 500 --arrivals constant --max-in-flight 2000 --timeout 10s \
    --duration "${DURATION}s" "http://127.0.0.1:$port/mcp"
p99=$(python3 -c '
import json, sys
print(json.load(open(sys.argv[1]))["figures"]["p99"]["ns"] / 1e6)' "$work/result.json")
printf '%-44s %10d %10d %12.1f\n' 'cicada, open model, from the intended start' "$calls" "$errors" "$p99"
stop_servers
if have_mcp_stress; then
    start_fault_server --only-ok --stall 1s/5s
    measure_mcp_stress -d "$DURATION" -c 10 --tool ok_fast --url "http://127.0.0.1:$port/mcp"
    printf '%-44s %10d %10d %12.1f\n' 'mcp-stress 0.2.1, 10 workers, closed loop' "$calls" "$errors" "$p99_ms"
fi
