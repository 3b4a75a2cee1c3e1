#!/usr/bin/env bash
# What burrow does on one core with 10,000 stored memories of 1 KB, under the mix that `cicada run` loads it with: operations
# per second, CPU per operation, p99 at 50 users, memory, and the time from its start to its first answer, without and with memories.
set -euo pipefail
cd "$(dirname "$0")/.."
BUILD=${BUILD:-build}
work=$(mktemp -d)
trap 'kill "$server" 2>/dev/null || true; wait 2>/dev/null || true; [[ -n ${KEEP:-} ]] && cp "$work"/*.json "$work"/*.txt "$KEEP"; rm -rf "$work"' EXIT

started=$(date +%s%N)
taskset -c 0 "$BUILD/src/burrow/burrow" serve --listen 127.0.0.1:0 --threads 1 --data "$work/data" --port-file "$work/port" >/dev/null &
server=$!
until [[ -s $work/port ]]; do sleep 0.001; done
url=http://127.0.0.1:$(<"$work/port")
until curl -s -o /dev/null "$url/healthz"; do sleep 0.001; done
echo "start to first answer: $((($(date +%s%N) - started) / 1000000)) ms"

cpu_ms() { awk '{print ($14 + $15) * 10}' "/proc/$server/stat"; }
load() { # NAME PLAN
    taskset -c 1 "$BUILD/src/cicada/cicada" run "$2" --ui off --workers 1 --json "$work/$1.json" >"$work/$1.txt"
}

cat >"$work/fill.yaml" <<PLAN
target: $url/mcp
users: 8
operations: 10000
tools:
  - name: store_memory
    arguments:
      name: "note \${uuid}"
      tags: ["t\${random(1,50)}"]
      content: "$(for _ in $(seq 20); do printf 'ship ${random(1,9999)} left harbour ${random(1,400)} on pier ${random(1,60)}; '; done)"
thresholds: [errors<1%]
PLAN
load fill "$work/fill.yaml"
resident() { awk '/VmRSS/ {print int($2 / 1024) " MB"}' "/proc/$server/status"; }
echo "resident memory with 10,000 memories: $(resident)"

sed "s#  driver: mcp_http#  url: $url/mcp#; /embedded/d; s/^base: validate/users: 50\nduration: 20s/" src/plan/burrow.yaml >"$work/mix.yaml"
before=$(cpu_ms)
load mix "$work/mix.yaml" || true
after=$(cpu_ms)
python3 - "$work/mix.json" $((after - before)) <<'PYTHON'
import json, sys
figures = json.load(open(sys.argv[1]))["figures"]
count = figures["count"]
print(f"mixed operations, 50 users: {count} in 20 s, {count / 20:.0f}/s, CPU {1000 * int(sys.argv[2]) / count:.0f} us each,"
      f" errors {figures.get('failed', figures.get('errors'))}")
for name in ("p50", "p99"):
    print(f"  {name}: {figures[name]['ns'] / 1e6:.2f} ms")
PYTHON
echo "resident memory after the mix: $(resident)"

kill "$server"
wait "$server" || true
rm "$work/port"
started=$(date +%s%N)
taskset -c 0 "$BUILD/src/burrow/burrow" serve --listen 127.0.0.1:0 --threads 1 --data "$work/data" --port-file "$work/port" >/dev/null &
server=$!
until [[ -s $work/port ]]; do sleep 0.001; done
until curl -s -o /dev/null "http://127.0.0.1:$(<"$work/port")/healthz"; do sleep 0.001; done
echo "start to first answer with these memories: $((($(date +%s%N) - started) / 1000000)) ms"
