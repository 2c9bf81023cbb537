#!/usr/bin/env bash
# Deletes a pod of buildkitd during a build, in a cluster on this machine, and shows what the hook logs until
# the build has ended. Needs docker, kind, kubectl and openssl, and removes the cluster at the end.
#   examples/try/try.sh [derived-image|init-container|sidecar|rootless]
set -euo pipefail

here=$(realpath "$(dirname "$0")")
repository=$(realpath "$here/../..")
cluster=buildkit-drain-try

say() { printf '==> %s\n' "$*"; }
fail() {
  printf 'try: %s\n' "$*" >&2
  exit 1
}

container=buildkitd
case ${1:-derived-image} in
  derived-image) stage=buildkit ;;
  init-container) stage=folder ;;
  sidecar) stage=sidecar container=buildkit-drain ;;
  rootless) stage=buildkit-rootless ;;
  *) fail "expected derived-image, init-container, sidecar or rootless but received $1" ;;
esac
manifest=$repository/examples/kubernetes/${1:-derived-image}/deployment.yaml

require() { command -v "$1" >/dev/null || fail "$1 is missing: $2"; }
require docker 'see https://docs.docker.com/engine/install'
require kind 'see https://kind.sigs.k8s.io/docs/user/quick-start'
require kubectl 'see https://kubernetes.io/docs/tasks/tools'
require openssl "it is in your distribution's package openssl"
docker info >/dev/null 2>&1 ||
  fail 'docker does not answer: start it, and see that "docker info" works for this user'
clusters=$(kind get clusters 2>/dev/null)
! grep --quiet --line-regexp "$cluster" <<<"$clusters" ||
  fail "a cluster of an earlier try is still there: kind delete cluster --name $cluster"

folder=$(mktemp -d)
# Neither the user's clusters nor what kubectl points at change.
export KUBECONFIG=$folder/kubeconfig
cleanup() {
  local status=$?
  trap - EXIT
  # A second Ctrl-C would leave the cluster.
  trap '' INT TERM
  say 'Removing the cluster'
  # shellcheck disable=SC2046
  kill $(jobs -p) 2>/dev/null || true
  kind delete cluster --name "$cluster" || status=1
  rm -rf "$folder"
  exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say 'Starting a cluster of one node'
kind create cluster --name "$cluster" --wait 120s

image=$(sed -n 's/^ *image: //p' "$manifest" | grep --invert-match '^moby/')
say "Building $image"
# With a provenance, the image would be an index, which kind may not load.
docker buildx build --load --provenance=false --target "$stage" --tag "$image" "$repository/"
kind load docker-image --name "$cluster" "$image"

say 'Making certificates'
"$here/certificates.sh" "$folder"
for of in daemon client; do
  kubectl create secret generic "buildkit-$of-certs" --from-file="$folder/$of"
done

say "Starting buildkitd from ${manifest#"$repository"/}"
# One replica, so that it is known which has the build.
sed 's/^  replicas: .*/  replicas: 1/' "$manifest" | kubectl apply --filename -
kubectl apply --filename "$repository/examples/kubernetes/service.yaml" --filename "$here/client.yaml"
kubectl rollout status deployment/buildkitd --timeout=300s
kubectl wait pod/client --for=condition=Ready --timeout=300s
pod=$(kubectl get pods --selector app=buildkitd --output 'jsonpath={.items[0].metadata.name}')
kubectl exec --stdin client -- sh -c 'mkdir /context && cat >/context/Dockerfile' <"$here/Dockerfile"

say 'Starting a build of half a minute, over TLS'
kubectl exec client -- buildctl --addr tcp://buildkitd:1234 \
  --tlscacert /certs/ca.pem --tlscert /certs/cert.pem --tlskey /certs/key.pem \
  build --progress plain --frontend dockerfile.v0 --local context=/context --local dockerfile=/context \
  >"$folder/build.log" 2>&1 &
build=$!
until grep --quiet 'second 1 of' "$folder/build.log"; do
  kill -0 "$build" 2>/dev/null || fail "the build did not begin:
$(cat "$folder/build.log")"
  sleep 0.5
done

say "Deleting $pod"
kubectl delete "pod/$pod" --wait=false
deleted=$SECONDS
# Until the container is gone.
kubectl logs --follow --since=1s --container "$container" "$pod" &
logs=$!

wait "$build" || fail "the build failed:
$(cat "$folder/build.log")"
built=$SECONDS
kubectl wait "pod/$pod" --for=delete --timeout=120s >/dev/null
gone=$SECONDS
wait "$logs" || true
say "The build ended well $((built - deleted)) s after the pod was deleted, and the pod was gone $((gone - built)) s later"
