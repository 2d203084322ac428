"""The only module that uses moto's inner parts; a test names each of them, so that a move is noticed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any
from wsgiref.types import WSGIEnvironment

from sandbox.shared.credentials import IssuedKey
from sandbox.shared.errors import refusal
from sandbox.shared.heads import Head
from sandbox.shared.services import refusal_of, service_of
from sandbox.shared.settings import SERVICES

from .arns import Scope

# Moto takes half a second to import, so that waits until a server starts.


# By moto's names, all that is served of it where there is no engine: what the guides, the type and the tools
# that deploy need. None runs code, starts a container or sends a request. All others are closed, those of a
# new version included.
SERVED = frozenset({"sagemaker", *SERVICES})
# Beside an engine, whose other services would otherwise be there twice.
SERVED_BESIDE_ENGINE = frozenset({"sagemaker"})
# The resources that moto's Search has. Of others it answers that there are none, or with a list of its own.
SEARCHED = frozenset(
    {
        *("Experiment", "ExperimentTrial", "ExperimentTrialComponent", "FeatureGroup"),
        *("Pipeline", "PipelineExecution", "TrainingJob"),
    }
)
# Moto's own pages, and an instance's credentials; a bucket's objects may have the same paths.
_OWN_PAGES = frozenset({"moto_api", "moto_api._internal", "instance_metadata"})
# Where moto's SNS delivers: nothing leaves the machine, and there are no functions.
_DELIVERED = frozenset({"sqs"})


def application(services: frozenset[str] = SERVED) -> Callable[..., Iterable[bytes]]:
    """Return moto's server as one WSGI application for the services that are served, at AWS's addresses."""
    _ignore_shell()
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    _give_out_sessions()
    _deliver_to_queues()

    def create_app(backend: str | None) -> Any:
        # However a request has been routed, it comes here.
        return create_backend_app(backend) if backend in services else _refuse

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
    service = service_of(head) or head.value("x-amz-target").partition(".")[0] or request.path
    if service in SERVED:  # other APIs sign with the name of one, SageMaker's runtime does
        service = f"{request.method} {request.path}"
    status, headers, body = refusal_of(service).answer(head)
    answer: Iterable[bytes] = Response(body, status, headers)(environ, start_response)
    return answer


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


def issued_key(access_key: str) -> IssuedKey | None:
    """Return what belongs to an active access key of moto's STS or IAM; None for any other."""
    from moto.iam.models import iam_backends

    for account, backends in list(iam_backends.items()):
        for backend in list(backends.values()):
            key = backend.access_keys.get(access_key)
            if key is not None and key.status == "Active":
                return IssuedKey(str(key.secret_access_key), account)
    return None


def request_handler() -> Any:
    """Return moto's class for requests."""
    from moto.moto_server.werkzeug_app import MotoRequestHandler

    return MotoRequestHandler


def scope_in(account: str, region: str) -> Scope:
    """Return an account in a region, with the region's partition."""
    from moto.utilities.utils import get_partition

    return Scope(get_partition(region), region, account)


def in_account(environ: WSGIEnvironment, account: str) -> WSGIEnvironment:
    """Return a request as moto answers it in an account, whatever it knows of the access key."""
    return environ | {"HTTP_X_MOTO_ACCOUNT_ID": account}


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
