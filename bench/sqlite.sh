#!/usr/bin/env bash
# SQLite under cicada against SQLite in a bare loop: point reads, one thread, CPU per operation and rate. The
# difference is what going through users, a queue, a thread and an outcome costs.
cd "$(dirname "$0")/.."
. bench/lib.sh
ROWS=${ROWS:-10000}

reads_plan() { # USERS
    cat >"$work/reads.yaml" <<PLAN
target: {url: "sqlite:$work/cicada.db", options: {rows: $ROWS, threads: 1}}
users: $1
duration: ${DURATION}s
requests: [{command: point_read}]
PLAN
}

title "point reads of $ROWS rows, one thread (ratio: against the bare loop)"
head_row
measure "$BUILD/bench/sqlite_floor" "$work/floor.db" "$ROWS" "$DURATION"
read -r calls errors <"$work/out"
row 'sqlite3 in a bare loop' -
floor=$per_call
for users in 1 8 50; do
    reads_plan "$users"
    measure_cicada "$work/reads.yaml"
    row "cicada, $users users" "$floor"
done

title "the default mix, all threads"
head_row
measure_cicada --users 8 --duration "${DURATION}s" "sqlite:$work/mix.db?rows=$ROWS"
row 'cicada, 8 users' -
