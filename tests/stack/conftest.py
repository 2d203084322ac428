"""The local AWS without anything in it, and clients of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.local_aws import Sandbox
from sandbox.sagemaker import Behaviour
from tests.stack.cloudcontrol import CloudControl
from tests.stack.stacks import GROUP, DeployedStacks


@pytest.fixture
def stacks(sandbox: Sandbox) -> Iterator[DeployedStacks]:
    """Stacks, deleted after the test, and a group."""
    made = DeployedStacks(sandbox)
    made.sagemaker.create_model_package_group(ModelPackageGroupName=GROUP)
    yield made
    sandbox.sagemaker.behaviour = Behaviour()
    # A stack that stays would own the ARNs that the next test's packages get again.
    made.delete_all()
    made.close()


@pytest.fixture
def cloudcontrol(sandbox: Sandbox) -> Iterator[CloudControl]:
    """Cloud Control, and a group."""
    sandbox.client("sagemaker").create_model_package_group(ModelPackageGroupName=GROUP)
    made = CloudControl(sandbox)
    yield made
    made.close()
