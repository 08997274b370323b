#!/usr/bin/env bash
# A Python with Chroma and what its own tests need, made below .work once; and beside it `chroma`, which starts the wheel's
# server without its console script (that takes 1.4 s and 114 MB at each start). Prints the folder of both.
#
#   python.sh
set -euo pipefail
folder="$(cd "$(dirname "$0")/../.." && pwd)/.work/chroma-suite"
version=1.5.9

if [ ! -f "$folder/complete-$version" ]; then
  rm -rf "$folder"
  python3 -m venv "$folder" >&2
  "$folder/bin/python" -m pip install --quiet --disable-pip-version-check "chromadb==$version" pytest==8.4.2 \
    'pytest-asyncio<1.4' pytest-timeout 'hypothesis[numpy]==6.112.2' fastapi uvicorn \
    opentelemetry-instrumentation-fastapi bcrypt psutil pandas Pillow mmh3 snowballstemmer >&2
  packages="$("$folder/bin/python" -c 'import os, chromadb_rust_bindings as b; print(os.path.dirname(os.path.dirname(b.__file__)))')"
  cat > "$folder/chroma" <<END
#!/bin/sh
exec '$folder/bin/python' -I -S -c 'import sys; sys.path.insert(0, sys.argv[1]); from chromadb_rust_bindings import chromadb_rust_bindings as b; b.cli(["chroma", *sys.argv[2:]])' '$packages' "\$@"
END
  chmod +x "$folder/chroma"
  touch "$folder/complete-$version"
fi
echo "$folder"
