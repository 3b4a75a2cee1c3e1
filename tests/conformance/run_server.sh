#!/bin/sh
# The server scenarios of the official MCP conformance suite that ask for nothing but the protocol, against
# burrow. The others call tools, prompts and resources that the suite's own example server has.
#
#   run_server.sh BURROW [SCENARIO...]
set -u
burrow=$1
shift
here=$(cd "$(dirname "$0")" && pwd)
suite=$here/../npm/node_modules/@modelcontextprotocol/conformance/dist/index.js
if ! command -v node >/dev/null || [ ! -f "$suite" ]; then
    echo "conformance: node or tests/npm/node_modules is missing; run 'make deps'"
    exit 77
fi
results=$(mktemp -d) || exit 1
server=
end() {
    [ -n "$server" ] && kill "$server" && wait "$server"
    rm -rf "$results"
}
trap end EXIT

mkfifo "$results/said"
"$burrow" serve --listen 127.0.0.1:0 --data :memory: >"$results/said" &
server=$!
read -r line <"$results/said" # printed once it listens; the end of the file when it does not start
url=$(expr "$line" : '.*127\.0\.0\.1\(:[0-9]*/mcp\)$') || exit 1

[ $# -gt 0 ] || set -- server-initialize ping logging-set-level tools-list resources-list \
    resources-subscribe resources-unsubscribe prompts-list dns-rebinding-protection \
    server-sse-multiple-streams
failed=0
for scenario in "$@"; do
    log=$results/$scenario.log
    node --import "$here/node_compatibility.mjs" "$suite" server --url "http://localhost$url" \
        --scenario "$scenario" -o "$results/checks" >"$log" 2>&1
    code=$?
    verdict=$(sed -n 's/^Passed: //p' "$log" | tail -1)
    case $verdict in
        0/*) code=1 ;; # nothing was checked
        '') code=1 verdict='no verdict' ;;
    esac
    if [ $code -eq 0 ]; then
        echo "pass  $scenario ($verdict)"
    else
        echo "FAIL  $scenario ($verdict)"
        sed 's/^/      /' "$log"
        failed=1
    fi
done
exit $failed
