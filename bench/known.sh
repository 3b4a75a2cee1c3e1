#!/usr/bin/env bash
# Targets whose truth is known, for real: how often do the intervals of the findings hold it? RUNS (40) runs of each,
# AT_A_TIME (8) of them at once; they are light, but a machine with other work on it is in their figures. Runs in which
# cicada itself was the limit are told apart and not counted. `known.sh drift leak` runs these two alone.
cd "$(dirname "$0")/.."
. bench/lib.sh
python3 bench/known.py "$CICADA" "$BUILD/tests/faults/fault_server" "${RUNS:-40}" "${AT_A_TIME:-8}" "$@"
