"""Leaves in ministack what runs no code of a template's, and reaches nothing off this machine."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import yaml

from sandbox.cloudformation.bounds import bounded, bounded_references
from sandbox.cloudformation.provider import Properties
from sandbox.cloudformation.served_types import (
    SERVED_TYPES,
    transform_problem,
    type_problem,
    unrecognized,
    unrecognized_types,
)
from sandbox.cloudformation.xml_answers import Answer
from sandbox.shared import template_yaml
from sandbox.shared.template_form import form_problem

from .attributes import resolving_attribute_names
from .names import (
    APP,
    CHANGE_SETS,
    ENGINE,
    HANDLERS,
    LANGUAGE_EXTENSIONS,
    PROVISIONERS,
    S3,
    SNS,
    STACKS,
    module,
    replace,
)

# Before a message that takes the place of what the engine puts before it.
_WHOLE = "\0"
# The short forms of functions that the engine takes for an error (1.5.33); the second line's are of rules.
_OTHER_TAGS = (
    *("Length", "ToJsonString", "Transform"),
    *("Contains", "EachMemberEquals", "EachMemberIn", "RefAll", "ValueOf", "ValueOfAll"),
)
_AS_WARNINGS = "TemplateSummaryConfig.TreatUnrecognizedResourceTypesAsWarnings"


def application() -> Callable[[Any, Any, Any], Any]:
    """Return ministack's ASGI application; it answers 404 for a service that is not served."""
    app = module(APP).app

    async def served(scope: Any, receive: Any, send: Any) -> None:
        try:
            await app(scope, receive, send)
        except ClosedServiceError as closed:
            body = json.dumps({"error": str(closed)}).encode()
            headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
            await send({"type": "http.response.start", "status": 404, "headers": headers})
            await send({"type": "http.response.body", "body": body})

    # Its guard has verified them, and knows more credentials.
    module(S3)._verify_presigned_sigv4 = lambda *_: None
    return served


class ClosedServiceError(Exception):
    """A request is for a service of ministack that is not served."""


class _Present(Collection[str]):
    """The types that templates can use."""

    def __init__(self, table: Mapping[str, Any], is_withdrawn: Callable[[str], bool]) -> None:
        self._table = table
        self._is_withdrawn = is_withdrawn

    def __contains__(self, type_name: object) -> bool:
        return type_name in self._table and not self._is_withdrawn(str(type_name))

    def __iter__(self) -> Iterator[str]:
        return filter(self.__contains__, self._table)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def restrict(known_types: Collection[str], is_withdrawn: Callable[[str], bool]) -> None:
    """Leave in ministack only what runs no code of a template's and reaches nothing off this machine."""
    present = module(PROVISIONERS)._RESOURCE_HANDLERS
    known = {*known_types, *present}
    for table in (present, module(CHANGE_SETS)._IMPORT_LOOKUPS):
        for name in table.keys() - SERVED_TYPES:
            del table[name]
    _restrict_types(_Present(present, is_withdrawn), present, known)
    _restrict_summaries(_Present(present, is_withdrawn), known)
    _restrict_deletions()
    _restrict_templates()
    _restrict_values()
    _close_services()
    _allow_metric_math()


def _restrict_types(usable: Collection[str], present: Collection[str], known: Collection[str]) -> None:
    """Refuse what is not in the table, before anything is made: stacks, change sets and nested stacks.

    New templates can have what is `usable`; an operation that has begun also what was when it did.
    """
    engine, provisioners = module(ENGINE), module(PROVISIONERS)
    validate, sort, provision = (
        engine.validate_template_support,
        engine._topological_sort,
        provisioners._provision_resource,
    )

    def check(resources: Any, conditions: Mapping[str, bool], there: Collection[str] = present) -> None:
        if problem := type_problem(resources, conditions, there, known):
            raise ValueError(problem)

    def validate_types(
        template: dict[str, Any], conditions: dict[str, bool], params: dict[str, Any] | None = None
    ) -> None:
        # Without parameters it is ValidateTemplate, which expands no transform.
        is_expanded = params is not None or not template.get("Transform")
        if is_expanded and not isinstance(template, engine._TransformFailed):
            check(template.get("Resources"), conditions, usable)
        validate(template, conditions, params)

    def sort_present(resources: dict[str, Any], conditions: dict[str, bool]) -> list[str]:
        check(resources, conditions)
        ordered: list[str] = sort(resources, conditions)
        return ordered

    def provision_present(resource_type: str, *arguments: Any) -> Any:
        # The engine calls functions for types that begin with Custom::, which are in no table.
        check({"": {"Type": resource_type}}, {})
        return provision(resource_type, *arguments)

    replace("validate_template_support", validate_types, HANDLERS, CHANGE_SETS)
    replace("_topological_sort", sort_present, ENGINE)  # a nested stack asks nothing else before it begins
    replace("_provision_resource", provision_present, PROVISIONERS, STACKS)


