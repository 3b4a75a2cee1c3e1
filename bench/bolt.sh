#!/usr/bin/env bash
# CPU that one single-record read over Bolt costs the client: cicada against the official JavaScript driver, the
# same query on the same server, in the same run. First on a server so fast that both clients are busy all the
# time, then on a real Neo4j, where the faster client sleeps between two answers and pays for each awakening. Beside
# them a client that does nothing but move the same bytes (bolt_floor.c): what the kernel takes of anyone.
cd "$(dirname "$0")/.."
. bench/lib.sh
USERS=${USERS:-10} READS=${READS:-40000} ROUNDS=${ROUNDS:-5}

# read_plan COUNT: nothing but the read, by so many users.
read_plan() {
    cat >"$work/plan.yaml" <<PLAN
target: {url: "$url", options: {nodes: 0}}
users: $USERS
operations: $1
requests:
  - command: custom
    arguments:
      name: read
      mode: read
      cypher: "MATCH (n:CicadaBench {key: \$key}) RETURN n"
      parameters: {key: "key \${random(0,999)}"}
PLAN
}

measure_peer() {
    measure node bench/bolt_peer.mjs "$url" read "$USERS" "$READS"
    read -r calls errors <"$work/out"
}

measure_floor() {
    measure "$BUILD/bench/bolt_floor" "$url" "$USERS" "$READS"
    read -r calls errors <"$work/out"
}

note() {
    echo "$(awk -v c="$cpu_us" -v n="$calls" 'BEGIN { printf "%.3f", n ? c / n : 0 }') $cpu_us $calls $errors $wall_s" >>"$work/$1"
}

# By CPU per read; the row is that of the round in the middle.
median() {
    local label=$1 against=$2 file=$3
    read -r _ cpu_us calls errors wall_s < <(sort -n "$work/$file" | sed -n "$(((ROUNDS + 1) / 2))p")
    row "$label" "$against"
}

# Taken in turns, so that whatever else runs on the machine falls on all of them. Every round is told.
compare() {
    local round peer ours floor
    rm -f "$work/peer" "$work/cicada" "$work/floor"
    title "CPU per single-record read over Bolt, $USERS connections, $1: the median of $ROUNDS rounds (ratio: against neo4j-driver)"
    head_row
    read_plan "$READS"
    for ((round = 0; round < ROUNDS; round++)); do
        measure_peer && note peer
        measure_cicada --workers 1 "$work/plan.yaml" && note cicada
        measure_floor && note floor
    done
    median 'neo4j-driver (JavaScript)' - peer
    peer=$per_call
    median 'cicada' "$peer" cicada
    ours=$per_call
    median 'bare write and read of the bytes' "$peer" floor
    floor=$per_call
    paste -d' ' "$work/peer" "$work/cicada" "$work/floor" | awk '{
        printf "  round %d: neo4j-driver %.1f us, cicada %.1f us (1/%.1f), bare %.1f us (1/%.1f)\n", NR, $1, $6, $1 / $6, $11, $1 / $11 }'
    awk -v ours="$ours" -v peer="$peer" -v floor="$floor" 'BEGIN {
        printf "cicada uses 1/%.1f of it; the goal is 1/10 at most: %s. Of its %.1f us, %.1f are those of a client that only moves the bytes\n",
            peer / ours, ours * 10 <= peer ? "met" : "missed", ours, floor }'
}

port=$(free_port)
"${pin_server[@]}" "$BUILD/bench/fast_bolt" "$port" &
servers+=($!)
await_port "$port"
url=bolt://127.0.0.1:$port
compare fast_bolt
stop_servers

neo4j_port=$(free_port)
finish_neo4j() {
    scripts/neo4j.sh remove "$neo4j_port" || true
    finish
}
trap finish_neo4j EXIT
url=$("${pin_server[@]}" scripts/neo4j.sh start "$neo4j_port")
node bench/bolt_peer.mjs "$url" prepare
read_plan "$READS"
measure_cicada --workers 1 "$work/plan.yaml" # so that the server has compiled what it runs
compare 'Neo4j Community'
