#!/usr/bin/env bash
# Redis beside redis-benchmark, the same commands on the same server, one after the other:
# CPU per GET with 50 users and no pipelining, which is to be no more than 1.2 times redis-benchmark's; and rates,
# which are to agree within 10 % where the server is the limit and not the client. How busy the server was tells which
# of them that is: redis-benchmark is itself the limit of some of the commands below.
cd "$(dirname "$0")/.."
. bench/lib.sh
USERS=${USERS:-50}
DEPTH=${DEPTH:-16}
ROUNDS=${ROUNDS:-3}
for program in redis-server redis-benchmark redis-cli; do
    command -v "$program" >/dev/null || die "$program is missing; apt-get install redis-server redis-tools"
done

port=$(free_port)
"${pin_server[@]}" redis-server --bind 127.0.0.1 --port "$port" --save '' --appendonly no --dir "$work" >"$work/redis.log" &
servers+=($!)
await_port "$port"
# What redis-benchmark -r 1000 asks for, with values of its default size, and a list of 600.
redis-cli -p "$port" eval "for i = 0, 999 do redis.call('SET', string.format('key:%012d', i), 'xxx') end
for i = 1, 600 do redis.call('RPUSH', 'mylist', 'xxx') end
redis.call('SETRANGE', 'bits', 199999, 'x')" 0 >/dev/null

# plan USERS IN_FLIGHT DEPTH WORD...: one command as a plan. A word __rand_int__ is the twelve digits that redis-benchmark
# writes there.
plan() {
    local users=$1 in_flight=$2 depth=$3
    shift 3
    python3 - "$users" "$in_flight" "$depth" "$port" "$@" >"$work/plan.yaml" <<'PLAN'
import json, sys
users, in_flight, depth, port = map(int, sys.argv[1:5])
words = [word.replace("__rand_int__", "000000000${random(100,999)}") for word in sys.argv[5:]]
print(json.dumps({
    "target": {"url": f"redis://127.0.0.1:{port}", "pool": users, "options": {"pipeline": depth, "prepare": False}},
    "users": users, "in_flight": in_flight, "workers": 1, "duration": "60s",
    "requests": [{"command": "custom", "arguments": {"command": words}}]}))
PLAN
}

# What redis-benchmark tells: rate.
measure_redis_benchmark() {
    measure redis-benchmark -p "$port" -r 1000 --csv "$@"
    rate=$(awk -F'","' 'END { print $2 }' "$work/out")
}

# The same of cicada's result.
cicada_rate() {
    rate=$(python3 - "$work/result.json" <<'RATE'
import json, sys
phase = json.load(open(sys.argv[1]))["phases"][-1]
ok = sum(operation["outcomes"].get("ok", 0) for operation in phase["targets"][0]["operations"])
print(f"{ok / (phase['duration_ns'] / 1e9):.0f}")
RATE
    )
}

# CPU that the server used so far, us.
server_cpu() {
    redis-cli -p "$port" info cpu | tr -d '\r' | awk -F: '/^used_cpu_(user|sys):/ { sum += $2 } END { printf "%.0f", sum * 1e6 }'
}

title "CPU per GET, $USERS users, no pipelining (ratio: against redis-benchmark, to be <= 1.20)"
head_row
for ((round = 0; round < ROUNDS; round++)); do
    calls=500000 errors=0
    measure_redis_benchmark -c "$USERS" -n "$calls" GET key:__rand_int__
    row 'redis-benchmark' -
    peer=$per_call
    plan "$USERS" 1 1 GET key:__rand_int__
    measure_cicada --duration "${DURATION}s" "$work/plan.yaml"
    row 'cicada' "$peer"
done

title "rate per second, the best of $ROUNDS rounds (ratio: cicada against redis-benchmark, to be 0.90 to 1.10 where both keep the server busy)"
printf '%-34s %5s %16s %12s %12s %12s %8s  %s\n' command depth redis-benchmark 'server busy' cicada 'server busy' ratio limit

# keep BEST CALLS SECONDS CPU_BEFORE: "rate busy" of this round if it is better than BEST. Whoever else runs on the machine
# only takes away: the best round is the undisturbed one.
keep() {
    awk -v best="$1" -v rate="$rate" -v calls="$2" -v before="$3" -v after="$(server_cpu)" 'BEGIN {
        split(best, b)
        if (rate > b[1]) printf "%.0f %.0f", rate, (after - before) * rate / calls / 1e4
        else printf "%s", best }'
}

# compare DEPTH COUNT WORD...
compare() {
    local depth=$1 count=$2 peer='0 0' ours='0 0' name before
    shift 2
    name=$*
    plan "$USERS" "$depth" "$depth" "$@"
    for ((round = 0; round < ROUNDS; round++)); do
        before=$(server_cpu)
        measure_redis_benchmark -c "$USERS" -P "$depth" -n "$count" "$@"
        peer=$(keep "$peer" "$count" "$before")
        before=$(server_cpu)
        measure_cicada --operations "$count" "$work/plan.yaml"
        ((errors == 0)) || die "$errors of $calls failed: $name"
        cicada_rate
        ours=$(keep "$ours" "$count" "$before")
    done
    awk -v n="${name:0:34}" -v d="$depth" -v peer="$peer" -v ours="$ours" 'BEGIN {
        split(peer, p); split(ours, o)
        limit = p[2] >= 95 && o[2] >= 95 ? "the server" : "a client, or who else runs here"
        printf "%-34s %5d %16d %10d %% %12d %10d %% %8.2f  %s\n", n, d, p[1], p[2], o[1], o[2],
            p[1] ? o[1] / p[1] : 0, limit }'
}
compare "$DEPTH" 100000 EVAL 'local n = 0 for i = 1, 1000 do n = n + i end return n' 0
compare "$DEPTH" 100000 BITCOUNT bits
compare "$DEPTH" 1000000 ZADD zset __rand_int__ element:__rand_int__
compare "$DEPTH" 400000 EVAL 'return redis.call("GET", KEYS[1])' 1 key:__rand_int__
compare "$DEPTH" 1000000 SET key:__rand_int__ xxx EX 3600
compare "$DEPTH" 1000000 GET key:__rand_int__
