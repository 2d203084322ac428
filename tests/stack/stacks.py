"""Stacks for tests: deployed, described, deleted."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from botocore.exceptions import ClientError

from sandbox.commands import watch
from sandbox.local_aws import Sandbox
from sandbox.shared.settings import ROOT

TYPE = "AWS::SageMaker::ModelPackage"
GROUP = "fraud-detection"
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/fraud:1"
POLL_SECONDS = 0.05  # a poll takes a tenth of it
TIMEOUT_SECONDS = 30.0

Json = dict[str, Any]
_numbers = itertools.count(1)


class DeployedStacks:
    """The CloudFormation client, with the waiting done."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.client = sandbox.client("cloudformation")
        self.sagemaker = sandbox.client("sagemaker")

    def close(self) -> None:
        self.client.close()
        self.sagemaker.close()

    def create(self, template: Mapping[str, Any] | str, **options: Any) -> str:
        """Create a stack, which must succeed, and return its name."""
        name = new_name()
        self.client.create_stack(StackName=name, TemplateBody=body(template), **options)
        assert self.wait(name) == "CREATE_COMPLETE", self.reasons(name)
        return name

    def create_package(self, template: Mapping[str, Any] | str, **options: Any) -> tuple[str, str]:
        """Create a stack with a package and return the stack's name and the package's ARN."""
        name = self.create(template, **options)
        return name, self.arn(name)

    def update(self, name: str, template: Mapping[str, Any] | str, **options: Any) -> str:
        self.client.update_stack(StackName=name, TemplateBody=body(template), **options)
        return self.wait(name)

    def delete(self, name: str) -> str:
        stack_id = self.describe(name)["StackId"]
        self.client.delete_stack(StackName=name)
        return self.wait(stack_id)

    def delete_all(self) -> None:
        """Delete every stack; one whose export another one imports goes after that one."""
        while left := [
            each["StackId"] for each in self.client.describe_stacks()["Stacks"] if "ParentId" not in each
        ]:
            for stack_id in left:
                with suppress(ClientError):
                    self.client.delete_stack(StackName=stack_id)
            for stack_id in left:
                assert self.wait(stack_id) != "DELETE_FAILED", self.reasons(stack_id)

    def describe(self, name: str) -> Json:
        return {**self.client.describe_stacks(StackName=name)["Stacks"][0]}

    def wait(self, name: str, timeout_seconds: float = TIMEOUT_SECONDS) -> str:
        """Wait until nothing is in progress and return the status."""
        return watch.wait(self.client, name, timeout_seconds, poll_seconds=POLL_SECONDS)

    def arn(self, name: str, logical_id: str = "Package") -> str:
        detail = self.client.describe_stack_resource(StackName=name, LogicalResourceId=logical_id)
        return str(detail["StackResourceDetail"]["PhysicalResourceId"])

    def package(self, arn: str) -> Json:
        return {**self.sagemaker.describe_model_package(ModelPackageName=arn)}

    def packages(self) -> list[str]:
        """Return the ARNs of the packages in the group."""
        page = self.sagemaker.list_model_packages(ModelPackageGroupName=GROUP)
        return [each["ModelPackageArn"] for each in page["ModelPackageSummaryList"]]

    def tags(self, arn: str) -> dict[str, str]:
        """Return the tags of a group or an unversioned package."""
        return {tag["Key"]: tag["Value"] for tag in self.sagemaker.list_tags(ResourceArn=arn)["Tags"]}

    def outputs(self, name: str) -> dict[str, str]:
        return {each["OutputKey"]: each["OutputValue"] for each in self.describe(name)["Outputs"]}

    def events(self, name: str, logical_id: str = "Package") -> list[tuple[str, str]]:
        """Return status and physical id of a resource's events, oldest first."""
        return [
            (each["ResourceStatus"], each.get("PhysicalResourceId", ""))
            for each in watch.stack_events(self.client, name)
            if each["LogicalResourceId"] == logical_id
        ]

    def reasons(self, name: str) -> list[str]:
        events = watch.stack_events(self.client, name)
        return [each["ResourceStatusReason"] for each in events if each.get("ResourceStatusReason")]

    def change_set(self, name: str, template: Mapping[str, Any] | str, **options: Any) -> Json:
        """Create a change set for a stack and return it as described."""
        change = new_name("change")
        self.client.create_change_set(
            StackName=name, ChangeSetName=change, TemplateBody=body(template), **options
        )
        return {**self.client.describe_change_set(StackName=name, ChangeSetName=change)}

    def execute(self, change_set: Json) -> str:
        """Execute a change set and return the status its stack ends in."""
        self.client.execute_change_set(ChangeSetName=change_set["ChangeSetId"])
        return self.wait(change_set["StackName"])

    def drift(self, name: str) -> dict[str, Json]:
        """Detect a stack's drift and return the result of each resource that can be checked."""
        detection = self.client.detect_stack_drift(StackName=name)["StackDriftDetectionId"]
        status = self.client.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
        drifts = self.client.describe_stack_resource_drifts(StackName=name)["StackResourceDrifts"]
        drifted = {each["StackResourceDriftStatus"] for each in drifts} & {"MODIFIED", "DELETED"}
        if status["DetectionStatus"] == "DETECTION_COMPLETE":
            assert status["StackDriftStatus"] == ("DRIFTED" if drifted else "IN_SYNC")
        return {each["LogicalResourceId"]: {**each} for each in drifts}

    def differences(self, name: str, logical_id: str = "Package") -> list[tuple[str, str, str, str]]:
        """Detect drift and return path, expected value, actual value and kind of one resource's."""
        return [
            (each["PropertyPath"], each["ExpectedValue"], each["ActualValue"], each["DifferenceType"])
            for each in self.drift(name)[logical_id].get("PropertyDifferences", [])
        ]


