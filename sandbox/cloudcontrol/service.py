"""The operations of the Cloud Control API."""

from __future__ import annotations

import json
import uuid
from typing import Any

from sandbox.cloudformation.functions import Functions
from sandbox.cloudformation.registry_client import RegistryClient, version_arn
from sandbox.cloudformation.validation import filter_problems, model_problems
from sandbox.shared import bounded_json
from sandbox.shared.api_validation import check, known_members, without_nulls
from sandbox.shared.aws_types import missing_type
from sandbox.shared.json_pointers import path_of, values_at

from . import patches
from .failures import failure, of_handler
from .ledger import Ledger, Request, Work
from .operation import Operation
from .resource_type import Model, ResourceType

Input = dict[str, Any]
Output = dict[str, Any]


class CloudControl:
    """Answers the API's operations for types that are there, with these schemas, and for registered ones."""

    def __init__(
        self,
        schemas: list[dict[str, Any]],
        functions: Functions,
        registry: RegistryClient,
        time_scale: float = 1.0,
    ) -> None:
        self._registry = registry
        self._time_scale = time_scale
        self._types = {schema["typeName"]: ResourceType(schema, functions, time_scale) for schema in schemas}
        self._ledger = Ledger()
        self._operations = {
            "CancelResourceRequest": self._cancel,
            "CreateResource": self._create,
            "DeleteResource": self._delete,
            "GetResource": self._get,
            "GetResourceRequestStatus": self._status,
            "ListResourceRequests": self._list_requests,
            "ListResources": self._list,
            "UpdateResource": self._update,
        }

    def answer(self, operation: str, given: Any, region: str) -> Output:
        """Return the answer to one request.

        Raises:
            ApiError: the API refuses it.
        """
        if operation not in self._operations:
            raise failure("UnknownOperationException", f"There is no operation {operation}")
        # Members that the API does not have are ignored: StackQL's description of it has ClientName. [C]
        given = known_members(operation, given, service="cloudcontrol")
        check(operation, given, service="cloudcontrol")
        given = without_nulls(given)
        event = self._ledger.event_by_client_token(region, given.get("ClientToken"), _fingerprint(given))
        return {"ProgressEvent": event} if event else self._operations[operation](given, region)

    def _create(self, given: Input, region: str) -> Output:
        kind = self._type(given, "CREATE", region)
        desired = _object(given["DesiredState"], "DesiredState")
        read_only = [pointer for pointer in kind.read_only_pointers if values_at(desired, path_of(pointer))]
        if read_only:
            raise failure(
                "ValidationException",
                f"Invalid desired state: readOnlyProperties [{', '.join(read_only)}] cannot be specified",
            )
        _refuse_invalid(kind, desired)
        return self._start(kind, "CREATE", given, region, (desired, None))

    def _get(self, given: Input, region: str) -> Output:
        kind = self._type(given, "READ", region)
        model = self._read(kind, given["Identifier"], region)
        return {"TypeName": kind.type_name, "ResourceDescription": _description(kind, model)}

    def _update(self, given: Input, region: str) -> Output:
        kind = self._type(given, "UPDATE", region)
        kind.require("READ")
        operations = patches.parse(given["PatchDocument"])
        identifier = _identifier(kind, given)
        # No other caller may change the resource between the read that is patched and the request for it.
        with self._ledger.turn(kind, region, identifier):
            self._ledger.refuse_busy(kind, region, identifier)
            live = self._read(kind, identifier, region)
            patched = patches.apply(operations, live)
            patches.refuse_forbidden(kind, operations, live, patched)
            _refuse_invalid(kind, patched)
            return self._start(kind, "UPDATE", given, region, (kind.settable(patched), live))

    def _delete(self, given: Input, region: str) -> Output:
        kind = self._type(given, "DELETE", region)
        model = kind.model_of(given["Identifier"])
        with self._ledger.turn(kind, region, _identifier(kind, given)):
            return self._start(kind, "DELETE", given, region, (model, None))

    def _list(self, given: Input, region: str) -> Output:
        kind = self._type(given, "LIST", region)
        model = _object(given.get("ResourceModel") or "{}", "ResourceModel")
        problems = filter_problems(kind.schema, model)
        if problems:
            raise failure(
                "InvalidRequestException",
                f"Missing or invalid ResourceModel property in {kind.type_name} list handler request input. "
                + "; ".join(problems),
            )
        # MaxResults is "reserved": the handler decides how many there are on a page.
        event = self._once(kind, "LIST", region, model, given.get("NextToken"))
        models = event.get("resourceModels") or []
        answer: Output = {
            "TypeName": kind.type_name,
            "ResourceDescriptions": [_description(kind, model) for model in models],
        }
        return {**answer, "NextToken": event["nextToken"]} if event.get("nextToken") else answer

    def _status(self, given: Input, region: str) -> Output:
        return {"ProgressEvent": self._ledger.event(region, given["RequestToken"])}

    def _cancel(self, given: Input, region: str) -> Output:
        return {"ProgressEvent": self._ledger.cancel(region, given["RequestToken"])}

    def _list_requests(self, given: Input, region: str) -> Output:
        filters = given.get("ResourceRequestStatusFilter") or {}
        events, token = self._ledger.page(region, filters, given.get("MaxResults"), given.get("NextToken"))
        answer: Output = {"ResourceRequestStatusSummaries": events}
        return {**answer, "NextToken": token} if token else answer

    def _type(self, given: Input, action: str, region: str) -> ResourceType:
        """Return the type of a request, in the version that it names or else in its default one."""
        name, version_id = given["TypeName"], given.get("TypeVersionId")
        kind = self._types.get(name) if version_id is None else None
        kind = kind or self._registered(name, version_id, region)
        if kind is None:
            # A type that is here without being registered has no versions.
            raise failure("TypeNotFoundException", missing_type(name, is_here=name in self._types))
        kind.require(action)
        return kind

    def _registered(self, name: str, version_id: str | None, region: str) -> ResourceType | None:
        if version_id is not None:
            version = self._registry.version(arn=version_arn(name, version_id, region))
        elif function := self._registry.defaults(region).get(name):
            version = self._registry.version(function=function)
        else:
            version = None
        if version is None or not version.is_live:
            return None
        return ResourceType(version.schema, version.functions, self._time_scale)

    def _read(self, kind: ResourceType, identifier: str, region: str) -> Model:
        event = self._once(kind, "READ", region, kind.model_of(identifier))
        model: Model = event.get("resourceModel") or {}
        return model

    def _once(
        self, kind: ResourceType, action: str, region: str, model: Model, next_token: str | None = None
    ) -> dict[str, Any]:
        token = str(uuid.uuid4())
        event = Operation(kind, action, region, token).once(model, next_token)
        if event["status"] != "SUCCESS":
            raise of_handler(kind.type_name, token, event)
        return event

    def _start(
        self, kind: ResourceType, action: str, given: Input, region: str, states: tuple[Model, Model | None]
    ) -> Output:
        work: Work = lambda monitor, token: Operation(  # noqa: E731 - its type is the point
            kind, action, region, token, monitor
        ).complete(*states)
        request = Request(
            kind=kind,
            operation=action,
            region=region,
            client_token=given.get("ClientToken"),
            fingerprint=_fingerprint(given),
            work=work,
            identifier=kind.physical_id(states[0]),
            model=states[0] if action != "DELETE" else None,
        )
        return {"ProgressEvent": self._ledger.add(request)}


def _fingerprint(given: Input) -> Input:
    """Return what two requests with one client token must have in common."""
    return {name: value for name, value in given.items() if name != "ClientToken"}


def _identifier(kind: ResourceType, given: Input) -> str:
    """Return the identifier as one string, in whichever form it was given."""
    return kind.physical_id(kind.model_of(given["Identifier"])) or str(given["Identifier"])


def _description(kind: ResourceType, model: Model) -> Output:
    return {"Identifier": kind.physical_id(model), "Properties": json.dumps(kind.visible(model))}


def _object(text: str, member: str) -> Model:
    try:
        content = bounded_json.loads(text)
    except ValueError as problem:
        raise failure("InvalidRequestException", f"{member} is not JSON: {problem}") from problem
    if not isinstance(content, dict):
        raise failure("InvalidRequestException", f"{member} is not a JSON object")
    return content


def _refuse_invalid(kind: ResourceType, model: Any) -> None:
    problems = model_problems(kind.schema, model)
    if problems:
        # One line each inside the brackets, as the service shows them.
        raise failure("ValidationException", "Model validation failed (" + "\n".join(problems) + ")")
