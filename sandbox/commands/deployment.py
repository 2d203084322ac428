"""A deployment before it is made: what is wrong with its template, and what it would do."""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sandbox.commands import lint, plan, templates
from sandbox.commands.change_sets import ChangeSet
from sandbox.commands.known_values import KnownValues, parameter_values
from sandbox.commands.output import Json, report
from sandbox.commands.package_updates import Verdict, verdict
from sandbox.commands.stacks import SandboxStacks, outputs
from sandbox.shared.processes import SandboxError
from sandbox.shared.settings import TYPE_NAME, schema
from sandbox.shared.template_functions import functions
from sandbox.shared.template_parameters import as_text
from sandbox.shared.template_secrets import HIDDEN, MASK, TemplateSecrets

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackTypeDef

_LATER = "(known after deployment)"


class Deployment:
    """A template and the request that creates a stack of it, or updates the stack that there is."""

    def __init__(
        self, stacks: SandboxStacks, template: templates.Template, request: Json, stack: StackTypeDef | None
    ) -> None:
        self.request = request
        self.stack = stack
        self._stacks = stacks
        self._template = template
        given = {
            each["ParameterKey"]: each["ParameterValue"]
            for each in request["Parameters"]
            if "ParameterValue" in each
        }
        self._values = parameter_values(template.parameters, given, _values(stack))
        self._known = KnownValues(template.document, self._values, request["StackName"])

    def problems(self) -> list[lint.Problem]:
        """Return what the rules report about the template; nothing where they cannot be asked."""
        has_tags = self.stack is not None or bool(self.request.get("Tags"))
        given = lint.Deployment(self._known, has_tags=has_tags, type_names=self._names_of_our_type())
        return _linted(self._template, given, self._previous if self.stack else None)

    def plan_by(self, change_set: ChangeSet) -> plan.Plan:
        """Return what the deployment would do, by its change set."""
        if change_set.is_empty:
            return plan.Plan([])
        changes = [plan.resource_change(each, self._explain) for each in change_set.changes]
        tags: Sequence[plan.Change] = ()
        if self.stack and "Tags" in self.request:
            sides = (self.stack.get("Tags") or (), self.request["Tags"])
            tags = plan.mapping_changes(*({each["Key"]: each["Value"] for each in side} for side in sides))
        return plan.Plan(changes, self._output_changes(changes), tags, self._parameter_changes())

    def losses(self, change_set: ChangeSet) -> list[plan.ResourceChange]:
        """Return what may be deleted by the deployment."""
        changes = [
            plan.resource_change(each, self._explain)
            for each in change_set.changes
            if each["Action"] == "Remove" or each.get("Replacement") in ("True", "Conditional")
        ]
        return [each for each in changes if each.is_loss]

    def plan_alone(self) -> plan.Plan:
        """Return what the deployment would do, and leave no trace of the question.

        Raises:
            UsageError: the local CloudFormation refuses the request.
        """
        with ChangeSet(self._stacks, self.request, self.stack) as change_set:
            return self.plan_by(change_set)

    def plan_in_place_of(self, dead: StackTypeDef) -> plan.Plan:
        """Return what the deployment would do once a stack that takes no update is deleted.

        Raises:
            UsageError: the local CloudFormation refuses the request.
        """
        name, alias = dead["StackName"], f"plan-{uuid.uuid4().hex}"
        # A stack of that name is there, which takes no change set.
        request = {**self.request, "StackName": alias}
        with ChangeSet(self._stacks, request, None) as change_set:
            change_set.changes = json.loads(json.dumps(change_set.changes).replace(alias, name))
            planned = self.plan_by(change_set)
        return plan.Plan([*deletions(self._stacks, dead), *planned.resources], planned.outputs)

    def _explain(self, change: Json, before: Json, after: Json) -> Verdict | None:
        if change["ResourceType"] not in {TYPE_NAME, *self._names_of_our_type()}:
            return None
        is_replaced = change.get("Replacement") == "True"
        arn = change["PhysicalResourceId"]
        return verdict(self._stacks.sandbox, arn, before, after, is_replaced=is_replaced)

    def _names_of_our_type(self) -> set[str]:
        """Return the names in the template that this project's type is registered under as well."""
        types = {str(each.get("Type")) for each in self._known.resources.values() if isinstance(each, dict)}
        return {name for name in types - {TYPE_NAME} if _is_ours(self._stacks, name)}

    def _previous(self) -> KnownValues:
        assert self.stack
        document = live_template(self._stacks, self.stack)
        values = parameter_values(document.get("Parameters") or {}, _values(self.stack))
        return KnownValues(document, values, self.stack["StackName"])

    def _secrets(self) -> TemplateSecrets:
        """Return the secrets of the template, with the values that are given."""
        document, parameters = self._template.document, self.request["Parameters"]
        values = {each["ParameterKey"]: each.get("ParameterValue", "") for each in parameters}
        return TemplateSecrets(document, document, values)

    def _parameter_changes(self) -> list[plan.Change]:
        """Return which parameters of the stack get other values; one with `NoEcho` that is given may.

        Their values may be those of confidential members, and are not shown.
        """
        if self.stack is None:
            return []
        secret = self._secrets().parameters
        given = {each["ParameterKey"]: each.get("ParameterValue") for each in self.request["Parameters"]}
        live = {each["ParameterKey"]: each["ParameterValue"] for each in self.stack.get("Parameters") or ()}
        after = {
            name: live[name]
            if name in given and given[name] is None
            else given.get(name, declared.get("Default"))
            for name, declared in self._template.parameters.items()
        }
        hidden = [
            plan.Change(name, HIDDEN, HIDDEN)
            for name in secret & live.keys()
            if given.get(name) not in (None, "", live[name])
        ]
        sides = ({key: as_text(each[key]) for key in each if key not in secret} for each in (live, after))
        return [*(plan.masked(each, "(string)") for each in plan.mapping_changes(*sides)), *hidden]

    def _output_changes(self, changes: Sequence[plan.ResourceChange]) -> list[plan.Change]:
        secrets = self._secrets()
        given = {each["ParameterKey"] for each in self.request["Parameters"] if "ParameterValue" in each}
        unsettled = {each.resource for each in changes if each.action not in (plan.CHANGE, plan.REMOVE)}
        unsettled |= secrets.parameters & given
        before = self._previous() if self.stack else None
        live = outputs(self.stack) if self.stack else {}
        sides: tuple[Json, Json] = ({}, {})
        hidden = []
        for name in {**(before.outputs if before else {}), **self._known.outputs}:
            old, new = (_output(each, name) for each in (before, self._known))
            if old == new and not unsettled & set(_names(new)):
                continue
            is_secret = secrets.uses([old, new])
            if is_secret and old and new:
                hidden.append(plan.Change(f"{name}.Value", HIDDEN, HIDDEN))
                continue
            if old:
                sides[0][name] = {**old, "Value": HIDDEN if is_secret else live.get(name, _LATER)}
            if new:
                sides[1][name] = {**new, "Value": HIDDEN} if is_secret else _readable(new)
        return [*plan.mapping_changes(*sides), *hidden]


