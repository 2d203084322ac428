#!/usr/bin/env bash
# The SageMaker Python SDK asks STS at AWS's own address, whatever the endpoint variables say.
#
# Packages: sagemaker-core 2.27.0 (what `sagemaker` 3.27.0 is made of), boto3 1.44.5.
# Expected: with AWS_ENDPOINT_URL or AWS_ENDPOINT_URL_STS set, every client of the SDK goes there, as boto3's do.
# Behaviour: Session.account_id makes its client of STS with an endpoint of its own, which counts more than both
#   variables. ModelBuilder.register of a version needs the account's id, so against a local AWS everything works
#   but that one call, which leaves the machine.
# Seen: boto3 asks http://127.0.0.1:9/, the SDK https://sts.us-east-1.amazonaws.com/
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset AWS_PROFILE
export TMPDIR="$work" HOME="$work" AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null
export AWS_ACCESS_KEY_ID=key AWS_SECRET_ACCESS_KEY=secret AWS_DEFAULT_REGION=us-east-1
export AWS_ENDPOINT_URL=http://127.0.0.1:9 AWS_ENDPOINT_URL_STS=http://127.0.0.1:9
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --disable-pip-version-check -qq 'sagemaker-core==2.27.0' 'boto3==1.44.5'
cd "$work"

"$work/venv/bin/python" 2>log - <<'PYTHON' || { cat log >&2; exit 1; }
import boto3
from botocore.awsrequest import AWSResponse
from sagemaker.core.helper.session_helper import Session

ANSWER = (b'<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
          b"<Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>")
asked = []


class Raw:
    def stream(self, **_):
        yield ANSWER


def answer(request, **_):  # in place of the network: nothing is sent
    asked.append(request.url)
    return AWSResponse(request.url, 200, {}, Raw())


session = boto3.session.Session()
session.events.register("before-send.sts.*", answer)
session.client("sts").get_caller_identity()
Session(boto_session=session).account_id()
if asked != ["http://127.0.0.1:9/", "https://sts.us-east-1.amazonaws.com/"]:
    raise SystemExit(f"no longer so: asked {asked}")
print(f"as stated: boto3 asks {asked[0]}, the SDK {asked[1]}")
PYTHON
