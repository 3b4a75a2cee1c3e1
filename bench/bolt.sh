#!/usr/bin/env bash
# CPU that one single-record read over Bolt costs the client: cicada against the official JavaScript driver, the
# same query on the same real Neo4j server, in the same run.
cd "$(dirname "$0")/.."
. bench/lib.sh
USERS=${USERS:-10} READS=${READS:-40000} ROUNDS=${ROUNDS:-3}

neo4j_port=$(free_port)
finish_neo4j() {
    scripts/neo4j.sh remove "$neo4j_port" || true
    finish
}
trap finish_neo4j EXIT
url=$("${pin_server[@]}" scripts/neo4j.sh start "$neo4j_port")

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

title "CPU per single-record read over Bolt, $USERS connections, Neo4j Community (ratio: against neo4j-driver)"
node bench/bolt_peer.mjs "$url" prepare
read_plan "$READS"
measure_cicada --workers 1 "$work/plan.yaml" # so that the server has compiled what it runs
head_row
# Taken in turns, the best of each: what else runs on the machine only adds.
measure_peer() {
    measure node bench/bolt_peer.mjs "$url" read "$USERS" "$READS"
    read -r calls errors <"$work/out"
}
note() {
    local user
    read -r user _ <"$work/time"
    echo "$cpu_us $calls $errors $wall_s $user" >>"$work/$1"
}
best() {
    local label=$1 against=$2 file=$3
    read -r cpu_us calls errors wall_s user_s < <(sort -n "$work/$file" | head -n 1)
    row "$label" "$against"
    per_call_user=$(awk -v u="$user_s" -v n="$calls" 'BEGIN { printf "%.2f", u * 1e6 / n }')
}
for ((round = 0; round < ROUNDS; round++)); do
    measure_peer && note peer
    measure_cicada --workers 1 "$work/plan.yaml" && note cicada
done
best 'neo4j-driver (JavaScript)' - peer
peer=$per_call peer_user=$per_call_user
best 'cicada' "$peer" cicada
awk -v ours="$per_call" -v peer="$peer" -v ours_user="$per_call_user" -v peer_user="$peer_user" 'BEGIN {
    printf "cicada uses 1/%.1f of it; the goal is 1/10 at most: %s\n", peer / ours, ours * 10 <= peer ? "met" : "missed"
    printf "without the kernel, which sends and wakes for both alike: %.2f to %.2f us\n", ours_user, peer_user
}'
