"""Creates botocore clients: one of SageMaker for each invocation, at a fraction of a client's usual cost.

The botocore session, whose cost is the parsing of API descriptions, is made once per process and environment,
and a client without credentials once for each service and region; an invocation's is made after that one. The
caller's credentials differ at every invocation and are given to its client only, so nothing of them is kept.
`api/` holds the descriptions cut down to the operations in use; without it botocore reads its own, a hundred
times as large. Proxies, FIPS, dual-stack, partitions, AWS_ENDPOINT_URL variables work as with any client.
"""

from __future__ import annotations

import logging
import os
import re
import threading
import typing
from contextlib import suppress
from copy import copy
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Any, NamedTuple
from urllib.request import getproxies

from botocore.client import BaseClient
from botocore.config import Config
from botocore.credentials import Credentials as AwsCredentials
from botocore.endpoint import Endpoint
from botocore.handlers import BUILTIN_HANDLERS, REGISTER_FIRST, REGISTER_LAST
from botocore.hooks import HierarchicalEmitter
from botocore.loaders import Loader
from botocore.retries.standard import register_retry_handler
from botocore.session import Session
from botocore.signers import RequestSigner
from botocore.utils import parse_timestamp
from cloudformation_cli_python_lib.exceptions import InvalidCredentials
from cloudformation_cli_python_lib.utils import Credentials

from . import connections, retries
from .deadline import Deadline
from .request import Request
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


class _Process:
    """What the clients of a process share, for as long as its environment stays as it is."""

    def __init__(self) -> None:
        self.session = _session()
        # Without proxies in it the environment need not be searched for them at every client.
        self.settings: dict[str, Any] = {} if getproxies() else {"proxies": {}}
        self._templates: dict[tuple[str, str | None, int], _Template] = {}

    def template(self, service: str, region: str | None, attempts: int) -> _Template:
        """The template of a service's clients in a region, made where it is the first one's.

        Raises:
            NoRegionError, InvalidRegionError: see connect.
        """
        key = service, region, attempts
        template = self._templates.get(key)
        if template is None:
            template = _Template(self, service, region, attempts)
            if len(self._templates) == _MAX_TEMPLATES:
                del self._templates[next(iter(self._templates))]
            self._templates[key] = template
        return template


# More than the regions and services that one process meets.
_MAX_TEMPLATES = 12
# The variables that botocore, urllib3 or OpenSSL read when they make a client or a connection.
_READ = re.compile("AWS_|BOTO|REQUESTS_CA_BUNDLE|SSL|HOME$|.*_PROXY$|REQUEST_METHOD$", re.IGNORECASE)


def _process() -> _Process:
    """What clients share: all of it anew where the environment is another one than at the last call."""
    # Another thread may remove one.
    return _in(frozenset((name, os.environ.get(name)) for name in os.environ if _READ.match(name)))


@lru_cache(maxsize=1)
def _in(_environment: frozenset[tuple[str, str | None]]) -> _Process:
    connections.forget()
    return _Process()


def _session() -> Session:
    events = _events()
    session = Session(event_hooks=events, include_builtin_handlers=False)
    # Without the layer that looks every event up in a list of names that services had years ago.
    session.register_component("event_emitter", events)
    session.register_component("credential_provider", _NoCredentials())
    # Before botocore's own descriptions, after those of ~/.aws/models or AWS_DATA_PATH.
    paths = session.get_component("data_loader").search_paths
    paths.insert(paths.index(Loader.BUILTIN_DATA_PATH), API_DESCRIPTIONS)
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
    events.register("creating-client-class", _note_arguments)
    return events


class _Noted:
    """A client that knows what it was made of."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.arguments = arguments


def _note_arguments(base_classes: list[type], **_: Any) -> None:
    base_classes.insert(0, _Noted)


class _Template:
    """A client of a service in a region without anything of a caller's, after which others are made.

    They share what takes botocore most of a client's time and what no call changes: the API's model, with all
    that is worked out of it, the endpoint's rules, the settings.
    """

    def __init__(self, process: _Process, service: str, region: str | None, attempts: int) -> None:
        config = Config(retries={"mode": "standard", "total_max_attempts": attempts}, **process.settings)
        create = partial(process.session.create_client, service, region_name=region)
        client: Any = create(config=config)
        # It names interpreter and machine, and botocore would put it together twice for each call. An app id
        # of the environment is not yet in it.
        made = client.meta.config
        if not made.user_agent_appid:
            client = create(config=config.merge(Config(user_agent=made.user_agent)))
        self._class, self._attempts = type(client), attempts
        self._arguments = client.arguments
        signer = self._arguments.pop("request_signer")
        self._signed = signer.region_name, signer.signing_name, signer.signature_version
        self._events = process.session.get_component("event_emitter")
        _hide_contents()

    def client(
        self, credentials: Credentials, deadline: Deadline, timeout: tuple[float, float]
    ) -> BaseClient:
        """A client as `create_client` makes it, with these credentials, this deadline and these timeouts."""
        model, endpoint = self._arguments["service_model"], self._arguments["endpoint"]
        events = copy(self._events)
        config = copy(self._arguments["client_config"])
        config.connect_timeout, config.read_timeout = timeout
        callers = AwsCredentials(
            credentials.accessKeyId, credentials.secretAccessKey, credentials.sessionToken
        )
        session = connections.Session(endpoint.http_session, deadline, timeout)
        parsers = endpoint._response_parser_factory
        own = {
            "event_emitter": events,
            "client_config": config,
            "request_signer": RequestSigner(model.service_id, *self._signed, callers, events),
            "endpoint": Endpoint(endpoint.host, model.endpoint_prefix, events, parsers, session),
        }
        client: BaseClient = self._class(**self._arguments | own)
        register_retry_handler(client, self._attempts)
        return client


class _NoCredentials:
    """In place of botocore's search for credentials: each client has its caller's."""

    def load_credentials(self) -> None:
        """None: those of the machine are not the caller's."""


class Attempts(NamedTuple):
    """What a call of a client may take: seconds for a connection and for one read of it, and how often."""

    connect_seconds: float
    read_seconds: float
    number: int


def connect(
    service: str, credentials: Credentials, region: str | None, deadline: Deadline, attempts: Attempts
) -> BaseClient:
    """A client of an AWS service with these credentials; only what does not depend on them is kept.

    Each of its requests passes the deadline's gate.

    Raises:
        NoRegionError, InvalidRegionError: botocore's, without a region or with an impossible one.
    """
    # Creating clients from one session is not safe in threads:
    # https://boto3.amazonaws.com/v1/documentation/api/latest/guide/session.html
    with _LOCK:
        template = _process().template(service, region, attempts.number)
    return template.client(credentials, deadline, (attempts.connect_seconds, attempts.read_seconds))


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
    attempts = Attempts(
        max(MIN_TIMEOUT_SECONDS, share * CONNECT_SECONDS),
        max(MIN_TIMEOUT_SECONDS, share * READ_SECONDS),
        MAX_ATTEMPTS,
    )
    client = connect("sagemaker", given, request.region, request.deadline, attempts)
    retries.repeat_in_time(
        client,
        request.deadline,
        attempt_seconds=attempts.connect_seconds + attempts.read_seconds,
        pause_seconds=share * MAX_PAUSE_SECONDS,
    )
    return typing.cast("SageMakerClient", client)
