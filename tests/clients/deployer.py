"""What all tools that deploy stacks have in common: the operations, and the checks of their effects."""

from __future__ import annotations

from abc import abstractmethod

from tests.clients.client import Client
from tests.clients.outcomes import expect, fail, tail
from tests.clients.templates import (
    APPROVED,
    BROKEN,
    FIRST,
    REJECTED,
    REPLACED,
    State,
    import_template,
    properties,
    template,
)
from tests.clients.world import Output, World, write


class Deployer(Client):
    """A tool that deploys a stack with a group and a version; the stack is called as the group."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.stack = self.group
        self.import_stack = f"{self.stack}-import"

    # --- what each tool does in its own way -------------------------------------------------------

    @abstractmethod
    def deploy(self, state: State) -> Output:
        """Create or update the stack."""

    @abstractmethod
    def show_diff(self, state: State) -> None:
        """Have the tool show a change without making it, and check that it names what changes."""

    @abstractmethod
    def find_drift(self) -> bool:
        """Return whether the tool says that the stack has drifted."""

    @abstractmethod
    def import_version(self, arn: str) -> None:
        """Take a version into a stack of its own, `import_stack`."""

    @abstractmethod
    def delete_stack(self) -> Output:
        """Delete the stack."""

    # --- the operations ---------------------------------------------------------------------------

    def create(self) -> None:
        self.forget_writes()
        self._deploy(FIRST, "CREATE_COMPLETE")
        (arn,) = self._one_version()
        package = self.world.package(arn)
        self._expect_approval(FIRST.approval)
        expect(
            package["ModelPackageStatus"] == "Completed", f"the version is {package['ModelPackageStatus']}"
        )
        self._expect_writes(["CreateModelPackageGroup", "CreateModelPackage"])

    def approve(self) -> None:
        before = self._one_version()
        self.forget_writes()
        self._deploy(APPROVED, "UPDATE_COMPLETE")
        expect(self._one_version() == before, "it was replaced, not approved in place")
        self._expect_approval(APPROVED.approval)
        self._expect_writes(["UpdateModelPackage"])

    def replace(self) -> None:
        (before,) = self._one_version()
        self.forget_writes()
        self._deploy(REPLACED, "UPDATE_COMPLETE")
        (after,) = self._one_version()
        expect(after != before, "the version is the one that there was")
        container = self.world.package(after)["InferenceSpecification"]["Containers"][0]
        expect(container["Image"] == REPLACED.image, f"the version has the image {container['Image']}")
        self._expect_writes(["CreateModelPackage", "DeleteModelPackage"])

    def change_nothing(self) -> None:
        before = self._observed()
        self.forget_writes()
        self.deploy(REPLACED).succeeded()
        expect(self._observed() == before, f"{before} became {self._observed()}")
        self._expect_writes([])

    def diff(self) -> None:
        before = self._observed()
        self.forget_writes()
        self.show_diff(REJECTED)
        self._expect_writes([])
        expect(self._observed() == before, f"{before} became {self._observed()}")

    def drift(self) -> None:
        (arn,) = self._one_version()
        expect(not self.find_drift(), "it reports drift where there is none")
        self._set_approval(arn, "Rejected")
        try:
            expect(self.find_drift(), "it reports no drift of a version that another client has rejected")
        finally:
            self._set_approval(arn, REPLACED.approval)

    def import_package(self) -> None:
        group = f"{self.group}-taken"
        self.world.sagemaker.create_model_package_group(ModelPackageGroupName=group)
        arn = str(
            self.world.sagemaker.create_model_package(**properties(group, FIRST.approval, FIRST.image))[
                "ModelPackageArn"
            ]
        )
        try:
            self._import(group, arn)
        finally:
            self.world.cloudformation.delete_stack(StackName=self.import_stack)
            self.world.status(self.import_stack)

    def roll_back(self) -> None:
        before = self._one_version()
        output = self.deploy(BROKEN)
        self._expect_status("UPDATE_ROLLBACK_COMPLETE", output)
        expect(output.code != 0, f"it ends with 0 although the stack was rolled back\n{tail(output.text)}")
        expect(self._one_version() == before, "the versions are not those of before")
        self._expect_approval(REPLACED.approval)

    def delete(self) -> None:
        output = self.delete_stack().succeeded()
        self._expect_status("none", output)
        left = self.world.versions(self.group)
        expect(not left, f"versions are left: {left}")

    # --- checks -----------------------------------------------------------------------------------

    def template_file(self, state: State) -> str:
        """Write the template of a state into the tool's folder and return its path."""
        write(self.folder, {"template.json": template(self.group, state)})
        return str(self.folder / "template.json")

    def import_template_file(self) -> str:
        """The same for the stack that takes over a version."""
        write(self.folder, {"import.json": import_template(f"{self.group}-taken")})
        return str(self.folder / "import.json")

    def _deploy(self, state: State, status: str) -> None:
        output = self.deploy(state)
        self._expect_status(status, output)
        output.succeeded()

    def _import(self, group: str, arn: str) -> None:
        self.forget_writes()
        self.import_version(arn)
        status = self.world.status(self.import_stack)
        expect(status == "IMPORT_COMPLETE", f"the stack is {status}")
        physical_id = self.world.physical_id(self.import_stack, "Package")
        expect(physical_id == arn, f"the stack has {physical_id}")
        expect(self.world.versions(group) == [arn], f"the group has {self.world.versions(group)}")
        self._expect_writes([])

    def _expect_status(self, status: str, output: Output) -> None:
        actual = self.world.status(self.stack)
        if actual != status:
            fail(f"the stack is {actual}, not {status}\n{tail(output.text)}")

    def _one_version(self) -> list[str]:
        """Return the ARN of the group's only version, which has to be the stack's."""
        arns = self.world.versions(self.group)
        expect(len(arns) == 1, f"there are {len(arns)} versions")
        expect(self.world.physical_id(self.stack, "Package") == arns[0], "the stack has another version")
        return arns

    def _expect_approval(self, approval: str) -> None:
        (arn,) = self._one_version()
        actual = self.world.package(arn)["ModelApprovalStatus"]
        expect(actual == approval, f"the version is {actual}, not {approval}")

    def _expect_writes(self, operations: list[str]) -> None:
        writes = self.writes()
        expect(writes == operations, f"SageMaker got {writes}, not {operations}")

    def _observed(self) -> tuple[str, list[str], str]:
        """Return the stack's status, its version and that one's approval."""
        arns = self._one_version()
        approval = str(self.world.package(arns[0])["ModelApprovalStatus"])
        return self.world.status(self.stack), arns, approval

    def _set_approval(self, arn: str, approval: str) -> None:
        self.world.sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus=approval)