def problems_of_file(name: str, given: Mapping[str, str]) -> tuple[templates.Template, list[lint.Problem]]:
    """Return a template, and what the rules report about it where there is no stack; `given` are parameters.

    Raises:
        UsageError: it is no template.
    """
    template = templates.read(name)
    known = KnownValues(template.document, parameter_values(template.parameters, given), "demo")
    return template, _linted(template, lint.Deployment(known, has_tags=True), None)


def _linted(
    template: templates.Template, given: lint.Deployment, previous: Callable[[], KnownValues] | None
) -> list[lint.Problem]:
    try:
        return lint.lint(template, given, previous)
    except Exception as problem:  # what fails here is no reason against a template
        report(f"The template is not linted: {problem!r}")
        return []


def deletions(stacks: SandboxStacks, stack: StackTypeDef) -> list[plan.ResourceChange]:
    """Return what the deletion of a stack does with its resources."""
    resources = live_template(stacks, stack).get("Resources") or {}
    changes = []
    for each in stacks.resources(stack["StackId"]):
        if each.get("PhysicalResourceId") and each["ResourceStatus"] not in (
            "DELETE_COMPLETE",
            "DELETE_SKIPPED",
        ):
            context = {"DeletionPolicy": resources.get(each["LogicalResourceId"], {}).get("DeletionPolicy")}
            change: Json = {**each, "Action": "Remove", "BeforeContext": json.dumps(context)}
            changes.append(plan.resource_change(change, lambda *_: None))
    return changes


def live_template(stacks: SandboxStacks, stack: StackTypeDef) -> Json:
    """Return the template that a stack was deployed with."""
    body: Any = stacks.client.get_template(StackName=stack["StackId"]).get("TemplateBody") or {}
    return templates.content(body) if isinstance(body, str) else {**body}


class NotConfirmedError(SandboxError):
    """What a deployment would delete is not to be deleted."""


def confirm(changes: Sequence[plan.ResourceChange], *, is_confirmed: bool) -> None:
    """Report which resources a deployment may delete, and ask about it on a terminal.

    Raises:
        NotConfirmedError: the answer is not yes.
    """
    lines = [line for each in changes if each.is_loss for line in each.lines()]
    if not lines:
        return
    report("This may delete what is not retained:")
    report("\n".join(lines))
    if is_confirmed or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return
    sys.stderr.write("Deploy it? Only yes is a yes: ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() != "yes":
        raise NotConfirmedError("Nothing was changed")


def _values(stack: StackTypeDef | None) -> dict[str, str]:
    """Return the values of a stack's parameters, without those that are masked."""
    parameters = (stack.get("Parameters") if stack else None) or ()
    values = {each["ParameterKey"]: each.get("ParameterValue", MASK) for each in parameters}
    return {name: value for name, value in values.items() if value != MASK}


def _is_ours(stacks: SandboxStacks, name: str) -> bool:
    from botocore.exceptions import ClientError

    if name.startswith(("AWS::", "Custom::")) or "::" not in name:
        return False
    try:
        registered = stacks.client.describe_type(Type="RESOURCE", TypeName=name)
    except ClientError:
        return False
    other = json.loads(registered["Schema"].replace(name, TYPE_NAME))
    return all(other.get(member) == schema().get(member) for member in ("properties", "definitions"))


def _output(known: KnownValues | None, name: str) -> Json:
    output = known.outputs.get(name) if known else None
    if known is None or not isinstance(output, dict) or not known.is_active(output):
        return {}
    resolved: Json = known.resolve({key: value for key, value in output.items() if key != "Condition"})
    return resolved


def _readable(output: Mapping[str, Any]) -> Json:
    """Return an output whose values that are not known yet say so."""
    return {name: _LATER if list(functions(value)) else value for name, value in output.items()}


def _names(value: Any) -> Iterator[str]:
    """Yield the parameters and resources that functions in a value refer to."""
    for name, argument in functions(value):
        text = argument[0] if isinstance(argument, list) and argument else argument
        if name == "Fn::Sub":
            yield from (each.strip().partition(".")[0] for each in lint.VARIABLE.findall(str(text)))
        elif name in ("Ref", "Fn::GetAtt"):
            yield str(text).partition(".")[0]
