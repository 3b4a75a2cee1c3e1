#!/usr/bin/env bash
# A real Neo4j Community server for tests and benchmarks: Bolt on 127.0.0.1, authentication on, TLS on the same
# port for who asks for it, at most 512 MB of heap. Maven resolves it (tests/neo4j/pom.xml) once, into build/neo4j.
#   scripts/neo4j.sh install
#   scripts/neo4j.sh start PORT      prints bolt://USER:PASSWORD@127.0.0.1:PORT when it answers
#   scripts/neo4j.sh stop PORT       in order
#   scripts/neo4j.sh kill PORT       at once, as a crash would be
#   scripts/neo4j.sh remove PORT     stop it and delete its data
# NEO4J_PASSWORD: of user neo4j. The data of PORT, its log and certificates/public.crt are in build/neo4j/PORT.
set -euo pipefail
cd "$(dirname "$0")/.."

cache=$PWD/build/neo4j
password=${NEO4J_PASSWORD:-cicada-test}
readonly START_SECONDS=180 STOP_SECONDS=60

die() {
    echo "neo4j: $*" >&2
    exit 1
}

# Resolved and compiled once per version of what says how.
install() {
    local stamp
    command -v mvn >/dev/null || die "mvn is missing; run make deps, or install maven"
    command -v javac >/dev/null || die "javac is missing; run make deps, or install a JDK 17"
    mkdir -p "$cache"
    exec 9>"$cache/lock"
    flock 9
    stamp=$(cat tests/neo4j/pom.xml tests/neo4j/Neo4jServer.java | sha256sum)
    if [[ ! -f $cache/stamp || $(<"$cache/stamp") != "$stamp" ]]; then
        echo "neo4j: resolving the server" >&2
        rm -rf "$cache/lib" "$cache/classes"
        mvn -q -B -f tests/neo4j/pom.xml dependency:copy-dependencies -DincludeScope=runtime \
            -DoutputDirectory="$cache/lib" >&2
        javac -cp "$cache/lib/*" -d "$cache/classes" tests/neo4j/Neo4jServer.java
        echo "$stamp" >"$cache/stamp"
    fi
    exec 9>&-
}

make_certificate() {
    local folder=$1
    [[ -f $folder/public.crt ]] && return 0
    mkdir -p "$folder"
    openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=cicada-test \
        -addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
        -keyout "$folder/private.key" -out "$folder/public.crt" 2>/dev/null
}

is_running() {
    [[ -f $home/pid ]] && kill -0 "$(<"$home/pid")" 2>/dev/null
}

start() {
    is_running && die "a server is running on port $port already"
    install
    mkdir -p "$home"
    make_certificate "$home/certificates"
    : >"$home/log"
    setsid java -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel="${NEO4J_COMPILER_LEVEL:-4}" \
        --add-opens=java.base/java.nio=ALL-UNNAMED --add-opens=java.base/java.io=ALL-UNNAMED \
        --add-opens=java.base/sun.nio.ch=ALL-UNNAMED -cp "$cache/classes:$cache/lib/*" \
        Neo4jServer "$home" "$port" "$password" >>"$home/log" 2>&1 </dev/null &
    echo $! >"$home/pid"
    local i
    for ((i = 0; i < START_SECONDS * 10; i++)); do
        grep -qx ready "$home/log" && break
        is_running || break
        sleep 0.1
    done
    grep -qx ready "$home/log" || {
        tail -n 20 "$home/log" >&2
        end KILL
        die "the server does not start; see $home/log"
    }
    echo "bolt://neo4j:$password@127.0.0.1:$port"
}

end() {
    local i
    is_running || {
        rm -f "$home/pid"
        return 0
    }
    kill -"$1" "$(<"$home/pid")"
    for ((i = 0; i < STOP_SECONDS * 10; i++)); do
        is_running || break
        sleep 0.1
    done
    is_running && kill -KILL "$(<"$home/pid")"
    rm -f "$home/pid"
}

port=${2:-}
home=$cache/$port
[[ ${1:-} == install || $port =~ ^[0-9]+$ ]] || die "usage: scripts/neo4j.sh install | start|stop|kill|remove PORT"
case ${1:-} in
install) install ;;
start) start ;;
stop) end TERM ;;
kill) end KILL ;;
remove)
    end KILL
    rm -rf "$home"
    ;;
*) die "usage: scripts/neo4j.sh install | start|stop|kill|remove PORT" ;;
esac
