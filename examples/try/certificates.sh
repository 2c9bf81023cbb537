#!/usr/bin/env bash
# Makes certificates for a try: an authority, and what it signs for buildkitd and for a client.
#   examples/try/certificates.sh <folder>
# They are in <folder>/daemon and <folder>/client, each with ca.pem, cert.pem and key.pem, and valid for a day.
set -euo pipefail
cd "$1"
mkdir daemon client

request() {
  quietly openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "$@"
}

# openssl reports its progress where it reports errors.
quietly() {
  "$@" 2>messages || {
    cat messages >&2
    return 1
  }
}

issue() {
  local folder=$1 name=$2 usage=$3
  printf 'subjectAltName=DNS:%s\nextendedKeyUsage=%s\n' "$name" "$usage" >extensions
  request -subj "/CN=$name" -keyout "$folder/key.pem" -out request.pem
  quietly openssl x509 -req -in request.pem -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 1 \
    -extfile extensions -out "$folder/cert.pem"
  cp ca.pem "$folder"
}

request -x509 -days 1 -subj '/CN=buildkit-drain try' -keyout ca-key.pem -out ca.pem
issue daemon buildkitd serverAuth
issue client client clientAuth
