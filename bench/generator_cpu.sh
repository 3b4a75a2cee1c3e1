#!/usr/bin/env bash
# CPU that one MCP tools/call costs the client: cicada, which checks every answer, against wrk and autocannon,
# which look at the status of a fixed request. One thread each, the same server, one after the other.
cd "$(dirname "$0")/.."
. bench/lib.sh
CONNECTIONS=${CONNECTIONS:-50}

title "CPU per tools/call, $CONNECTIONS connections, fast_server (ratio: against wrk)"
head_row
start_fast_server
url=http://127.0.0.1:$port/mcp
measure_wrk -c "$CONNECTIONS" -d "${DURATION}s" -s bench/wrk_call.lua "$url"
row 'wrk (fixed body, unvalidated)' -
wrk=$per_call
for revision in 2026-07-28 2025-11-25; do
    measure_cicada --workers 1 --users "$CONNECTIONS" --duration "${DURATION}s" --tool echo --protocol "$revision" "$url"
    row "cicada, MCP $revision" "$wrk"
done
if have_autocannon; then
    measure_autocannon -c "$CONNECTIONS" -d "$DURATION" "$url"
    row 'autocannon (fixed body)' "$wrk"
fi
stop_servers

if command -v nginx >/dev/null; then
    title "the same peers on nginx answering one fixed body (cicada would count its id as wrong)"
    head_row
    start_nginx
    measure_wrk -c "$CONNECTIONS" -d "${DURATION}s" -s bench/wrk_call.lua "http://127.0.0.1:$port/"
    row 'wrk' -
    wrk=$per_call
    if have_autocannon; then
        measure_autocannon -c "$CONNECTIONS" -d "$DURATION" "http://127.0.0.1:$port/"
        row 'autocannon' "$wrk"
    fi
fi
