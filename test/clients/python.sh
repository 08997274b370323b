#!/usr/bin/env bash
# A Python with LangChain's and LlamaIndex's stores over Chroma, made below .work once; and beside it `langchain`, the tests
# that come with the source package of langchain-chroma. Prints the folder of both.
#
#   python.sh
set -euo pipefail
folder="$(cd "$(dirname "$0")/../.." && pwd)/.work/clients/python"
langchain=1.1.0

if [ ! -f "$folder/complete-$langchain" ]; then
  rm -rf "$folder"
  mkdir -p "$folder"
  python3 -m venv "$folder" >&2
  pip="$folder/bin/python -m pip --disable-pip-version-check"
  $pip install --quiet chromadb==1.5.9 "langchain-chroma==$langchain" langchain-tests==1.1.9 \
    llama-index-vector-stores-chroma==0.6.0 pytest 'pytest-asyncio<1.4' pytest-timeout pytest-benchmark >&2
  $pip download --quiet --no-deps --no-binary langchain-chroma --dest "$folder/source" "langchain-chroma==$langchain" >&2
  mkdir "$folder/langchain"
  tar xzf "$folder/source/langchain_chroma-$langchain.tar.gz" --strip-components 1 -C "$folder/langchain"
  touch "$folder/complete-$langchain"
fi
echo "$folder"
