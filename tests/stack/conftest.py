"""The local AWS without anything in it, and clients of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.local_aws import Sandbox
from sandbox.sagemaker import Behaviour
from tests.stack.cloudcontrol import CloudControl
from tests.stack.stacks import GROUP, DeployedStacks


@pytest.fixture
def empty_stacks(sandbox: Sandbox) -> Iterator[DeployedStacks]:
    """Stacks in a sandbox with nothing in it, deleted after the test."""
    made = DeployedStacks(sandbox)
    yield made
    sandbox.sagemaker.behaviour = Behaviour()
    made.delete_all()
    made.close()


@pytest.fixture
def stacks(empty_stacks: DeployedStacks) -> DeployedStacks:
    """The same with a group."""
    empty_stacks.sagemaker.create_model_package_group(ModelPackageGroupName=GROUP)
    return empty_stacks


@pytest.fixture
def cloudcontrol(sandbox: Sandbox) -> Iterator[CloudControl]:
    """Cloud Control, and a group."""
    sandbox.client("sagemaker").create_model_package_group(ModelPackageGroupName=GROUP)
    made = CloudControl(sandbox)
    yield made
    made.close()
