#!/usr/bin/env bash
# Signs the checksums and publishes the files with the changelog's section: scripts/release/github.sh <folder> v0.1.0
set -euo pipefail
folder=$(realpath "$1")
tag=$2
cd "$(dirname "$0")/../.."

cosign sign-blob --yes --bundle "$folder/SHA256SUMS.sigstore.json" "$folder/SHA256SUMS"
notes=$(node scripts/release/changelog-section.mjs "${tag#v}")
gh release create "$tag" --verify-tag --title "$tag" --notes "$notes" "$folder"/*
