#!/usr/bin/env bash
# Validate the official server-everything over Streamable HTTP with the built-in five-phase plan, at a tenth of
# its time. The exit code is cicada's.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/environment.sh

readonly SERVER=tests/npm/node_modules/@modelcontextprotocol/server-everything/dist/index.js
readonly LOG=build/demo-server.log
port=$(python3 - <<'PORT'
import socket
with socket.socket() as s:
    s.bind(("127.0.0.1", 0))
    print(s.getsockname()[1])
PORT
)

PORT=$port node "$SERVER" streamableHttp >"$LOG" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true' EXIT

for ((i = 0; ; i++)); do
    curl -s -o /dev/null "http://127.0.0.1:$port/mcp" && break
    if ((i == 100)) || ! kill -0 "$server" 2>/dev/null; then
        echo "demo: server-everything did not start; see $LOG" >&2
        exit 1
    fi
    sleep 0.1
done

# A server of one thread is well served with 20 users at the peak. Two of its tools say nothing about it: one
# sleeps for 10 s by design, one downloads from the Internet.
set -- run --quick --users 20 --json build/demo-result.json --html build/demo-report.html \
    --exclude trigger-long-running-operation --exclude gzip-file-as-resource "$@" "http://127.0.0.1:$port/mcp"
echo "+ cicada $*"
build/src/cicada/cicada "$@"
echo "+ cicada audit build/demo-result.json"
build/src/cicada/cicada audit build/demo-result.json | tail -n 1
echo "The report is build/demo-report.html."
