"""The protocol of CloudFormation's API, by moto's parser and serializer on botocore's description."""

from __future__ import annotations

import urllib.parse
import uuid
from typing import Any

from sandbox.shared.errors import ApiError
from sandbox.shared.xml_text import xml_text, xml_texts

API_VERSION = "2010-05-15"
# The Query protocol's name for what JSON services call ValidationException.
_CODES = {"ValidationException": "ValidationError", "SerializationException": "ValidationError"}


def _service() -> Any:
    # moto's serializer takes no other model than its own, which is botocore's description, too.
    from moto.core.utils import get_service_model

    return get_service_model("cloudformation")


def parse(body: bytes) -> tuple[str, dict[str, Any]]:
    """Return the operation of a request, and its parameters.

    Raises:
        ApiError: there is no such operation, or a value is of another type than the API description says.
    """
    from moto.core.parse import QueryParser

    values = dict(urllib.parse.parse_qsl(body.decode("utf-8", errors="replace"), keep_blank_values=True))
    operation = values.get("Action", "")
    if operation not in _service().operation_names:
        raise ApiError("InvalidAction", f"Could not find operation {operation} for version {API_VERSION}")
    # The parser reads nothing else of a request.
    request: Any = {"values": values}
    try:
        return operation, QueryParser(_service().operation_model(operation)).parse(request)
    except ValueError as problem:
        message = f"A parameter of {operation} is of another type than the API description says"
        raise ApiError("ValidationError", message) from problem


def serialize(operation: str, answer: dict[str, Any] | ApiError) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and body of an answer, or of an error in its place."""
    from moto.core.serialize import QuerySerializer, SerializationContext

    if isinstance(answer, ApiError):
        code = _CODES.get(answer.code, answer.code)
        answer = ApiError(code, xml_text(answer.message), answer.http_status)
    else:
        answer = xml_texts(answer)
    context = SerializationContext(str(uuid.uuid4()))
    serializer = QuerySerializer(_service().operation_model(operation), context)
    response = serializer.serialize(answer)
    body: Any = response["body"]
    headers = {**response["headers"], "x-amzn-RequestId": context.request_id}
    return response["status_code"], headers, body if isinstance(body, bytes) else body.encode()
