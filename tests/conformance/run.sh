#!/bin/sh
# The client scenarios of the official MCP conformance suite that apply to a load tester: all but
# auth/*, for cicada takes tokens and does not obtain them. Prints one line per scenario; fails when a
# check failed, none was made, or the client did not end well.
#
#   run.sh CLIENT [SCENARIO...]      CLIENT is called with the URL of the scenario's server
set -u
client=$1
shift
here=$(cd "$(dirname "$0")" && pwd)
suite=$here/../npm/node_modules/@modelcontextprotocol/conformance/dist/index.js
if ! command -v node >/dev/null || [ ! -f "$suite" ]; then
    echo "conformance: node or tests/npm/node_modules is missing; run 'make deps'"
    exit 77
fi
results=$(mktemp -d) || exit 1
trap 'rm -rf "$results"' EXIT
conformance() {
    node --import "$here/node_compatibility.mjs" "$suite" "$@"
}

if [ $# -eq 0 ]; then
    # shellcheck disable=SC2046
    set -- $(conformance list | sed -n '/^Client scenarios/,$ { s/^ *- \([^ ]*\) .*/\1/p }' | grep -v '^auth/')
fi
if [ $# -eq 0 ]; then
    echo "conformance: the suite lists no client scenario"
    exit 1
fi

failed=0
for scenario in "$@"; do
    log=$results/$(echo "$scenario" | tr / _).log
    conformance client --command "$client" --scenario "$scenario" -o "$results/checks" >"$log" 2>&1
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
