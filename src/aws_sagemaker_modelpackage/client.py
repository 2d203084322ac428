"""Creates botocore clients: one of SageMaker for each invocation, at a fraction of a client's usual cost.

The botocore session, whose cost is the parsing of API descriptions, is made once per process; the caller's
credentials differ at every invocation and are given to the client only, so nothing of them is kept. `api/`
holds the descriptions cut down to the operations in use; without it botocore reads its own, a hundred times
as large. Proxies, FIPS, dual-stack, partitions and the AWS_ENDPOINT_URL variables work as with any client.
"""

from __future__ import annotations

import logging
import os
import threading
import typing
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.request import getproxies

from botocore.client import BaseClient
from botocore.config import Config
from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES
from botocore.handlers import BUILTIN_HANDLERS, REGISTER_FIRST, REGISTER_LAST
from botocore.hooks import HierarchicalEmitter
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.session import Session
from botocore.utils import parse_timestamp
from cloudformation_cli_python_lib.exceptions import InvalidCredentials
from cloudformation_cli_python_lib.utils import Credentials

from . import retries
from .request import Deadline, Request
from .timing import (
    CONNECT_SECONDS,
    MAX_ATTEMPTS,
    MAX_INVOCATION_SECONDS,
    MAX_PAUSE_SECONDS,
    MIN_TIMEOUT_SECONDS,
    READ_SECONDS,
)

if typing.TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

# Generated from botocore's own descriptions, in the layout of its data directory.
API_DESCRIPTIONS = os.path.join(os.path.dirname(__file__), "api")

_LOCK = threading.Lock()


class _NoContents(logging.Filter):
    """Drops what botocore logs at DEBUG: whole requests and answers, with session tokens and model cards."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno > logging.DEBUG


_NO_CONTENTS = _NoContents()


def _hide_contents() -> None:
    """Keep requests and answers out of every log, whatever the levels of the loggers are.

    A filter holds for one logger only, and each of botocore's modules has its own.
    """
    for name, logger in list(logging.root.manager.loggerDict.items()):
        if name.startswith("botocore") and isinstance(logger, logging.Logger):
            logger.addFilter(_NO_CONTENTS)


# The services in use as botocore's events call them (their service ids, hyphenated).
_SERVICES = frozenset({"sagemaker", "cloudwatch", "cloudwatch-logs"})


@cache
def _session() -> Session:
    events = _events()
    session = Session(event_hooks=events, include_builtin_handlers=False)
    # Without the layer that looks every event up in a list of names that services had years ago.
    session.register_component("event_emitter", events)
    # Before botocore's own descriptions, after those of ~/.aws/models or AWS_DATA_PATH.
    paths = session.get_component("data_loader").search_paths
    paths.insert(paths.index(Loader.BUILTIN_DATA_PATH), API_DESCRIPTIONS)
    # Environment and files are this process's: what botocore would look up for every client is settled here.
    settings = session.get_component("config_store")
    for name in (*BOTOCORE_DEFAUT_SESSION_VARIABLES, "s3", "proxies_config"):
        settings.set_config_variable(name, settings.get_config_variable(name))
    # A page of a list holds a hundred times, and the stock parser asks for the machine's time zone at each.
    parsers = retries.Parsers()
    parsers.set_parser_defaults(timestamp_parser=_time)
    session.register_component("response_parser_factory", parsers)
    return session


def _time(value: Any) -> datetime:
    """A time as SageMaker's protocol gives it, seconds since 1970; of any other form as botocore reads it."""
    if isinstance(value, int | float):
        with suppress(ValueError, OverflowError, OSError):
            return datetime.fromtimestamp(value, UTC)
    read: datetime = parse_timestamp(value)
    return read


@cache
def _shared_settings() -> dict[str, Any]:
    """Settings that are the same for every client in this process, and cost time to find out."""
    # Without proxies in it the environment need not be searched for them at every client.
    return {} if getproxies() else {"proxies": {}}


class _Events(HierarchicalEmitter):
    """Botocore's events, whose handlers are not checked.

    All are botocore's or this package's, and reading their signatures is a fifth of a client's cost.
    """

    def _verify_accept_kwargs(self, func: Any) -> None:
        pass


def _events() -> HierarchicalEmitter:
    """Botocore's own event handlers, without those for other services: every client gets a copy of them."""
    events = _Events()
    register = {REGISTER_FIRST: events.register_first, REGISTER_LAST: events.register_last}
    for event, handler, *position in BUILTIN_HANDLERS:
        service = event.split(".")[1:2]
        if not service or service[0] in _SERVICES:
            (register[position[0]] if position else events.register)(event, handler)
    events.register("creating-client-class", _shared_models())
    return events


def _shared_models() -> Callable[..., None]:
    """An event handler that has all clients of a service use the model of the first one.

    A model holds the API and nothing of the caller. What is worked out of it, shapes and their members, costs
    as much as a call does.
    """
    models: dict[str, ServiceModel] = {}

    def share(class_attributes: dict[str, Any], **_: Any) -> None:
        def shared(client: BaseClient) -> ServiceModel:
            own: ServiceModel = client.meta.service_model
            return models.setdefault(own.service_name, own)

        class_attributes["_service_model"] = property(shared)

    return share


def connect(
    service: str, credentials: Credentials, region: str | None, deadline: Deadline, **settings: Any
) -> BaseClient:
    """A client of an AWS service with these credentials; only what does not depend on them is kept.

    Each of its requests passes the deadline's gate. `settings` are those of botocore's Config.

    Raises:
        NoRegionError, InvalidRegionError: botocore's, without a region or with an impossible one.
    """
    # Creating clients from one session is not safe in threads:
    # https://boto3.amazonaws.com/v1/documentation/api/latest/guide/session.html
    with _LOCK:
        shared = _shared_settings()
        client = _session().create_client(
            service,
            region_name=region,
            aws_access_key_id=credentials.accessKeyId,
            aws_secret_access_key=credentials.secretAccessKey,
            aws_session_token=credentials.sessionToken,
            config=Config(**settings, **shared),
        )
        _hide_contents()
        # It names interpreter and machine, and botocore would put it together twice for each call. An app id
        # of the environment is not yet in it.
        made: Any = client.meta.config  # its stubs lack what the options are called
        if not made.user_agent_appid:
            shared.setdefault("user_agent", made.user_agent)
    retries.gate(client, deadline)
    return client


def make(request: Request) -> SageMakerClient:
    """A SageMaker client with the request's credentials, region and share of time, for this invocation only.

    Raises:
        InvalidCredentials: CloudFormation sent none.
        NoRegionError, InvalidRegionError: see connect.
    """
    given = request.credentials
    # With empty ones botocore would search for others, and use the execution role's.
    if given is None or not (given.accessKeyId and given.secretAccessKey):
        raise InvalidCredentials("the request carries no caller credentials")
    share = min(1.0, request.deadline.seconds_left() / MAX_INVOCATION_SECONDS)
    connect_seconds, read_seconds = (
        max(MIN_TIMEOUT_SECONDS, share * seconds) for seconds in (CONNECT_SECONDS, READ_SECONDS)
    )
    client = connect(
        "sagemaker",
        given,
        request.region,
        request.deadline,
        connect_timeout=connect_seconds,
        read_timeout=read_seconds,
        retries={"mode": "standard", "total_max_attempts": MAX_ATTEMPTS},
    )
    retries.repeat_in_time(
        client,
        request.deadline,
        attempt_seconds=connect_seconds + read_seconds,
        pause_seconds=share * MAX_PAUSE_SECONDS,
    )
    return typing.cast("SageMakerClient", client)
