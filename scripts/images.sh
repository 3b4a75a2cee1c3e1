#!/usr/bin/env bash
# Make the screenshots of README and docs/ again, from the run that `cicada run --quick` does without a target.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/environment.sh

build/src/cicada/cicada run --quick --json build/images.json --html build/images.html || [[ $? == 1 ]]
node scripts/images.mjs build/images.html docs/images
