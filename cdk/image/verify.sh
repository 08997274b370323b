#!/bin/sh
# Fails the build of an image whose Node, runtime interface client or Chroma server does not start.
set -eu
node --version
# The client reads the address of the Runtime API when it is loaded.
AWS_LAMBDA_RUNTIME_API=127.0.0.1:9001 node -e "process.dlopen({exports: {}}, 'node_modules/aws-lambda-ric/rapid-client.node')"
node --input-type=commonjs -e "
  const chromadb = require.resolve('chromadb');
  const binding = 'chromadb-js-bindings-linux-' + process.arch + '-gnu';
  require(require('node:module').createRequire(chromadb).resolve(binding)).cli(['chroma', '--version']);"
