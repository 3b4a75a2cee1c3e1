#!/usr/bin/env bash
# What cicada itself costs, without a target: CPU per operation of the null driver, and how late operations start
# against their intended time at RATE per second. The peers in the same run: wrk's CPU per request on the fast
# server, and a bare loop of timers, which is the best that this machine does at that moment.
cd "$(dirname "$0")/.."
. bench/lib.sh
RATE=${RATE:-50000}
ROUNDS=${ROUNDS:-5}

title "CPU per operation of the null driver, one worker (ratio: against wrk)"
head_row
start_fast_server
measure_wrk -c 50 -d "${DURATION}s" -s bench/wrk_call.lua "http://127.0.0.1:$port/mcp"
row 'wrk (fast_server)' -
wrk=$per_call
stop_servers
measure_cicada --workers 1 --users 50 --duration "${DURATION}s" null://
row 'cicada, null, 50 users' "$wrk"
measure_cicada --workers 1 --users 1 --duration "${DURATION}s" null://
row 'cicada, null, 1 user' "$wrk"
measure_cicada --workers 1 --rate "$RATE" --duration "${DURATION}s" null://
row "cicada, null, open at $RATE/s" "$wrk"

title "delay of starts against their intended time at $RATE/s, us (ratio: of the p99 against the bare timers)"
printf '%-34s %10s %9s %9s %9s %9s %8s\n' client starts p50 p99 p99.9 max ratio
least_floor='' least='' # whoever else runs on the machine only adds: the least p99 is the undisturbed one
for ((round = 0; round < ROUNDS; round++)); do
    read -r count p50 p99 p999 most < <("${pin_client[@]}" "$BUILD/bench/timer_floor" "$RATE" "$DURATION")
    floor=$p99
    printf '%-34s %10d %9.1f %9.1f %9.1f %9.1f %8s\n' 'bare timers' "$count" "$p50" "$p99" "$p999" "$most" 1.00
    measure_cicada --workers 1 --rate "$RATE" --duration "${DURATION}s" null://
    read -r count p50 p99 p999 most < <(start_delays)
    printf '%-34s %10d %9.1f %9.1f %9.1f %9.1f %8.2f\n' 'cicada, null' "$count" "$p50" "$p99" "$p999" "$most" \
        "$(awk -v a="$p99" -v b="$floor" 'BEGIN { printf "%.2f", b ? a / b : 0 }')"
    least_floor=$(printf '%s\n' "$floor" ${least_floor:+"$least_floor"} | sort -n | head -n 1)
    least=$(printf '%s\n' "$p99" ${least:+"$least"} | sort -n | head -n 1)
done
awk -v a="$least" -v b="$least_floor" 'BEGIN {
    printf "least p99 of the rounds: bare timers %.1f us, cicada %.1f us, ratio %.2f\n", b, a, b ? a / b : 0 }'
