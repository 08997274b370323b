#!/bin/sh
# What the build stage needs beyond Debian's base: npm, and a compiler for the runtime interface client.
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends ca-certificates cmake g++ make npm python3 xz-utils
rm -rf /var/lib/apt/lists/*
