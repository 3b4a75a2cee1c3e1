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

print_memory() {
    awk -v l="$1" -v u="$2" -v k="$rss_kb" 'BEGIN { printf "%-28s %10d %12.1f %10.1f\n", l, u, k / 1024, k / u }'
}

# A server, thus a port, of its own for each: closed connections to a port keep theirs for a minute. fast_server
# has no GET stream; asking for it 10,000 times at once would measure connections that no user keeps.
for users in 10 "$USERS"; do
    start_fast_server --legacy
    measure_cicada --workers 1 --users "$users" --duration "${MEMORY_DURATION:-10}s" --think-time 1s --no-listen \
        --tool echo "http://127.0.0.1:$port/mcp"
    stop_servers
    print_memory cicada "$users"
    ((errors == 0)) || die "$errors of $calls calls failed: the figure would not count $users working users"
    ((calls >= users)) || die "only $calls calls: not every user had its session"
done
if have_mcp_stress; then
    start_fast_server --legacy
    measure_mcp_stress -d "$DURATION" -c 10 --tool echo --url "http://127.0.0.1:$port/mcp"
    print_memory 'mcp-stress 0.2.1' 10
fi
