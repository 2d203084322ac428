"""The Python SDK: `ModelBuilder.register`, and the resources of sagemaker-core."""

from __future__ import annotations

import json
from pathlib import Path

from sandbox.shared.settings import ROOT
from tests.clients.client import Client
from tests.clients.outcomes import CannotError, NotOfferedError, expect, fail, tail
from tests.clients.templates import APPROVED, FIRST, REPLACED
from tests.clients.world import Output, write

PYTHON = ROOT / ".venv-clients-sagemaker" / "bin" / "python"
CALLS = Path(__file__).with_name("python_sdk_calls.py")
# Otherwise it reports each call to a bucket of its authors.
NO_TELEMETRY = """\
SchemaVersion: "1.0"
SageMaker:
  PythonSDK:
    Modules:
      TelemetryOptOut: true
"""
ONE_CALL = "each call stands for itself: nothing remembers what was there before"


class PythonSdk(Client):
    """What both ways share."""

    def call(self, name: str, **values: str) -> Output:
        """Make one call of the SDK in a process of its own."""
        write(self.folder, {"config.yaml": NO_TELEMETRY, "values.json": json.dumps(values)})
        config = str(self.folder / "config.yaml")
        command = f'"{PYTHON}" "{CALLS}" {name} < values.json'
        return self.world.run(
            ["/bin/sh", "-c", command], cwd=self.folder, SAGEMAKER_USER_CONFIG_OVERRIDE=config
        )

    def only_version(self) -> str:
        """Return the ARN of the group's only version."""
        arns = self.world.versions(self.group)
        expect(len(arns) == 1, f"there are {len(arns)} versions")
        return arns[0]

    def diff(self) -> None:
        raise NotOfferedError(ONE_CALL)

    def drift(self) -> None:
        raise NotOfferedError(ONE_CALL)

    def import_package(self) -> None:
        raise NotOfferedError("every version is there by its ARN")

    def roll_back(self) -> None:
        raise NotOfferedError(ONE_CALL)


class Register(PythonSdk):
    """`ModelBuilder.register` of a version."""

    title = "Python SDK, `ModelBuilder.register`"
    packages = ("sagemaker",)

    def create(self) -> None:
        self._register(FIRST.image).succeeded()
        package = self.world.package(self.only_version())
        expect(package["ModelApprovalStatus"] == FIRST.approval, f"it is {package['ModelApprovalStatus']}")
        image = package["InferenceSpecification"]["Containers"][0]["Image"]
        expect(image == FIRST.image, f"the version has the image {image}")

    def approve(self) -> None:
        raise NotOfferedError("a resource of sagemaker-core does it")

    def replace(self) -> None:
        before = self.world.versions(self.group)
        self._register(REPLACED.image).succeeded()
        after = self.world.versions(self.group)
        if len(after) == len(before) + 1 and set(before) < set(after):
            raise CannotError("adds a version, and the earlier one stays")
        expect(len(after) == 1 and after != before, f"{before} became {after}")

    def change_nothing(self) -> None:
        before = self.world.versions(self.group)
        self._register(REPLACED.image).succeeded()
        after = self.world.versions(self.group)
        if len(after) == len(before) + 1 and set(before) < set(after):
            raise CannotError("the same call registers another version")
        expect(before == after, f"{before} became {after}")

    def delete(self) -> None:
        raise NotOfferedError("`ModelBuilder` has no method for it")

    def _register(self, image: str) -> Output:
        return self.call("register", group=self.group, image=image, approval=FIRST.approval)


class Core(PythonSdk):
    """ModelPackage and ModelPackageGroup of sagemaker-core."""

    title = "Python SDK, sagemaker-core"
    packages = ("sagemaker-core",)

    def create(self) -> None:
        self.call("create_group", group=self.group).succeeded()
        output = self.call("create", group=self.group, image=FIRST.image, approval=FIRST.approval)
        has_no_name = bool(output.code) and "KeyError: 'ModelPackageName'" in output.text
        if not has_no_name:
            output.succeeded()
        package = self.world.package(self.only_version())
        expect(package["ModelApprovalStatus"] == FIRST.approval, f"it is {package['ModelApprovalStatus']}")
        if has_no_name:
            raise CannotError("registers the version, then ends in KeyError: 'ModelPackageName'")

    def approve(self) -> None:
        self._update_to_approved(["UpdateModelPackage"])

    def replace(self) -> None:
        raise NotOfferedError("another create adds a version, and the earlier one stays")

    def change_nothing(self) -> None:
        self._update_to_approved(["UpdateModelPackage"])

    def delete(self) -> None:
        arn = self.only_version()
        output = self.call("delete", arn=arn)
        if output.code and 'Missing required parameter in input: "ModelPackageName"' in output.text:
            expect(self.only_version() == arn, "the version is gone although the call failed")
            raise CannotError("botocore refuses the request: a version has no ModelPackageName")
        output.succeeded()
        left = self.world.versions(self.group)
        if left:
            fail(f"versions are left: {left}\n{tail(output.text)}")

    def _update_to_approved(self, operations: list[str]) -> None:
        arn = self.only_version()
        self.forget_writes()
        self.call("update", arn=arn, approval=APPROVED.approval).succeeded()
        expect(self.only_version() == arn, "there is another version")
        approval = self.world.package(arn)["ModelApprovalStatus"]
        expect(approval == APPROVED.approval, f"the version is {approval}")
        expect(self.writes() == operations, f"SageMaker got {self.writes()}")
