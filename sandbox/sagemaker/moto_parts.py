"""The only module that uses moto's inner parts; a test names each of them, so that a move is noticed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from sandbox.shared.errors import refusal

from .arns import Scope

# Moto takes half a second to import, so that waits until a server starts.


# What moto serves beside AWS: its recorder, its reset and its dashboard; and an instance's credentials.
_CLOSED = frozenset({"moto_api", "moto_api._internal", "instance_metadata"})


def application() -> Callable[..., Iterable[bytes]]:
    """Return moto's server as one WSGI application for all its services; their addresses are all it has."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    _give_out_sessions()
    dispatcher = DomainDispatcherApplication(create_backend_app)
    backend_for_host = dispatcher.get_backend_for_host

    def open_backend_for_host(host: str | None) -> Any:
        backend = backend_for_host(host)
        return None if backend in _CLOSED else backend

    dispatcher.get_backend_for_host = open_backend_for_host
    application: Callable[..., Iterable[bytes]] = dispatcher
    return application


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
    _backend(scope)


def model_containers(scope: Scope, name: str) -> list[dict[str, Any]]:
    """Return the containers of one of moto's models, none if it does not have the model."""
    model = _backend(scope)._models.get(name)
    if model is None:
        return []
    return [dict(container) for container in [model.primary_container, *model.containers] if container]


def reset() -> None:
    """Make moto forget everything it holds, in every service."""
    from moto.moto_api._internal.models import moto_api_backend

    moto_api_backend.reset()


def _backend(scope: Scope) -> Any:
    from moto.sagemaker.models import sagemaker_backends

    try:
        return sagemaker_backends[scope.account][scope.region]
    except KeyError:
        # In AWS there is no such endpoint; here every region comes to the same one.
        raise refusal(f"There is no region {scope.region}") from None
