#!/usr/bin/env bash
# Everything that must hold: all tests in a plain build and under AddressSanitizer and UBSan, the
# fuzzers for a moment under clang, the threaded parts under ThreadSanitizer. The last line counts.
set -uo pipefail
cd "$(dirname "$0")/.."
. scripts/environment.sh

passed=0 failed=0 skipped=0
failures=()

fail() {
    failed=$((failed + 1))
    failures+=("$1")
}

# build FOLDER "SETUP OPTIONS": 0 when it stands.
build() {
    local folder=$1 options=$2
    echo "== build $folder"
    if [[ ! -f $folder/build.ninja ]]; then
        # shellcheck disable=SC2086
        meson setup "$folder" $options || return 1
    fi
    ninja -C "$folder" >"$folder/build.log" 2>&1 && return 0
    grep -v '^\[' "$folder/build.log" | tail -n 60
    return 1
}

# Names of the tests in FOLDER that begin with one of the PREFIXES; all without any.
tests_named() {
    meson introspect "$1" --tests | python3 -c '
import json, sys
for test in json.load(sys.stdin):
    if len(sys.argv) == 1 or test["name"].startswith(tuple(sys.argv[1:])):
        print(test["name"])' "${@:2}"
}

count_results() {
    local log=$1 label=$2 name result
    while read -r result name; do
        case $result in
        OK | EXPECTEDFAIL) passed=$((passed + 1)) ;;
        SKIP)
            # On CI a real server that is not there is a failure, never a skip.
            skipped=$((skipped + 1))
            [[ ${CI:-} != true ]] || fail "$label: $name was skipped"
            ;;
        *) fail "$label: $name: $result" ;;
        esac
    done < <(python3 -c '
import json, sys
for line in open(sys.argv[1]):
    test = json.loads(line)
    print(test["result"], test["name"])' "$log")
}

# step LABEL FOLDER "SETUP OPTIONS" [PREFIX...]: build, run the tests but those that are left_out, add up what they say.
step() {
    local label=$1 folder=$2 options=$3 names log
    shift 3
    build "$folder" "$options" || {
        fail "$label: it does not build"
        return
    }
    echo "== test $label"
    mapfile -t names < <(tests_named "$folder" "$@" | grep -vxF -f <(printf '%s\n' "${left_out[@]}"))
    rm -f "$folder"/meson-logs/testlog*
    ((${#names[@]})) || {
        fail "$label: there is no such test"
        return
    }
    meson test -C "$folder" --no-rebuild --print-errorlogs "${wrapper[@]}" "${names[@]}"
    log=$(compgen -G "$folder/meson-logs/testlog*.json") # a wrapper's name is part of it
    if [[ -f $log ]]; then
        count_results "$log" "$label"
    else
        fail "$label: no test ran"
    fi
}

export ASAN_OPTIONS=detect_leaks=1
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
export TSAN_OPTIONS=halt_on_error=1

wrapper=() left_out=(none)
step plain build ""
# A browser looks at pages, which are the same whatever made them; and statistics over many runs take long, and
# their parts are tested each by itself.
left_out=(integration/report_page integration/web_page integration/find integration/compare analysis/known)
step sanitized build-asan "-Db_sanitize=address,undefined"
left_out=(none)
CC=clang CXX=clang++ step fuzz build-fuzz \
    "-Db_sanitize=address,undefined -Db_lundef=false -Dc_args=-fsanitize=fuzzer-no-link" fuzz/
# ThreadSanitizer wants its shadow where recent kernels put other things, unless layout is not random.
setarch "$(uname -m)" -R true 2>/dev/null && wrapper=("--wrapper=setarch $(uname -m) -R")
step threads build-tsan "-Db_sanitize=thread" engine/ base/loop drivers/

for failure in "${failures[@]}"; do
    echo "FAILED $failure"
done
((skipped == 0)) || echo "$skipped skipped"
echo "$passed passed, $failed failed"
((failed == 0))
