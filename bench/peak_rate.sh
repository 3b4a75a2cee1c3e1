#!/usr/bin/env bash
# Calls per second from one core to a fast server. wrk in the same run, and cicada with every answer checked.
cd "$(dirname "$0")/.."
. bench/lib.sh

title "peak calls per second from one core, fast_server (ratio: cicada's rate to wrk's)"
printf '%-12s %-28s %12s %12s %8s\n' connections client calls/s errors ratio
start_fast_server
url=http://127.0.0.1:$port/mcp
for connections in ${CONNECTIONS:-32 64 128 256}; do
    measure_wrk -c "$connections" -d "${DURATION}s" -s bench/wrk_call.lua "$url"
    wrk=$(awk '/Requests\/sec/ { print $2 }' "$work/out")
    printf '%-12s %-28s %12.0f %12d %8s\n' "$connections" 'wrk, unvalidated' "$wrk" "$errors" ''
    measure_cicada --workers 1 --users "$connections" --duration "${DURATION}s" --tool echo "$url"
    awk -v c="$connections" -v n="$calls" -v d="$DURATION" -v e="$errors" -v w="$wrk" \
        'BEGIN { printf "%-12s %-28s %12.0f %12d %8.2f\n", c, "cicada, validated", n / d, e, n / d / w }'
done
