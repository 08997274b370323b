#!/usr/bin/env bash
# Executes the Dockerfile's steps on Debian 13 without Docker, and lets the handler answer one invocation: debootstrap
# makes the base, chroot stands for the container. Needs root, debootstrap, a Debian mirror, and npm's registry.
# Usage: cdk/image/check-on-debian13.sh [directory]
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$(realpath -m "${1:-$(mktemp -d)}")
app=opt/merge-deltas
say() { printf '\n== %s\n' "$*"; }
quietly() { "$@" > "$root/log" 2>&1 || { tail -40 "$root/log"; exit 1; }; }

# /proc and /dev as any container has them; unmounted at the end.
mounted=()
container() {
  mountpoint -q "$1/proc" || { mount -t proc proc "$1/proc"; mounted+=("$1/proc"); }
  mountpoint -q "$1/dev" || { mount --bind /dev "$1/dev"; mounted+=("$1/dev"); }
}
trap 'for point in "${mounted[@]}"; do umount "$point"; done' EXIT

mkdir -p "$root"
say "Base: Debian 13 by debootstrap"
[ -d "$root/base" ] || quietly debootstrap --variant=minbase trixie "$root/base"
cat "$root/base/etc/debian_version"

say "Stage build: build-tools.sh, build.sh"
if [ ! -d "$root/build" ]; then
  cp -a "$root/base" "$root/build"
  container "$root/build"
  cp /etc/resolv.conf "$root/build/etc/"
  cp cdk/image/build-tools.sh "$root/build/"
  quietly chroot "$root/build" /build-tools.sh
fi
container "$root/build"
mkdir -p "$root/build/$app"
cp cdk/image/{package.json,package-lock.json,build.sh} "$root/build/$app/"
# What this machine trusts and asks, the build stage trusts and asks.
cp /etc/ssl/certs/ca-certificates.crt "$root/build/etc/ssl/certs/"
registry=$(npm config get registry 2> /dev/null)
quietly chroot "$root/build" env HOME=/root npm_config_registry="$registry" \
  NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt sh -c "cd /$app && ./build.sh"
tail -3 "$root/log"

say "Stage final: verify.sh"
rm -rf "$root/final" && cp -a "$root/base" "$root/final"
container "$root/final"
cp "$root/build/opt/node/bin/node" "$root/final/usr/local/bin/node"
mkdir -p "$root/final/$app"
cp -r "$root/build/$app/node_modules" "$root/final/$app/"
npx node cdk/image/write-bundle.ts "$root/final/$app"
cp cdk/image/verify.sh "$root/final/$app/"
chroot "$root/final" sh -c "cd /$app && ./verify.sh"

say "One invocation through aws-lambda-ric, as user 10001"
npx node cdk/image/invoke-once.ts "$root/final"
