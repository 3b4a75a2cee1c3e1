#!/usr/bin/env bash
# What watching a run costs it: the null driver at RATE per second with --ui off, tui (a terminal that is drawn on)
# and web (CLIENTS readers of the page's stream), in turn, so that all three meet the same machine. The workers, the
# coordinator and the page's thread share one core; the terminal and the readers have another.
cd "$(dirname "$0")/.."
. bench/lib.sh
RATE=${RATE:-50000}
ROUNDS=${ROUNDS:-5}
CLIENTS=${CLIENTS:-2}
export TERM=${TERM:-xterm-256color}

load=(--workers 1 --rate "$RATE" --duration "${DURATION}s" --json "$work/result.json" null://)

# The URL is on the first line of standard error; a reader ends when the stream does.
read_page() {
    local url i
    for ((i = 0; i < 200; i++)); do
        url=$(sed -n 's/^watch the run at //p' "$work/err" 2>/dev/null || true)
        [[ -z $url ]] || break
        sleep 0.05
    done
    "${pin_server[@]}" curl -sN "${url/'/?'//events?}" | grep -c '^event:' >>"$work/events" || true
}

run_off() {
    measure "$CICADA" run --ui off "${load[@]}"
}

run_tui() {
    local command
    printf -v command '%q ' "${pin_client[@]}" /usr/bin/time -q -o "$work/time" -f '%U %S %e %M' \
        "$CICADA" run --ui tui "${load[@]}"
    "${pin_server[@]}" script -qec "stty rows 40 columns 120; $command" /dev/null >"$work/out" </dev/null || true
    read -r user system wall_s rss_kb <"$work/time"
    cpu_us=$(awk -v u="$user" -v s="$system" 'BEGIN { printf "%.0f", (u + s) * 1e6 }')
    grep -q 'in flight' "$work/out" || die "nothing was drawn on the terminal"
}

run_web() {
    local i readers=()
    : >"$work/err"
    : >"$work/events"
    for ((i = 0; i < CLIENTS; i++)); do
        read_page &
        readers+=($!)
    done
    measure "$CICADA" run --ui web "${load[@]}"
    wait "${readers[@]}"
    [[ $(wc -l <"$work/events") -eq $CLIENTS && $(sort -n "$work/events" | head -n 1) -ge $DURATION ]] ||
        die "the page was not read: $(tr '\n' ' ' <"$work/events") events"
}

ratio() {
    awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", b ? a / b : 0 }'
}

least() {
    printf '%s\n' "$@" | sort -n | head -n 1
}

title "a run at $RATE/s that is watched (ratios: against --ui off of the same round)"
printf '%-22s %10s %9s %9s %9s %8s %12s %8s\n' view starts p50 p99 p99.9 ratio 'CPU us/call' ratio
declare -A delays=() tails=() costs=()
for ((round = 0; round < ROUNDS; round++)); do
    for view in off tui web; do
        rm -f "$work/result.json"
        "run_$view"
        read -r count p50 p99 p999 _ < <(start_delays)
        cost=$(awk -v c="$cpu_us" -v n="$count" 'BEGIN { printf "%.3f", n ? c / n : 0 }')
        [[ $view == off ]] && off_p99=$p99 off_cost=$cost
        printf '%-22s %10d %9.1f %9.1f %9.1f %8s %12s %8s\n' "--ui $view" "$count" "$p50" "$p99" "$p999" \
            "$(ratio "$p99" "$off_p99")" "$cost" "$(ratio "$cost" "$off_cost")"
        delays[$view]+="$p99 " tails[$view]+="$p999 " costs[$view]+="$cost "
    done
done
# Whoever else runs on the machine only adds: the least of the rounds is the undisturbed one.
for view in tui web; do
    # shellcheck disable=SC2086
    echo "least of the rounds, --ui $view against off: p99 of the start delay $(ratio "$(least ${delays[$view]})" \
        "$(least ${delays[off]})"), p99.9 $(ratio "$(least ${tails[$view]})" "$(least ${tails[off]})"), CPU per operation $(ratio "$(least ${costs[$view]})" "$(least ${costs[off]})")"
done