def new_name(prefix: str = "stack") -> str:
    return f"{prefix}-{next(_numbers)}"


def body(template: Mapping[str, Any] | str) -> str:
    return template if isinstance(template, str) else json.dumps(template)


def version(**properties: Any) -> Json:
    return {
        "ModelPackageGroupName": GROUP,
        "InferenceSpecification": {"Containers": [{"Image": IMAGE}], "SupportedContentTypes": ["text/csv"]},
        **properties,
    }


def unversioned(**properties: Any) -> Json:
    """Return the properties of a small package with a name of its own."""
    return {
        "InferenceSpecification": {
            "Containers": [{"Image": IMAGE}],
            "SupportedTransformInstanceTypes": ["ml.m5.xlarge"],
            "SupportedRealtimeInferenceInstanceTypes": ["ml.m5.large"],
        },
        **properties,
    }


def specification(name: str) -> Any:
    return {"Name": name, "Containers": [{"Image": IMAGE}]}


def template(properties: Mapping[str, Any], /, **attributes: Any) -> Json:
    """Return a template with one package; attributes are those of the resource, such as `DeletionPolicy`."""
    return {"Resources": {"Package": {"Type": TYPE, "Properties": dict(properties), **attributes}}}


def with_failing(body: Json, after: str = "Package") -> Json:
    """Return the template with a resource that fails after another one."""
    failing = {"Type": TYPE, "DependsOn": after, "Properties": {"ModelPackageGroupName": "missing-group"}}
    return {**body, "Resources": {**body["Resources"], "Failing": failing}}


def writes(sandbox: Sandbox) -> list[tuple[str, Json]]:
    """The writing calls to SageMaker, operations and inputs without tokens."""
    return [
        (call["operation"], {key: value for key, value in call["input"].items() if key != "ClientToken"})
        for call in sandbox.sagemaker.calls
        if not call["operation"].startswith(("Describe", "List"))
    ]


def input_set(number: int, kind: str = "create") -> Json:
    """A model of the contract tests; `kind` is create, update or invalid."""
    model: Json = json.loads((ROOT / "inputs" / f"inputs_{number}_{kind}.json").read_text(encoding="utf-8"))
    return model


def sam_event(action: str, model: Json | None = None) -> Json:
    """The project's event of an action for TestEntrypoint, with another model if one is given."""
    event: Json = json.loads((ROOT / "sam-tests" / f"{action.lower()}.json").read_text(encoding="utf-8"))
    if model is not None:
        event["request"]["desiredResourceState"] = model
    return event


def parameters(**values: str) -> list[Any]:
    return [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()]


def tags(**values: str) -> list[Any]:
    return [{"Key": key, "Value": value} for key, value in values.items()]
