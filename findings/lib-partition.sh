#!/usr/bin/env bash
# The partition that the Python support library hands to handlers in GovCloud does not exist.
#
# Packages: cloudformation-cli-python-lib 2.1.20, boto3 1.44.5.
# Expected: `request.awsPartition` is the region's partition, ready to be put into an ARN.
# Behaviour: GovCloud is "aws-gov", which is no partition (it is aws-us-gov), and every region that begins
#   with neither "cn" nor "us-gov" is "aws", also those of the isolated partitions and of the European
#   sovereign cloud. ARNs that are composed with it name nothing there.
# Seen: us-gov-west-1: aws-gov, botocore: aws-us-gov; us-iso-east-1: aws, botocore: aws-iso;
#   eusc-de-east-1: aws, botocore: aws-eusc
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --disable-pip-version-check -qq \
    'cloudformation-cli-python-lib==2.1.20' 'boto3==1.44.5'
cd "$work"

"$work/venv/bin/python" - <<'PYTHON'
import boto3
from cloudformation_cli_python_lib import Action, OperationStatus, ProgressEvent, Resource
from cloudformation_cli_python_lib.interface import BaseModel


class Model(BaseModel):
    @classmethod
    def _deserialize(cls, json_data):
        return cls() if json_data else None


resource = Resource("Acme::Demo::Thing", Model)
handed = []


@resource.handler(Action.READ)
def read(session, request, callback_context):
    handed.append(request.awsPartition)
    return ProgressEvent(status=OperationStatus.SUCCESS)


credentials = {"accessKeyId": "key", "secretAccessKey": "secret", "sessionToken": "token"}
session = boto3.Session(region_name="us-east-1")
seen = {}
for region in ("us-east-1", "cn-north-1", "us-gov-west-1", "us-iso-east-1", "eusc-de-east-1"):
    event = {
        "awsAccountId": "123456789012",
        "bearerToken": "request",
        "region": region,
        "action": "READ",
        "resourceType": "Acme::Demo::Thing",
        "requestData": {"callerCredentials": credentials, "resourceProperties": {}},
    }
    resource(event, None)
    seen[region] = (handed[-1], session.get_partition_for_region(region))

stated = {
    "us-east-1": ("aws", "aws"),
    "cn-north-1": ("aws-cn", "aws-cn"),
    "us-gov-west-1": ("aws-gov", "aws-us-gov"),
    "us-iso-east-1": ("aws", "aws-iso"),
    "eusc-de-east-1": ("aws", "aws-eusc"),
}
if seen != stated:
    raise SystemExit(f"no longer so: {seen}")
wrong = [f"{region}: {ours}, botocore: {real}" for region, (ours, real) in seen.items() if ours != real]
print("as stated:", "; ".join(wrong))
PYTHON
