"""The only module that uses moto's inner parts; a test names each of them, so that a move is noticed."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from functools import cache
from http import HTTPStatus
from typing import Any

from sandbox.shared.errors import refusal
from sandbox.shared.guard import ABSENT, Refused
from sandbox.shared.heads import Head
from sandbox.shared.settings import NOT_HERE, PARTS

from .arns import Scope

# Moto takes half a second to import, so that waits until a server starts.


# By moto's names, all that is served of it: what the guides, the type and the tools that deploy need. None
# runs code, starts a container or sends a request. All others are closed, those of a new version included.
SERVED = frozenset(
    {
        *(
            "cloudwatch",
            "ecr",
            "iam",
            "kms",
            "logs",
            "s3",
            "sagemaker",
            "secretsmanager",
            "sns",
            "sqs",
            "ssm",
        ),
        "sts",
    }
)
# What moto's Search looks through. Of others it answers that there are none, or with its own list of them.
SEARCHED = frozenset(
    {
        *("Experiment", "ExperimentTrial", "ExperimentTrialComponent", "FeatureGroup"),
        *("Pipeline", "PipelineExecution", "TrainingJob"),
    }
)
# Moto's own pages, and an instance's credentials; a bucket's objects may have the same paths.
_OWN_PAGES = frozenset({"moto_api", "moto_api._internal", "instance_metadata"})
_SCOPE = re.compile(r"/([^/,\s]+)/aws4_request")
_SIGNING_NAMES = {"cloudcontrolapi": "cloudcontrol"}
# Where moto's SNS delivers: nothing leaves the machine, and there are no functions.
_DELIVERED = frozenset({"sqs"})


def application() -> Callable[..., Iterable[bytes]]:
    """Return moto's server as one WSGI application for the services that are served, at AWS's addresses."""
    _ignore_shell()
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    _give_out_sessions()
    _deliver_to_queues()

    def create_app(backend: str | None) -> Any:
        # However a request has been routed, it comes here.
        return create_backend_app(backend) if backend in SERVED else _refuse

    dispatcher = DomainDispatcherApplication(create_app)
    backend_for_host = dispatcher.get_backend_for_host

    def open_backend_for_host(host: str | None) -> Any:
        backend = backend_for_host(host)
        return None if backend in _OWN_PAGES else backend

    dispatcher.get_backend_for_host = open_backend_for_host
    application: Callable[..., Iterable[bytes]] = dispatcher
    return application


def _ignore_shell() -> None:
    """Keep the shell's settings of moto from it: one of them writes requests into a file."""
    for name in [name for name in os.environ if name.startswith("MOTO_")]:
        del os.environ[name]
    from moto.moto_api import recorder

    recorder._user_enabled = False  # moto may have been imported before


def _refuse(environ: Any, start_response: Any) -> Iterable[bytes]:
    """Answer a request for a service that is closed, by the service's name."""
    from werkzeug.wrappers import Request, Response

    request = Request(environ)
    address = f"{request.path}?{request.query_string.decode('latin-1')}"
    head = Head.of(request.method, address, request.headers)
    status, headers, body = Refused(_closed(request), ABSENT, HTTPStatus.BAD_REQUEST).answer(head)
    answer: Iterable[bytes] = Response(body, status, headers)(environ, start_response)
    return answer


def _closed(request: Any) -> str:
    signed = _SCOPE.search(
        f"{request.headers.get('Authorization', '')} {request.args.get('X-Amz-Credential', '')}"
    )
    service = (
        signed[1] if signed else request.headers.get("X-Amz-Target", "").partition(".")[0] or request.path
    )
    if service in SERVED:  # other APIs sign with the name of one, SageMaker's runtime does
        service = f"{request.method} {request.path}"
    if (part := _SIGNING_NAMES.get(service, service)) in PARTS:
        return f"{service} is not served here, but at the endpoint in AWS_ENDPOINT_URL_{part.upper()}"
    return f"{service} is {NOT_HERE}: served here are {', '.join(sorted(SERVED))}"


@cache
def _give_out_sessions() -> None:
    """Make moto's STS give out sessions with keys of their own; moto's are the same ones everywhere."""
    from moto.sts.responses import TokenResponse
    from moto.sts.utils import random_session_token

    def with_keys(given: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def give_out(response: Any) -> Any:
            answer = given(response)
            _, key = response.backend._create_access_key(role="")
            answer.result["Credentials"] |= {
                "AccessKeyId": key.access_key_id,
                "SecretAccessKey": key.secret_access_key,
                "SessionToken": random_session_token(),
            }
            return answer

        return give_out

    for name in ("get_session_token", "get_federation_token"):
        setattr(TokenResponse, name, with_keys(getattr(TokenResponse, name)))


@cache
def _deliver_to_queues() -> None:
    """Let moto's SNS deliver to queues alone."""
    from moto.sns.models import Subscription

    publish = Subscription.publish

    def deliver(subscription: Any, *message: Any, **more: Any) -> None:
        if subscription.protocol in _DELIVERED:
            publish(subscription, *message, **more)

    Subscription.publish = deliver


def secret_of(access_key: str) -> str | None:
    """Return the secret of an active access key that moto's STS or IAM has given out; None for any other."""
    from moto.iam.models import iam_backends

    for account in list(iam_backends.values()):
        for backend in list(account.values()):
            key = backend.access_keys.get(access_key)
            if key is not None and key.status == "Active":
                return str(key.secret_access_key)
    return None


def request_handler() -> Any:
    """Return moto's class for requests."""
    from moto.moto_server.werkzeug_app import MotoRequestHandler

    return MotoRequestHandler


def scope_of(access_key: str, region: str) -> Scope:
    """Return the account that an access key belongs to, moto's default one for an unknown key."""
    from moto.iam.models import get_account_id_from
    from moto.utilities.utils import get_partition

    return Scope(get_partition(region), region, get_account_id_from(access_key))


def check_region(scope: Scope) -> None:
    """Refuse a region that does not exist.

    Raises:
        ApiError: there is no such region.
    """
    from moto.sagemaker.models import sagemaker_backends

    try:
        sagemaker_backends[scope.account][scope.region]
    except KeyError:
        # In AWS there is no such endpoint; here every region comes to the same one.
        raise refusal(f"There is no region {scope.region}") from None


def reset() -> None:
    """Make moto forget everything it holds, in every service."""
    from moto.moto_api._internal.models import moto_api_backend

    moto_api_backend.reset()
