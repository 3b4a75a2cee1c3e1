#!/usr/bin/env bash
# What cicada does without a target: burrow, started on a free port and an empty memory, under the built-in five phases at a
# tenth of their time; every tool of it is called. Then the result is audited. The exit code is that of the run.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/environment.sh

# 20 users at the peak, so that a machine which does other things too can hold the limits on latency.
set -- run --quick --users 20 --json build/demo-result.json --html build/demo-report.html "$@"
echo "+ cicada $*"
code=0
build/src/cicada/cicada "$@" || code=$?
echo "+ cicada audit build/demo-result.json"
build/src/cicada/cicada audit build/demo-result.json | tail -n 1
echo "The report is build/demo-report.html."
exit "$code"
