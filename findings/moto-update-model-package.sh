#!/usr/bin/env bash
# moto's UpdateModelPackage erases what an update does not name, the approval status for one.
#
# Packages: moto 5.2.5, boto3 1.44.5.
# Expected: all members but the ARN are optional, and what is left out stays, as SageMaker does it; new entries of
#   CustomerMetadataProperties join those that are there, for which there is CustomerMetadataPropertiesToRemove.
# Behaviour: ModelApprovalStatus, ApprovalDescription and CustomerMetadataProperties are each replaced by
#   what the request has, by nothing where it has nothing. Code that sends its changes only is tested against
#   packages that lose their approval on the way, and code that sends everything is never found out.
# Seen: approved with {'a': '1'}; after adding {'b': '2'}: status None, metadata {'b': '2'};
#   after approving again: status Approved, metadata None
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset AWS_PROFILE
export AWS_CONFIG_FILE=/dev/null AWS_ACCESS_KEY_ID=key AWS_SECRET_ACCESS_KEY=secret
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --disable-pip-version-check -qq 'moto==5.2.5' 'boto3==1.44.5'
cd "$work"

"$work/venv/bin/python" - <<'PYTHON'
import boto3
from moto import mock_aws

with mock_aws():
    client = boto3.client("sagemaker", region_name="us-east-1")
    client.create_model_package_group(ModelPackageGroupName="group")
    arn = client.create_model_package(
        ModelPackageGroupName="group", ModelApprovalStatus="Approved", CustomerMetadataProperties={"a": "1"}
    )["ModelPackageArn"]

    def read():
        answer = client.describe_model_package(ModelPackageName=arn)
        return answer.get("ModelApprovalStatus"), answer.get("CustomerMetadataProperties")

    seen = [read()]
    client.update_model_package(ModelPackageArn=arn, CustomerMetadataProperties={"b": "2"})
    seen.append(read())
    client.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    seen.append(read())

if seen != [("Approved", {"a": "1"}), (None, {"b": "2"}), ("Approved", None)]:
    raise SystemExit(f"no longer so: (status, metadata) is {seen}")
print(f"as stated: {seen[0]}; after adding {{'b': '2'}}: {seen[1]}; after approving again: {seen[2]}")
PYTHON
