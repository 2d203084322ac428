#!/usr/bin/env bash
# sagemaker-core registers a model package version and then fails; it cannot delete one at all.
#
# Packages: sagemaker-core 2.27.0 (what `sagemaker` 3.27.0 is made of).
# Expected: ModelPackage.create with a group returns the version that it has registered, and delete deletes it.
# Behaviour: create sends CreateModelPackage, which answers an ARN, and looks for ModelPackageName in the answer,
#   which no answer of the API has: KeyError after the version is there, so that a caller that tries again has two.
#   delete sends the resource's name, and a version has none: botocore refuses the request before it is sent.
# Seen: create: KeyError: 'ModelPackageName' after CreateModelPackage; delete: ParamValidationError after
#   DescribeModelPackage
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset AWS_PROFILE
export TMPDIR="$work" HOME="$work" AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null
export AWS_ACCESS_KEY_ID=key AWS_SECRET_ACCESS_KEY=secret AWS_DEFAULT_REGION=us-east-1
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --disable-pip-version-check -qq 'sagemaker-core==2.27.0'
cd "$work"

"$work/venv/bin/python" 2>log - <<'PYTHON' || { cat log >&2; exit 1; }
import json, os, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package/fraud/1"
VERSION = {"ModelPackageArn": ARN, "ModelPackageGroupName": "fraud", "ModelPackageVersion": 1,
           "ModelPackageName": None, "CreationTime": 1790000000, "ModelPackageStatus": "Completed",
           "ModelPackageStatusDetails": {"ValidationStatuses": []}, "ModelApprovalStatus": "Approved"}
# As the API answers: a version has no name.
ANSWERS = {"CreateModelPackage": {"ModelPackageArn": ARN},
           "DescribeModelPackage": {key: value for key, value in VERSION.items() if value is not None}}
requests = []


class SageMaker(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        requests.append(self.headers["X-Amz-Target"].removeprefix("SageMaker."))
        body = json.dumps(ANSWERS[requests[-1]]).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), SageMaker)
threading.Thread(target=server.serve_forever, daemon=True).start()
os.environ["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{server.server_port}"

from sagemaker.core.resources import ModelPackage


def outcome(call):
    requests.clear()
    try:
        call()
    except Exception as error:
        detail = f": {error}" if isinstance(error, KeyError) else ""
        return f"{type(error).__name__}{detail} after {', '.join(requests)}"
    return f"success after {', '.join(requests)}"


seen = [outcome(lambda: ModelPackage.create(model_package_group_name="fraud", model_approval_status="Approved")),
        outcome(lambda: ModelPackage.get(model_package_name=ARN).delete())]
server.shutdown()
if seen != ["KeyError: 'ModelPackageName' after CreateModelPackage", "ParamValidationError after DescribeModelPackage"]:
    raise SystemExit(f"no longer so: create: {seen[0]}; delete: {seen[1]}")
print(f"as stated: create: {seen[0]}; delete: {seen[1]}")
PYTHON
