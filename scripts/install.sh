#!/usr/bin/env bash
# Install what is missing: Debian packages of the named groups (scripts/debian-packages.txt), a Node.js of
# at least version 20 where they need one, and the npm peers of tests and benchmarks.
#   scripts/install.sh build [demo] [test] [bench]
set -euo pipefail
cd "$(dirname "$0")/.."

readonly NODE_VERSION=20.20.2 # installed from npm when Debian's is older
groups=" $* "

wants() {
    [[ $groups == *" $1 "* ]]
}

missing_packages() {
    local package group command
    while read -r package group command; do
        [[ -z $package || $package == \#* ]] && continue
        wants "$group" || continue
        [[ -n $command ]] && command -v "$command" >/dev/null && continue
        dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || echo "$package"
    done <scripts/debian-packages.txt
}

as_root() {
    if [[ $(id -u) == 0 ]]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        echo "install: these packages are missing, and neither root nor sudo is at hand: $*" >&2
        return 1
    fi
}

install_packages() {
    local packages
    mapfile -t packages < <(missing_packages)
    ((${#packages[@]})) || return 0
    echo "install: ${packages[*]}"
    command -v apt-get >/dev/null || {
        echo "install: no apt-get here; install the like of: ${packages[*]}" >&2
        return 1
    }
    as_root apt-get update -q
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${packages[@]}"
}

node_major() {
    node --version 2>/dev/null | sed 's/^v\([0-9]*\).*/\1/'
}

# The npm peers ask for Node.js 20; Debian 12 has 18. npm carries the binaries, so fetch one from there.
install_node() {
    local architecture
    (($(node_major || echo 0) < 20)) || return 0
    case $(uname -m) in
    x86_64) architecture=x64 ;;
    aarch64) architecture=arm64 ;;
    *)
        echo "install: Node.js 20 is needed, and npm has no binary of it for $(uname -m)" >&2
        return 1
        ;;
    esac
    echo "install: Node.js $NODE_VERSION into build/node"
    mkdir -p build/node
    npm install --silent --no-save --prefix build/node "node-linux-$architecture@$NODE_VERSION"
    ln -sfn "node_modules/node-linux-$architecture/bin" build/node/bin
}

# npm ci only when the lock file is newer than what it last installed.
install_npm() {
    local folder=$1
    [[ $folder/node_modules/.package-lock.json -nt $folder/package-lock.json ]] && return 0
    echo "install: npm packages of $folder"
    (cd "$folder" && npm ci --silent && touch node_modules/.package-lock.json)
}

install_packages
if wants test || wants bench; then
    # shellcheck source=scripts/environment.sh
    . scripts/environment.sh
    install_node
    . scripts/environment.sh
    install_npm tests/npm
fi
if wants bench; then
    install_npm bench/npm
fi