def _restrict_summaries(present: Collection[str], known: Collection[str]) -> None:
    """Refuse types that do not exist in GetTemplateSummary, or name them in its warnings. [pasted], [D]"""
    handlers = module(HANDLERS)
    summarize = handlers._ACTION_HANDLERS["GetTemplateSummary"]

    def summarize_recognized(params: dict[str, Any]) -> Any:
        response = summarize(params)
        if response[0] != http.client.OK or handlers._p(params, "StackName"):
            return response
        answer = Answer(response[2], "GetTemplateSummary")
        if [*answer.members(answer.result, "DeclaredTransforms")]:  # which make other types of them
            return response
        types = [each.text or "" for each in answer.members(answer.result, "ResourceTypes")]
        unknown = unrecognized_types(types, {*known, *present})
        if not unknown:
            return response
        if handlers._p(params, _AS_WARNINGS) != "true":
            return handlers._error("ValidationError", unrecognized(unknown))
        answer.put(answer.result, "Warnings", {"UnrecognizedResourceTypes": unknown})
        return *response[:2], bytes(answer)

    handlers._ACTION_HANDLERS["GetTemplateSummary"] = summarize_recognized


def _restrict_deletions() -> None:
    """Refuse to delete a stack during an update, which would go on and bring the stack back."""
    handlers = module(HANDLERS)
    delete = handlers._ACTION_HANDLERS["DeleteStack"]

    def delete_settled(params: dict[str, Any]) -> Any:
        stack = handlers._resolve_stack(handlers._p(params, "StackName")) or {}
        status = str(stack.get("StackStatus"))
        if status.startswith("UPDATE_") and status.endswith("_IN_PROGRESS"):
            problem = f"Stack [{stack['StackId']}] cannot be deleted while in status {status}"
            return handlers._error("ValidationError", problem)
        return delete(params)

    handlers._ACTION_HANDLERS["DeleteStack"] = delete_settled


def _restrict_templates() -> None:
    """Read templates in bounded time, and refuse transforms that are not there."""
    engine = module(ENGINE)
    parse, parse_snippet, apply = engine._parse_template, engine._parse_snippet, engine._apply_transforms
    answer_error = module(HANDLERS)._error
    engine.CfnLoader = template_yaml.bounded(engine.CfnLoader)
    engine.CfnLoader.add_constructor("!GetAtt", _get_att)
    for tag in _OTHER_TAGS:
        engine.CfnLoader.add_constructor(f"!{tag}", engine._construct_cfn_tag(f"Fn::{tag}"))

    def read(template_body: str) -> Any:
        try:
            if template_body.lstrip().startswith("{"):
                template_yaml.parse_json(template_body)
            template = parse(template_body)
        except (yaml.YAMLError, ValueError) as error:
            raise ValueError(template_yaml.syntax_problem(error)) from error
        if problem := form_problem(template):
            raise ValueError(problem)
        engine.refuse_undeclared_language_extensions(template)
        return template

    def parse_sent(template_body: str) -> Any:
        try:
            return read(template_body)
        except ValueError as error:
            raise ValueError(f"{_WHOLE}{error}") from error

    def parse_nested(template_body: str) -> Any:
        template = read(template_body)
        if problem := transform_problem(template):
            raise ValueError(problem)
        return template

    def error(code: str, message: str, *status: int) -> Any:
        return answer_error(code, str(message).rpartition(_WHOLE)[2], *status)

    def parse_bounded_snippet(text: str) -> Any:
        try:
            template_yaml.check_snippet(text)
        except template_yaml.RefusedTemplate as refused:
            raise engine._IncludeError(f"{engine._INCLUDE_ERROR}{refused}") from refused
        except Exception:  # noqa: S110 - what is no YAML is worded by the engine
            pass
        return parse_snippet(text)

    def apply_present(template: dict[str, Any], *parameters: Any) -> Any:
        if problem := transform_problem(template):
            return engine._TransformFailed(template, problem)
        expanded = apply(template, *parameters)
        if not isinstance(expanded, engine._TransformFailed) and (problem := form_problem(expanded)):
            return engine._TransformFailed(template, problem)
        return expanded

    replace("_error", error, HANDLERS, CHANGE_SETS)
    replace("_parse_template", parse_sent, HANDLERS, CHANGE_SETS)
    replace("_parse_template", parse_nested, ENGINE)
    replace("_parse_snippet", parse_bounded_snippet, ENGINE)
    replace("_apply_transforms", apply_present, HANDLERS, CHANGE_SETS)


