#!/usr/bin/env bash
# Pythons with versions of chromadb, for test/e2e/chroma-versions.test.ts: made below .work once, and named on standard
# output, separated by colons.
#
#   pythons.sh newest
#   pythons.sh 0.4.24 0.5.23
set -euo pipefail
work="$(cd "$(dirname "$0")/../../.." && pwd)/.work"

named=()
for version in "$@"; do
  python="$work/chroma-$version/bin/python"
  if [ ! -f "$work/chroma-$version/complete" ]; then
    wanted=(chromadb)
    [ "$version" = newest ] || wanted=("chromadb==$version")
    # What 0.4 uses of numpy is gone from numpy 2.
    case "$version" in 0.4.*) wanted+=('numpy<2') ;; esac
    python3 -m venv "$work/chroma-$version" >&2
    "$python" -m pip install --quiet --disable-pip-version-check "${wanted[@]}" >&2
    touch "$work/chroma-$version/complete"
  fi
  named+=("$python")
done
IFS=:
echo "${named[*]}"
