#!/usr/bin/env bash
# Takes the programs out of an image, and prints the variables by which `npm run test:real` finds
# them: scripts/real-binaries.sh moby/buildkit:v0.27.0 <folder>
# This machine's own buildx and containerd are named too, where they are.
set -euo pipefail
image=$1
mkdir -p "$2"
folder=$(realpath "$2")

docker pull --quiet "$image" >&2
container=$(docker create "$image")
trap 'docker rm "$container" >/dev/null' EXIT

name() {
  [ ! -x "$2" ] || echo "$1=$2"
}
for program in buildkitd buildctl; do
  docker cp --quiet "$container:/usr/bin/$program" "$folder/$program" >&2
  name "${program^^}" "$folder/$program"
done
# Only rootless images have it.
if docker cp --quiet "$container:/usr/bin/rootlesskit" "$folder/rootlesskit" >&2; then
  name ROOTLESSKIT "$folder/rootlesskit"
fi
for buildx in /usr/libexec/docker/cli-plugins/docker-buildx /usr/lib/docker/cli-plugins/docker-buildx; do
  if [ -x "$buildx" ]; then
    name BUILDX "$buildx"
    break
  fi
done
name CONTAINERD /usr/bin/containerd
