"""The operations of the Cloud Control API."""

from __future__ import annotations

import json
import uuid
from typing import Any

from sandbox.cloudformation.registered_type import Functions
from sandbox.shared.api_validation import check
from sandbox.shared.json_pointers import path_of

from . import patches
from .failures import failure, of_handler
from .ledger import Ledger, Request, Work
from .operation import Handlers, Operation
from .resource_type import Model, ResourceType, values_at
from .validation import filter_problems, problems

Input = dict[str, Any]
Output = dict[str, Any]


class CloudControl:
    """Answers the API's operations for some registered types."""

    def __init__(self, schemas: list[dict[str, Any]], functions: Functions, time_scale: float = 1.0) -> None:
        self._types = {schema["typeName"]: ResourceType(schema) for schema in schemas}
        self._handlers = {schema["typeName"]: Handlers(schema, functions, time_scale) for schema in schemas}
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
        """Answer one request, or raise what the API refuses it with."""
        if operation not in self._operations:
            raise failure("UnknownOperationException", f"There is no operation {operation}")
        check(operation, given, service="cloudcontrol")
        return self._operations[operation](given, region)

    def _create(self, given: Input, region: str) -> Output:
        kind = self._type(given, "CREATE")
        earlier = self._ledger.answered(region, given.get("ClientToken"), _fingerprint("CREATE", given))
        if earlier is not None:
            return {"ProgressEvent": earlier}
        desired = _object(given["DesiredState"], "DesiredState")
        read_only = [pointer for pointer in kind.read_only if values_at(desired, path_of(pointer))]
        if read_only:
            raise failure(
                "ValidationException",
                f"Invalid desired state: readOnlyProperties [{', '.join(read_only)}] cannot be specified",
            )
        _refuse_invalid(kind, desired)
        return self._start(kind, "CREATE", given, region, (desired, None))

    def _get(self, given: Input, region: str) -> Output:
        kind = self._type(given, "READ")
        model = self._read(kind, given["Identifier"], region)
        return {"TypeName": kind.name, "ResourceDescription": _description(kind, model)}

    def _update(self, given: Input, region: str) -> Output:
        kind = self._type(given, "UPDATE")
        kind.require("READ")
        earlier = self._ledger.answered(region, given.get("ClientToken"), _fingerprint("UPDATE", given))
        if earlier is not None:
            return {"ProgressEvent": earlier}
        operations = patches.parse(given["PatchDocument"])
        identifier = _identifier(kind, given)
        # Nobody else may change the resource between the read that is patched and the request for it.
        with self._ledger.turn(kind, region, identifier):
            self._ledger.refuse_busy(kind, region, identifier)
            current = self._read(kind, identifier, region)
            patched = patches.apply(operations, current)
            patches.refuse_forbidden(kind, operations, current, patched)
            _refuse_invalid(kind, patched)
            states = (kind.settable(patched), current)
            return self._start(kind, "UPDATE", given, region, states)

    def _delete(self, given: Input, region: str) -> Output:
        kind = self._type(given, "DELETE")
        model = kind.model_of(given["Identifier"])
        with self._ledger.turn(kind, region, _identifier(kind, given)):
            return self._start(kind, "DELETE", given, region, (model, None))

    def _list(self, given: Input, region: str) -> Output:
        kind = self._type(given, "LIST")
        wanted = _object(given.get("ResourceModel") or "{}", "ResourceModel")
        unknown = [
            f"#: extraneous key [{name}] is not permitted"
            for name in wanted
            if name not in kind.schema["properties"]
        ]
        wrong = unknown + filter_problems(kind.schema, wanted)
        if wrong:
            raise failure(
                "InvalidRequestException",
                f"Missing or invalid ResourceModel property in {kind.name} list handler request input. "
                + "; ".join(wrong),
            )
        # MaxResults is "reserved": the handler decides how many there are on a page.
        event = self._once(kind, "LIST", region, wanted, given.get("NextToken"))
        models = event.get("resourceModels") or []
        answer: Output = {
            "TypeName": kind.name,
            "ResourceDescriptions": [_description(kind, model) for model in models],
        }
        return {**answer, "NextToken": event["nextToken"]} if event.get("nextToken") else answer

    def _status(self, given: Input, _region: str) -> Output:
        return {"ProgressEvent": self._ledger.event(given["RequestToken"])}

    def _cancel(self, given: Input, _region: str) -> Output:
        return {"ProgressEvent": self._ledger.cancel(given["RequestToken"])}

    def _list_requests(self, given: Input, region: str) -> Output:
        wanted = given.get("ResourceRequestStatusFilter") or {}
        found, following = self._ledger.page(region, wanted, given.get("MaxResults"), given.get("NextToken"))
        answer: Output = {"ResourceRequestStatusSummaries": found}
        return {**answer, "NextToken": following} if following else answer

    def _type(self, given: Input, action: str) -> ResourceType:
        name = given["TypeName"]
        if name not in self._types:
            raise failure("TypeNotFoundException", f"The type {name} cannot be found")
        kind = self._types[name]
        kind.require(action)
        return kind

    def _read(self, kind: ResourceType, identifier: str, region: str) -> Model:
        event = self._once(kind, "READ", region, kind.model_of(identifier))
        model: Model = event.get("resourceModel") or {}
        return model

    def _once(
        self, kind: ResourceType, action: str, region: str, model: Model, next_token: str | None = None
    ) -> dict[str, Any]:
        token = str(uuid.uuid4())
        operation = Operation(self._handlers[kind.name], action, region, token)
        event = operation.once(model, next_token)
        if event["status"] != "SUCCESS":
            raise of_handler(kind.name, token, event)
        return event

    def _start(
        self, kind: ResourceType, action: str, given: Input, region: str, states: tuple[Model, Model | None]
    ) -> Output:
        handlers = self._handlers[kind.name]
        work: Work = lambda watch, token: Operation(  # noqa: E731 - its type is the point
            handlers.watched(watch), action, region, token
        ).to_the_end(*states)
        request = Request(
            kind=kind,
            operation=action,
            region=region,
            client_token=given.get("ClientToken"),
            fingerprint=_fingerprint(action, given),
            work=work,
            identifier=kind.identified_by(states[0]),
            model=states[0] if action != "DELETE" else None,
        )
        return {"ProgressEvent": self._ledger.add(request)}


def _fingerprint(action: str, given: Input) -> Any:
    return action, {name: value for name, value in given.items() if name != "ClientToken"}


def _identifier(kind: ResourceType, given: Input) -> str:
    """Return the identifier as one string, in whichever form it was given."""
    return kind.identified_by(kind.model_of(given["Identifier"])) or str(given["Identifier"])


def _description(kind: ResourceType, model: Model) -> Output:
    return {"Identifier": kind.identified_by(model), "Properties": json.dumps(kind.visible(model))}


def _object(text: str, member: str) -> Model:
    try:
        found = json.loads(text)
    except ValueError as problem:
        raise failure("InvalidRequestException", f"{member} is not JSON: {problem}") from problem
    if not isinstance(found, dict):
        raise failure("InvalidRequestException", f"{member} is not a JSON object")
    return found


def _refuse_invalid(kind: ResourceType, model: Any) -> None:
    found = problems(kind.schema, model)
    if found:
        # One line each inside the brackets, which is how the service shows them.
        raise failure("ValidationException", "Model validation failed (" + "\n".join(found) + ")")
