#!/usr/bin/env bash
# Redis beside redis-benchmark, the same commands on the same server, one after the other:
# CPU per GET with 50 users and no pipelining, which is to be no more than 1.2 times redis-benchmark's; and rates,
# which are to agree within 10 % where the server is the limit and not the client: deep pipelines, and commands
# that cost the server more than either client.
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
for i = 1, 600 do redis.call('RPUSH', 'mylist', 'xxx') end" 0 >/dev/null

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
    "users": users, "in_flight": in_flight, "workers": 1, "duration": "5s",
    "requests": [{"command": "custom", "arguments": {"command": words}}]}))
PLAN
}

# Sets calls, errors, cpu_us and wall_s of the load alone, as redis-benchmark tells its rate.
measure_redis_benchmark() {
    measure redis-benchmark -p "$port" -r 1000 --csv "$@"
    rate=$(awk -F'","' 'END { print $2 }' "$work/out")
}

cicada_rate() {
    python3 - "$work/result.json" <<'RATE'
import json, sys
phase = json.load(open(sys.argv[1]))["phases"][-1]
ok = sum(operation["outcomes"].get("ok", 0) for operation in phase["targets"][0]["operations"])
print(f"{ok / phase['duration_ns'] * 1e9:.0f}")
RATE
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

title "rate where the server is the limit, per second (ratio: cicada against redis-benchmark, to be 0.90 to 1.10)"
printf '%-34s %6s %16s %12s %8s\n' command depth redis-benchmark cicada ratio
# compare DEPTH COUNT WORD...
compare() {
    local depth=$1 count=$2 peers=() ours=() name
    shift 2
    name=$*
    plan "$USERS" "$depth" "$depth" "$@"
    for ((round = 0; round < ROUNDS; round++)); do
        measure_redis_benchmark -c "$USERS" -P "$depth" -n "$count" "$@"
        peers+=("$rate")
        measure_cicada --duration "${DURATION}s" "$work/plan.yaml"
        ((errors == 0)) || die "$errors of $calls failed: $name"
        ours+=("$(cicada_rate)")
    done
    # the median of the rounds: whoever else runs on the machine disturbs one or the other
    awk -v n="${name:0:34}" -v d="$depth" -v p="$(printf '%s\n' "${peers[@]}" | sort -n | sed -n "$((ROUNDS / 2 + 1))p")" \
        -v o="$(printf '%s\n' "${ours[@]}" | sort -n | sed -n "$((ROUNDS / 2 + 1))p")" \
        'BEGIN { printf "%-34s %6d %16.0f %12.0f %8.2f\n", n, d, p, o, p ? o / p : 0 }'
}
compare 1 60000 LRANGE mylist 0 599
compare 1 200000 EVAL 'local n = 0 for i = 1, 300 do n = n + i end return n' 0
compare "$DEPTH" 600000 ZADD zset __rand_int__ element:__rand_int__
compare "$DEPTH" 200000 LRANGE mylist 0 99
compare "$DEPTH" 1500000 SET key:__rand_int__ xxx EX 3600
compare "$DEPTH" 1500000 GET key:__rand_int__
