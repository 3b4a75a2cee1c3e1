#!/usr/bin/env bash
# Resident memory of cicada with many users, each with an MCP session and a connection of its own; mcp-stress
# with 10 workers beside it.
cd "$(dirname "$0")/.."
. bench/lib.sh
USERS=${USERS:-10000}

ulimit -n "$(ulimit -Hn)"
(($(ulimit -n) > USERS + 100)) || die "$USERS users need as many descriptors; the hard limit is $(ulimit -Hn) (ulimit -Hn)"
title "resident memory, peak of the whole run"
printf '%-28s %10s %12s %10s\n' client users 'peak MB' 'KB/user'
start_fast_server --legacy
url=http://127.0.0.1:$port/mcp

print_memory() {
    awk -v l="$1" -v u="$2" -v k="$rss_kb" 'BEGIN { printf "%-28s %10d %12.1f %10.1f\n", l, u, k / 1024, k / u }'
}
measure_cicada --workers 1 --users 10 --duration "${DURATION}s" --think-time 100ms --tool echo "$url"
print_memory cicada 10
measure_cicada --workers 1 --users "$USERS" --duration "${DURATION}s" --think-time 1s --tool echo "$url"
print_memory cicada "$USERS"
((errors == 0)) || die "$errors of $calls calls failed: the figure would not count $USERS working users"
((calls >= USERS)) || die "only $calls calls: not every user had its session"
if have_mcp_stress; then
    measure_mcp_stress -d "$DURATION" -c 10 --tool echo --url "$url"
    print_memory 'mcp-stress 0.2.1' 10
fi
