#!/bin/sh
# Installs what package-lock.json says, Node 24 among it, and compiles the runtime interface client for that Node.
set -eu
npm ci --ignore-scripts --no-audit --no-fund
# Only the package for this machine's processor was installed. Node.js comes in a package that others make, so the binary
# is held to a checksum of its own; compare-node.sh compares that with the official archive.
sha256sum --check --strict --ignore-missing node.sha256
mkdir -p /opt/node
cp -r node_modules/node-linux-*/bin node_modules/node-linux-*/include /opt/node/
# By Debian's own Node, since its npm is too old for ours; against the headers of ours.
npm_config_nodedir=/opt/node npm rebuild aws-lambda-ric
rm -rf node_modules/node-linux-*
