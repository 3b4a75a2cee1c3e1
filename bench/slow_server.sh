#!/usr/bin/env bash
# CPU that one tools/call costs the client when the server is slow (server-everything, Streamable HTTP, SSE
# answers): the client sleeps and wakes for nearly every call, and that is what costs.
cd "$(dirname "$0")/.."
. bench/lib.sh
CONNECTIONS=${CONNECTIONS:-10}
DURATION=${SLOW_DURATION:-10} # a slow server gives few calls a second to share the cost of starting

open_session() {
    curl -s -o /dev/null -D - -H 'Accept: application/json, text/event-stream' -H 'Content-Type: application/json' \
        -d '{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}}' \
        "$1" | tr -d '\r' | awk 'tolower($1) == "mcp-session-id:" { print $2 }'
}

title "CPU per tools/call, $CONNECTIONS connections, server-everything (ratio: against wrk)"
head_row
start_everything
url=http://127.0.0.1:$port/mcp
SESSION=$(open_session "$url")
export SESSION
measure_wrk -c "$CONNECTIONS" -d "${DURATION}s" -s bench/wrk_call.lua "$url"
row 'wrk (fixed body, unvalidated)' -
wrk=$per_call
measure_cicada --workers 1 --users "$CONNECTIONS" --duration "${DURATION}s" --tool echo "$url"
row 'cicada' "$wrk"
if have_mcp_stress; then
    measure_mcp_stress -d "$DURATION" -c "$CONNECTIONS" --tool echo --url "$url"
    row 'mcp-stress 0.2.1' "$wrk"
fi
