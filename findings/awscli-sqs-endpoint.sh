#!/usr/bin/env bash
# Version 1 of the AWS CLI asks SQS at AWS's own address, whatever the endpoint variables say.
#
# Packages: awscli 1.46.3.
# Expected: with AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_SQS set, `aws sqs` goes there, as boto3 and the CLI's other
#   commands do.
# Behaviour: for SQS, EMR, RDS, DocumentDB, Neptune and Health the CLI sets the option --endpoint-url itself, to a
#   name from a table in it, unless the option is given. An option counts more than both variables, so the request
#   leaves the machine that a local AWS is on. SQS has such a name in most Regions, RDS in us-east-1.
# Seen: sns http://127.0.0.1:9/; sqs https://queue.amazonaws.com/; sqs with the option http://127.0.0.1:9/
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset AWS_PROFILE
export TMPDIR="$work" HOME="$work" AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --disable-pip-version-check -qq 'awscli==1.46.3'
cd "$work"

export AWS_ACCESS_KEY_ID=key AWS_SECRET_ACCESS_KEY=secret AWS_DEFAULT_REGION=us-east-1 AWS_MAX_ATTEMPTS=1
export AWS_ENDPOINT_URL=http://127.0.0.1:9 AWS_ENDPOINT_URL_SQS=http://127.0.0.1:9
# The discard port is the proxy, too, so nothing is sent anywhere and each command fails.
export HTTPS_PROXY=http://127.0.0.1:9

asked() {
  "$work/venv/bin/aws" --debug "$@" >log 2>&1 || true
  sed -n "s/.*Making request for .*'url': '\([^']*\)'.*/\1/p" log
}
seen="sns $(asked sns list-topics); sqs $(asked sqs list-queues)"
seen+="; sqs with the option $(asked sqs list-queues --endpoint-url "$AWS_ENDPOINT_URL_SQS")"

if [ "$seen" = "sns http://127.0.0.1:9/; sqs https://queue.amazonaws.com/; sqs with the option http://127.0.0.1:9/" ]; then
  echo "as stated: $seen"
else
  echo "no longer so: $seen" >&2
  exit 1
fi
