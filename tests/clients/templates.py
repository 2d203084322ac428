"""The stack that every deployer deploys, in the states that the operations need."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sandbox.shared.settings import TYPE_NAME

IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/fraud"
PENDING = "PendingManualApproval"
Json = dict[str, Any]


@dataclass(frozen=True)
class State:
    """What is to be deployed; a broken one has a second version, in a group that is not there."""

    approval: str = PENDING
    image: str = f"{IMAGE}:1"
    is_broken: bool = False

    @property
    def parameters(self) -> dict[str, str]:
        """The values of the template's parameters."""
        return {"Approval": self.approval, "Image": self.image}


FIRST = State()
APPROVED = State("Approved")
REPLACED = State("Approved", f"{IMAGE}:2")
# Deployed by no operation: what a diff shows.
REJECTED = State("Rejected", f"{IMAGE}:2")
BROKEN = State("Rejected", f"{IMAGE}:2", is_broken=True)


def properties(group: Any, approval: Any, image: Any) -> Json:
    """Return a version's properties."""
    specification = {
        "Containers": [{"Image": image}],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    }
    return {
        "ModelPackageGroupName": group,
        "ModelApprovalStatus": approval,
        "InferenceSpecification": specification,
    }


def template(group: str, state: State) -> str:
    """Return the template with a group and a version, approval and image as parameters."""
    parameters = {name: {"Type": "String", "Default": value} for name, value in FIRST.parameters.items()}
    package = properties(
        {"Fn::GetAtt": ["Group", "ModelPackageGroupArn"]}, {"Ref": "Approval"}, {"Ref": "Image"}
    )
    resources: Json = {
        "Group": {
            "Type": "AWS::SageMaker::ModelPackageGroup",
            "Properties": {"ModelPackageGroupName": group},
        },
        "Package": {"Type": TYPE_NAME, "Properties": package},
    }
    if state.is_broken:
        broken = properties(f"{group}-missing", PENDING, {"Ref": "Image"})
        resources["Broken"] = {"Type": TYPE_NAME, "DependsOn": "Package", "Properties": broken}
    outputs = {"Version": {"Value": {"Ref": "Package"}}}
    content = {"AWSTemplateFormatVersion": "2010-09-09", "Parameters": parameters, "Resources": resources}
    return json.dumps({**content, "Outputs": outputs}, indent=2)


def import_template(group: str) -> str:
    """Return the template of a stack that takes over a version as it was first made."""
    package = {
        "Type": TYPE_NAME,
        "DeletionPolicy": "Delete",
        "Properties": properties(group, FIRST.approval, FIRST.image),
    }
    content = {"AWSTemplateFormatVersion": "2010-09-09", "Resources": {"Package": package}}
    return json.dumps(content, indent=2)
