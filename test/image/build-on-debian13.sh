#!/usr/bin/env bash
# Executes the Dockerfile's steps on Debian 13 without Docker: debootstrap makes the base, chroot stands for the container.
# Leaves the image's files in <directory>/final. A second run does again only what changed. Needs root, debootstrap, a
# Debian mirror and npm's registry. Mounts live in namespaces of their own, so that none can be left behind.
# Usage: test/image/build-on-debian13.sh <directory>
set -euo pipefail
cd "$(dirname "$0")/../.."
image=cdk/image
root=$(realpath -m "$1")
app=opt/merge-deltas
say() { printf '== %s\n' "$*"; }
quietly() { "$@" > "$root/log" 2>&1 || { tail -40 "$root/log"; exit 1; }; }
# `container <root> <command>...`: with /proc and /dev, as any container has them.
container() {
  local files=$1
  shift
  unshare --mount sh -c 'mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && exec chroot "$0" "$@"' "$files" "$@"
}
# `changed <stamp file> <inputs>...`: true when the stage was not made of just these inputs.
changed() { ! sha256sum "${@:2}" 2> /dev/null | cmp -s - "$1"; }
stamp() { sha256sum "${@:2}" > "$1"; }

mkdir -p "$root"
if [ ! -e "$root/base.done" ]; then
  say "Base: Debian 13 by debootstrap"
  rm -rf "$root/base"
  quietly debootstrap --variant=minbase trixie "$root/base"
  touch "$root/base.done"
fi

tools=("$image/build-tools.sh")
if changed "$root/tools.done" "${tools[@]}"; then
  say "Stage build: build-tools.sh"
  rm -rf "$root/build" "$root/app.done"
  cp -a "$root/base" "$root/build"
  cp /etc/resolv.conf "$root/build/etc/"
  cp "$image/build-tools.sh" "$root/build/"
  quietly container "$root/build" /build-tools.sh
  stamp "$root/tools.done" "${tools[@]}"
fi

locked=("$image/package.json" "$image/package-lock.json" "$image/build.sh" "$image/node.sha256")
if changed "$root/app.done" "${locked[@]}"; then
  say "Stage build: build.sh"
  rm -rf "${root:?}/build/$app" "$root/build/opt/node"
  mkdir -p "$root/build/$app"
  cp "${locked[@]}" "$root/build/$app/"
  # What this machine trusts and asks, the build stage trusts and asks.
  cp /etc/ssl/certs/ca-certificates.crt "$root/build/etc/ssl/certs/"
  registry=$(npm config get registry 2> /dev/null)
  quietly container "$root/build" env HOME=/root npm_config_registry="$registry" \
    NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt sh -c "cd /$app && ./build.sh"
  stamp "$root/app.done" "${locked[@]}"
fi

say "Stage final: verify.sh"
rm -rf "$root/final"
cp -a "$root/base" "$root/final"
cp "$root/build/opt/node/bin/node" "$root/final/usr/local/bin/node"
mkdir -p "$root/final/$app"
cp -r "$root/build/$app/node_modules" "$root/final/$app/"
cp "$image/entry.sh" "$image/verify.sh" "$root/final/$app/"
node test/image/write-bundle.ts "$root/final/$app"
container "$root/final" sh -c "cd /$app && ./verify.sh"
