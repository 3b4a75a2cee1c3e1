# Shared by the benchmarks: start servers, measure a client's CPU and memory, print a row. Sourced with the root
# of the repository as working directory; everything started here ends with the script.
set -euo pipefail
export LC_ALL=C

BUILD=${BUILD:-build}
CICADA=$BUILD/src/cicada/cicada
MCP_STRESS=bench/npm/node_modules/@mcp-stress/linux-x64/bin/mcp-stress
AUTOCANNON=bench/npm/node_modules/autocannon/autocannon.js
EVERYTHING=tests/npm/node_modules/@modelcontextprotocol/server-everything/dist/index.js
DURATION=${DURATION:-5} # seconds of each measurement

# shellcheck source=scripts/environment.sh
. scripts/environment.sh
work=$(mktemp -d)
servers=()
finish() {
    local server
    for server in "${servers[@]:-}"; do
        [[ -z $server ]] || kill "$server" 2>/dev/null || true
    done
    wait 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

die() {
    echo "bench: $*" >&2
    exit 1
}

[[ -x $CICADA ]] || die "$CICADA is missing; run make first, or set BUILD to the build folder"

# With two cores or more, client and server have one each: neither steals from the other.
pin_client=() pin_server=()
if (($(nproc) >= 2)) && command -v taskset >/dev/null; then
    pin_client=(taskset -c 0)
    pin_server=(taskset -c 1)
fi

# REALTIME=1 (as root) puts what is measured before whoever else runs on its core.
[[ -z ${REALTIME:-} ]] || pin_client+=(chrt -f 10)

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

await_port() {
    local port=$1 i
    for ((i = 0; i < 200; i++)); do
        (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null && return 0
        sleep 0.05
    done
    die "no server on port $port"
}

# Each sets `port`.
start_fast_server() {
    port=$(free_port)
    "${pin_server[@]}" "$BUILD/bench/fast_server" --port "$port" "$@" &
    servers+=($!)
    await_port "$port"
}

start_fault_server() {
    port=$(free_port)
    "$BUILD/tests/faults/fault_server" --port "$port" "$@" &
    servers+=($!)
    await_port "$port"
}

start_everything() {
    port=$(free_port)
    PORT=$port "${pin_server[@]}" node "$EVERYTHING" streamableHttp >"$work/everything.log" 2>&1 &
    servers+=($!)
    await_port "$port"
}

# One static JSON-RPC answer to every request.
start_nginx() {
    port=$(free_port)
    cat >"$work/nginx.conf" <<CONF
worker_processes 1;
daemon off;
pid $work/nginx.pid;
error_log $work/nginx.error.log;
events { worker_connections 4096; }
http {
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path $work;
    proxy_temp_path $work;
    fastcgi_temp_path $work;
    uwsgi_temp_path $work;
    scgi_temp_path $work;
    default_type application/json;
    server {
        listen 127.0.0.1:$port;
        location / {
            return 200 '{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"Echo: hello"}]}}';
        }
    }
}
CONF
    "${pin_server[@]}" nginx -e "$work/nginx.error.log" -c "$work/nginx.conf" &
    servers+=($!)
    await_port "$port"
}

stop_servers() {
    local server
    for server in "${servers[@]}"; do
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    done
    servers=()
}

# measure COMMAND...: run it; set cpu_us (user and system), wall_s, rss_kb. Output in $work/out and $work/err.
# A client that fails is shown; for cicada, 1 and 4 are verdicts, no failures of the benchmark.
measure() {
    local status=0
    "${pin_client[@]}" /usr/bin/time -q -o "$work/time" -f '%U %S %e %M' "$@" >"$work/out" 2>"$work/err" || status=$?
    local user system
    read -r user system wall_s rss_kb <"$work/time"
    cpu_us=$(awk -v u="$user" -v s="$system" 'BEGIN { printf "%.0f", (u + s) * 1e6 }')
    if ((status != 0 && status != 1 && status != 4)); then
        tail -n 20 "$work/err" >&2
        die "exit $status: $*"
    fi
}

# measure_NAME [arguments]: as measure, and calls= how many calls were answered, errors= how many of them badly.
measure_cicada() {
    rm -f "$work/result.json"
    measure "$CICADA" run --ui off --json "$work/result.json" --threshold 'errors<1%' "$@"
    read -r calls errors < <(python3 - "$work/result.json" <<'SUM'
import json, sys
ok = failed = 0
for phase in json.load(open(sys.argv[1]))["phases"]:
    for target in phase["targets"]:
        for operation in target["operations"]:
            for kind, count in operation["outcomes"].items():
                ok, failed = (ok + count, failed) if kind == "ok" else (ok, failed + count)
print(ok + failed, failed)
SUM
    )
}

measure_wrk() {
    measure wrk -t1 "$@"
    calls=$(awk '/requests in/ { print $1 }' "$work/out")
    errors=$(awk '/Non-2xx/ { print $NF }' "$work/out")
    errors=${errors:-0}
}

measure_autocannon() {
    measure node "$AUTOCANNON" --json -m POST -H content-type=application/json \
        -H 'accept=application/json, text/event-stream' \
        -b '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"message":"hello"}}}' "$@"
    read -r calls errors < <(python3 -c '
import json, sys
result = json.load(open(sys.argv[1]))
print(result["requests"]["total"], result["errors"] + result["non2xx"])' "$work/out")
}

# Keeps its history under HOME: give it one that is thrown away.
measure_mcp_stress() {
    HOME=$work measure "$MCP_STRESS" run --json "$@"
    read -r calls errors p99_ms < <(python3 -c '
import json, sys
result = json.load(open(sys.argv[1]))
print(result["totalRequests"], result["totalErrors"], result["overall"]["p99"])' "$work/out")
}

# The starts of the last measure_cicada, from its histogram of intended to actual start: count p50 p99 p99.9 max, in us.
start_delays() {
    python3 - "$work/result.json" <<'DELAYS'
import json, sys
queue = json.load(open(sys.argv[1]))["phases"][-1]["targets"][0]["parts"]["queue"]
values, bucket = [], 0  # tokens: the distance from the bucket before, then xCOUNT unless it is 1
for token in queue["buckets"].split():
    distance, _, count = token.partition("x")
    bucket += int(distance)
    values.append((bucket, int(count or 1)))
def nanoseconds(bucket):  # the highest value of a bucket
    if bucket < 2048:
        return bucket
    exponent = bucket // 1024 - 1
    return (bucket - 1024 * exponent + 1 << exponent) - 1
def quantile(fraction):
    rank, seen = -(-queue["count"] * fraction // 1), 0
    for bucket, count in values:
        seen += count
        if seen >= rank:
            return min(nanoseconds(bucket), queue["max_ns"])
print(queue["count"], *("%.1f" % (value / 1e3) for value in
                        (quantile(0.5), quantile(0.99), quantile(0.999), queue["max_ns"])))
DELAYS
}

have_autocannon() {
    [[ -f $AUTOCANNON ]] && command -v node >/dev/null
}

have_mcp_stress() {
    [[ -x $MCP_STRESS ]]
}

title() {
    printf '\n%s\n' "$*"
}

head_row() {
    printf '%-34s %10s %9s %10s %12s %8s\n' client calls errors 'calls/s' 'CPU us/call' ratio
}

# row LABEL REFERENCE: one line of the table from the last measurement; sets per_call. REFERENCE: CPU per call of
# the peer that the ratio is against; "-" makes this row that peer.
row() {
    local label=$1 against=$2
    per_call=$(awk -v c="$cpu_us" -v n="$calls" 'BEGIN { printf "%.2f", n ? c / n : 0 }')
    [[ $against == - ]] && against=$per_call
    awk -v l="$label" -v n="$calls" -v e="$errors" -v w="$wall_s" -v p="$per_call" -v a="$against" \
        'BEGIN { printf "%-34s %10d %9d %10.0f %12.2f %8.2f\n", l, n, e, n / w, p, p / a }'
}
