#!/usr/bin/env bash
# Installs the packed package in Alpine's images of Node.js, which have musl, and plays the demonstration there:
# scripts/check-alpine.sh 20 22 …
set -euo pipefail
cd "$(dirname "$0")/.."

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
npm pack --silent --pack-destination "$folder" >&2
cp scripts/demo.mjs "$folder"
chmod 755 "$folder"

for node in "$@"; do
  echo "Node.js $node"
  log=$(docker run --rm --volume "$folder:/packed:ro" "node:$node-alpine" sh -c '
    npm install --silent --global /packed/*.tgz && node /packed/demo.mjs buildkit-drain' 2>&1) || {
    echo "$log"
    exit 1
  }
  echo "$log"
  # Without the addon it would count by procfs.
  grep --quiet '(by sock-diag) and .* (by sock-diag)' <<<"$log"
done
