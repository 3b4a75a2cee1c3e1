#!/usr/bin/env bash
# CPU that one single-record read over Bolt costs the client: cicada against the official JavaScript driver, the
# same query on the same server, in the same run. First on a server so fast that both clients are busy all the
# time, then on a real Neo4j, where the faster client sleeps between two answers and pays for each awakening.
cd "$(dirname "$0")/.."
. bench/lib.sh
USERS=${USERS:-10} READS=${READS:-40000} ROUNDS=${ROUNDS:-3}

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

note() {
    echo "$cpu_us $calls $errors $wall_s" >>"$work/$1"
}

best() {
    local label=$1 against=$2 file=$3
    read -r cpu_us calls errors wall_s < <(sort -n "$work/$file" | head -n 1)
    row "$label" "$against"
}

# Taken in turns, the best of each: what else runs on the machine only adds.
compare() {
    local round peer
    rm -f "$work/peer" "$work/cicada"
    title "CPU per single-record read over Bolt, $USERS connections, $1 (ratio: against neo4j-driver)"
    head_row
    read_plan "$READS"
    for ((round = 0; round < ROUNDS; round++)); do
        measure_peer && note peer
        measure_cicada --workers 1 "$work/plan.yaml" && note cicada
    done
    best 'neo4j-driver (JavaScript)' - peer
    peer=$per_call
    best 'cicada' "$peer" cicada
    awk -v ours="$per_call" -v peer="$peer" 'BEGIN {
        printf "cicada uses 1/%.1f of it; the goal is 1/10 at most: %s\n", peer / ours, ours * 10 <= peer ? "met" : "missed" }'
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
