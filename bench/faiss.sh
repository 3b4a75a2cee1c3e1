#!/usr/bin/env bash
# FAISS under cicada against FAISS in a bare loop: single searches, one thread, for each type of index; and the recall
# that cicada measured beside the latency.
cd "$(dirname "$0")/.."
. bench/lib.sh
VECTORS=${VECTORS:-10000}
DIMENSION=${DIMENSION:-128}

recall() {
    python3 -c '
import json, sys
recall = json.load(open(sys.argv[1]))["targets"][0]["facts"]["recall"]
print("    recall@%d %.4f of %d searches" % (recall["k"], recall["value"], recall["sample"]))' "$work/result.json"
}

title "searches of $VECTORS vectors of dimension $DIMENSION, k = 10, one thread (ratio: against the bare loop)"
head_row
for type in flat ivf hnsw; do
    measure "$BUILD/bench/faiss_floor" "$type" "$VECTORS" "$DIMENSION" "$DURATION"
    read -r calls errors cpu_us <"$work/out" # of the searches: making the index is left out
    wall_s=$DURATION
    row "FAISS in a bare loop, $type" -
    floor=$per_call
    cat >"$work/searches.yaml" <<PLAN
target: {url: "faiss:generated?type=$type", options: {vectors: $VECTORS, dimension: $DIMENSION, threads: 1}}
users: 8
duration: ${DURATION}s
requests: [{command: search}]
PLAN
    measure_cicada "$work/searches.yaml"
    wall_s=$DURATION
    row "cicada, 8 users, $type" "$floor"
    recall
done
echo "(cicada's CPU has the making of the index and the measuring of recall in it)"
