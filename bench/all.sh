#!/usr/bin/env bash
# Every benchmark, one after the other. DURATION sets the seconds of each measurement.
set -uo pipefail
cd "$(dirname "$0")/.."
BUILD=${BUILD:-build}
export BUILD

echo "$(date -u +%Y-%m-%dT%H:%MZ), $(nproc) cores, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), Linux $(uname -r)"
failed=()
for script in bench/generator_cpu.sh bench/slow_server.sh bench/peak_rate.sh bench/memory.sh bench/null*.sh bench/views.sh \
    bench/coordinated_omission.sh bench/redis.sh bench/bolt.sh bench/sqlite.sh bench/faiss.sh bench/burrow.sh; do
    [[ -x $script ]] || continue
    "$script" || failed+=("$script")
done
for program in histogram_check jsonrpc_scan vector_recall; do
    [[ ! -x $BUILD/bench/$program ]] || { echo && echo "$program" && "$BUILD/bench/$program"; } || failed+=("$program")
done
((${#failed[@]} == 0)) || { echo "failed: ${failed[*]}" >&2 && exit 1; }
