"""Cloud Control through boto3."""

from __future__ import annotations

import json
from typing import Any

from sandbox.shared.settings import TYPE_NAME
from tests.clients.client import Client
from tests.clients.outcomes import CannotError, NotOfferedError, expect, fail
from tests.clients.templates import APPROVED, FIRST, REPLACED, properties
from tests.clients.world import World

ONE_REQUEST = "each request stands for itself: nothing remembers what was there before"


class CloudControl(Client):
    """`create_resource`, `update_resource` and `delete_resource`."""

    title = "Cloud Control, boto3"
    packages = ("boto3",)

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.client = world.client("cloudcontrol")

    def create(self) -> None:
        self.world.sagemaker.create_model_package_group(ModelPackageGroupName=self.group)
        self.forget_writes()
        model = properties(self.group, FIRST.approval, FIRST.image)
        started = self.client.create_resource(TypeName=TYPE_NAME, DesiredState=json.dumps(model))
        arn = self._finish(started)["Identifier"]
        expect(self.world.versions(self.group) == [arn], f"the group has {self.world.versions(self.group)}")
        expect(self.writes() == ["CreateModelPackage"], f"SageMaker got {self.writes()}")

    def approve(self) -> None:
        arn = self._only_version()
        self.forget_writes()
        self._finish(self._patch(arn, "/ModelApprovalStatus", APPROVED.approval))
        expect(self._only_version() == arn, "there is another version")
        approval = self.world.package(arn)["ModelApprovalStatus"]
        expect(approval == APPROVED.approval, f"the version is {approval}")
        expect(self.writes() == ["UpdateModelPackage"], f"SageMaker got {self.writes()}")

    def replace(self) -> None:
        arn = self._only_version()
        self.forget_writes()
        try:
            self._patch(arn, "/InferenceSpecification/Containers/0/Image", REPLACED.image)
        except self.client.exceptions.ClientError as refusal:
            code = refusal.response["Error"]["Code"]
            expect(self._only_version() == arn, "the refused change made another version")
            expect(self.writes() == [], f"SageMaker got {self.writes()}")
            expect("createOnlyProperties" in str(refusal), f"refused for another reason: {refusal}")
            raise CannotError(f"a create-only property: {code}, and nothing is sent") from None
        fail("a patch of a create-only property was taken")

    def change_nothing(self) -> None:
        arn = self._only_version()
        self.forget_writes()
        self._finish(self._patch(arn, "/ModelApprovalStatus", APPROVED.approval))
        expect(self._only_version() == arn, "there is another version")
        expect(self.writes() == [], f"SageMaker got {self.writes()}")

    def diff(self) -> None:
        raise NotOfferedError(ONE_REQUEST)

    def drift(self) -> None:
        raise NotOfferedError("`get_resource` returns the live properties; to compare them is the caller's")

    def import_package(self) -> None:
        raise NotOfferedError("every package is there by its ARN")

    def roll_back(self) -> None:
        raise NotOfferedError(ONE_REQUEST)

    def delete(self) -> None:
        arn = self._only_version()
        self._finish(self.client.delete_resource(TypeName=TYPE_NAME, Identifier=arn))
        expect(self.world.versions(self.group) == [], f"left: {self.world.versions(self.group)}")

    def _only_version(self) -> str:
        arns = self.world.versions(self.group)
        expect(len(arns) == 1, f"there are {len(arns)} versions")
        return arns[0]

    def _patch(self, arn: str, path: str, value: str) -> dict[str, Any]:
        document = json.dumps([{"op": "replace", "path": path, "value": value}])
        answer = self.client.update_resource(TypeName=TYPE_NAME, Identifier=arn, PatchDocument=document)
        return dict(answer)

    def _finish(self, started: dict[str, Any]) -> dict[str, Any]:
        """Wait for a request and return its last event, which has to be a success."""
        token = started["ProgressEvent"]["RequestToken"]
        waiter = self.client.get_waiter("resource_request_success")
        waiter.wait(RequestToken=token, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
        return dict(self.client.get_resource_request_status(RequestToken=token)["ProgressEvent"])
