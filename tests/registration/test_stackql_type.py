"""StackQL's `cloud_control.resource` and `.resources` with a registered type of one's own name."""

from __future__ import annotations

import json

from sandbox.commands.demo_registry import TYPE
from sandbox.local_aws import Sandbox
from tests.registration.packages import Packages, register
from tests.stack.stackql import StackQL
from tests.stack.stacks import GROUP, version

EXTRACTED = (
    "JSON_EXTRACT(Properties, '$.ModelPackageArn') as arn, "
    "JSON_EXTRACT(Properties, '$.ModelApprovalStatus') as approval, "
    "JSON_EXTRACT(Properties, '$.InferenceSpecification.Containers[0].Image') as image"
)


def test_stackql_selects_and_updates_a_type_of_ones_own(sandbox: Sandbox, packages: Packages) -> None:
    register(sandbox, packages.newer)
    sandbox.client("sagemaker").create_model_package_group(ModelPackageGroupName=GROUP)
    stackql = StackQL(sandbox, TYPE.name)
    event = stackql.insert(**version())
    assert (event["OperationStatus"], event["TypeName"]) == ("SUCCESS", "Acme::SageMaker::ModelPackage")
    arn = event["Identifier"]
    image = version()["InferenceSpecification"]["Containers"][0]["Image"]

    (row,) = stackql.select("resource", stackql.resource(arn), EXTRACTED)
    assert row == {"arn": arn, "approval": "PendingManualApproval", "image": image}
    (listed,) = stackql.resources()
    assert (listed["Identifier"], json.loads(listed["Properties"])) == (arn, {"ModelPackageArn": arn})

    assert stackql.update(arn, ModelApprovalStatus="Approved")["OperationStatus"] == "SUCCESS"
    (row,) = stackql.select("resource", stackql.resource(arn), EXTRACTED)
    assert row["approval"] == "Approved"
    assert stackql.delete(arn)["OperationStatus"] == "SUCCESS"
    assert stackql.resources() == []
