"""The whole sandbox, started once: SageMaker, the functions, CloudFormation."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.local_aws import Sandbox
from sandbox.sagemaker import Behaviour
from tests.stack.cloudcontrol import CloudControl
from tests.stack.stacks import GROUP, Stacks


@pytest.fixture(scope="session")
def running() -> Iterator[Sandbox]:
    """A sandbox whose handlers' delays pass ten times as fast."""
    with Sandbox(time_scale=0.1) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    """The sandbox with nothing in it."""
    running.sagemaker.reset()
    return running


@pytest.fixture
def stacks(sandbox: Sandbox) -> Iterator[Stacks]:
    """Stacks beside a group that is there already; they are gone when the test is over."""
    made = Stacks(sandbox)
    made.sagemaker.create_model_package_group(ModelPackageGroupName=GROUP)
    yield made
    sandbox.sagemaker.behaviour = Behaviour()
    # A stack that stays would own the ARNs that the next test's packages have again.
    made.delete_all()
    made.close()


@pytest.fixture
def cloudcontrol(sandbox: Sandbox) -> Iterator[CloudControl]:
    """The API, and a group that is there already."""
    sandbox.client("sagemaker").create_model_package_group(ModelPackageGroupName=GROUP)
    made = CloudControl(sandbox)
    yield made
    made.close()
