#!/bin/sh
# Starts the runtime interface client with the handler that it is given, as the entry scripts of Amazon's base images do.
# On an image of one's own Lambda sets _HANDLER from CMD, blank where there is none, and LAMBDA_TASK_ROOT to /var/task
# whatever the image says: the client believes both, so both are set here.
set -eu
if [ "$#" -ne 1 ]; then
  echo "entry.sh takes the handler as its only argument, for example index.handler; it was given $#. Set CMD." >&2
  exit 142
fi
LAMBDA_TASK_ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
export LAMBDA_TASK_ROOT _HANDLER="$1"
exec node "$LAMBDA_TASK_ROOT/node_modules/aws-lambda-ric/index.mjs"