def _get_att(loader: yaml.SafeLoader, node: yaml.Node) -> Any:
    """Leave a text without a dot, which the engine takes for a pair, as it is: it is refused."""
    is_one = isinstance(node, yaml.ScalarNode) and "." not in node.value
    return {"Fn::GetAtt": node.value} if is_one else module(ENGINE)._construct_getatt(loader, node)


def _restrict_values() -> None:
    """Bound what functions and loops make of a template."""
    extensions = module(LANGUAGE_EXTENSIONS)
    expand, evaluate = extensions._expand, module(ENGINE)._evaluate_conditions

    def evaluate_bounded(template: dict[str, Any], params: dict[str, Any]) -> Any:
        try:
            return evaluate(template, params)
        except RecursionError:
            raise ValueError("Template format error: a condition refers to itself") from None

    def expand_bounded(node: Any, bindings: Any, context: Any, ids: bool = False) -> Any:
        context.expanded = getattr(context, "expanded", 0) + 1
        if context.expanded > template_yaml.MAX_NODES:
            raise extensions.LanguageExtensionsError(
                f"Transform {extensions.TRANSFORM} failed with: the loops make more than "
                f"{template_yaml.MAX_NODES:,} values: repeat less"
            )
        return expand(node, bindings, context, ids)

    replace("_evaluate_conditions", evaluate_bounded, ENGINE, HANDLERS, CHANGE_SETS)
    extensions._expand = expand_bounded
    extensions._value = bounded(extensions._value)
    stacks, reference = module(STACKS), module(ENGINE)._DYNAMIC_REFERENCE
    stacks._resolve_dynamic_references = bounded_references(stacks._resolve_dynamic_references, reference)
    resolve = bounded(resolving_attribute_names(module(ENGINE)._resolve_refs))
    replace("_resolve_refs", resolve, ENGINE, HANDLERS, CHANGE_SETS, STACKS)


def _close_services() -> None:
    """Close what SERVICES leaves open: routes beside the services' own, and messages to other hosts."""
    app = module(APP)
    get_module = app._get_module
    served = {app.SERVICE_REGISTRY[name]["module"] for name in app.SERVICE_HANDLERS}

    def get_served_module(name: str) -> Any:
        if name not in served:
            raise ClosedServiceError(f"Unsupported service: {name}")
        return get_module(name)

    def post_nowhere(_endpoint: str, _payload: str, _sns_message_type: str) -> int:
        raise OSError("the local SNS sends nothing to other hosts")

    app._get_module = get_served_module
    # Asked about every host with a dot; API Gateway is not served.
    app._resolve_custom_domain_request = lambda _host, _path: None
    # The registry's own protocol, for images, which has no signatures; a bucket may have the same paths.
    app._is_ecr_registry_path = lambda _path: False
    module(SNS)._http_post_sync = post_nowhere


def _allow_metric_math() -> None:
    """Make alarms on expressions, too, which the engine refuses, and never evaluates."""
    record = module(PROVISIONERS)._cw_metric_alarm_record

    def record_alarm(name: str, props: Properties) -> dict[str, Any]:
        metrics = props.get("Metrics")
        if not metrics or {"MetricName", "Namespace"} & props.keys():
            alarm: dict[str, Any] = record(name, props)
            return alarm
        # The engine demands a metric.
        single = {key: value for key, value in props.items() if key != "Metrics"}
        alarm = record(name, {**single, "MetricName": name, "Namespace": name})
        return {**alarm, "MetricName": None, "Namespace": None, "Metrics": metrics}

    replace("_cw_metric_alarm_record", record_alarm, PROVISIONERS)
