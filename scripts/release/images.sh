#!/usr/bin/env bash
# Builds the images for both CPUs, pushes and signs them: scripts/release/images.sh <registry>/<owner> v0.1.0
# The digest is what is signed, since a tag can be moved.
set -euo pipefail
cd "$(dirname "$0")/../.."

prefix=${1,,}
version=${2#v}
folder=$(mktemp -d)
trap 'docker buildx rm --force release >/dev/null 2>&1; rm -rf "$folder"' EXIT

# The builder of docker itself does not build for two CPUs at once.
docker buildx create --name release --driver docker-container --use
for stage in folder:buildkit-drain sidecar:buildkit-drain-sidecar; do
  image=$prefix/${stage#*:}
  docker buildx build --platform linux/amd64,linux/arm64 --target "${stage%:*}" \
    --tag "$image:$version" --sbom=true --provenance=mode=max \
    --metadata-file "$folder/metadata.json" --push .
  digest=$(node -p 'require(process.argv[1])["containerimage.digest"]' "$folder/metadata.json")
  cosign sign --yes "$image@$digest"
done
