# Sourced from the root of the repository: the Node.js that scripts/install.sh fetched, if it did, comes first.
if [[ -x build/node/bin/node && ":$PATH:" != *":$PWD/build/node/bin:"* ]]; then
    export PATH="$PWD/build/node/bin:$PATH"
fi
