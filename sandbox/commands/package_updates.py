"""What the handlers would do with a change of a package: asked of the handlers' own plan, without a write."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sandbox.commands.errors import service_message
from sandbox.commands.output import Json
from sandbox.commands.quick_imports import quick_imports
from sandbox.state_file import RunningSandbox

IN_PLACE, TRIED, REPLACED = "in place", "tried in place", "replaced"


@dataclass(frozen=True)
class Verdict:
    """What the handlers do with an update: one of the three outcomes, and what else there is to know."""

    outcome: str
    note: str
    tried: str = ""
    """The property that SageMaker may refuse to change."""


def verdict(
    sandbox: RunningSandbox, arn: str, previous: Json, desired: Json, *, is_replaced: bool
) -> Verdict | None:
    """Return what the update of a package comes to; None where SageMaker or the handlers cannot be asked.

    `is_replaced`: CloudFormation replaces it without asking the handlers.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    answer: Verdict | None = Verdict(REPLACED, "")
    if not is_replaced:
        try:
            answer = planned(previous, desired, sandbox.describe_package(arn))
        except ClientError as error:
            is_gone = "does not exist" in service_message(error)
            answer = Verdict(IN_PLACE, f"{arn} is not there any more: the update fails") if is_gone else None
        except (BotoCoreError, ImportError):
            answer = None
    name = desired.get("ModelPackageName")
    if answer and answer.outcome != IN_PLACE and arn.endswith(f":model-package/{name}"):
        taken = f"the replacement fails, because the old package is there until it is made: {name} is taken"
        return replace(answer, note=". ".join(filter(None, [answer.note, taken])))
    return answer


def planned(previous: Json, desired: Json, described: Json) -> Verdict:
    """Return what the handlers plan, by previous and desired properties and SageMaker's description.

    Raises:
        ImportError: the handlers cannot be imported.
    """
    with quick_imports():
        from cloudformation_cli_python_lib.exceptions import InvalidRequest, NotUpdatable

        from aws_sagemaker_modelpackage import changes, removals, stabilize, translate

    live = translate.to_model(described, (), stabilize.status_item(described))
    before, after = translate.parse_known(previous), translate.parse_known(desired)
    try:
        plan = changes.plan(after, before, live)
    except NotUpdatable as reason:
        return Verdict(REPLACED, str(reason))
    except InvalidRequest as reason:
        return Verdict(IN_PLACE, f"the handlers refuse the update: {reason}")
    stays = removals.message(after, before, live, {}, {})
    if not plan.probe or plan.probe.is_removal:
        return Verdict(IN_PLACE, stays)
    tried = (
        f"only SageMaker knows whether it can change {plan.probe.property} in place: the package is replaced "
        "if it refuses"
    )
    return Verdict(TRIED, ". ".join(filter(None, [tried, stays])), plan.probe.property)
