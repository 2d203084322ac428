"""The client of an invocation: credentials, region, timeouts, logs; and that a script fails a test."""

from __future__ import annotations

import ast
import contextlib
import inspect
import logging
import re
from typing import Any

import pytest
from botocore.awsrequest import AWSHTTPConnection, AWSHTTPConnectionPool, AWSHTTPSConnectionPool
from botocore.session import Session
from cloudformation_cli_python_lib import Action
from cloudformation_cli_python_lib.utils import Credentials

from aws_sagemaker_modelpackage import client, retries
from aws_sagemaker_modelpackage.request import Deadline, Request

from .conftest import CREDENTIALS, Invoker
from .events import STATE, VERSION, failed, succeeded, version, version_model
from .scripted_sagemaker import Script
from .tables import table


def make(seconds: float = 28.0) -> Any:
    """The client of a request with so many seconds left."""
    return client.make(
        Request(
            action=Action.READ,
            token="",
            desired=STATE,
            region="eu-west-1",
            credentials=Credentials(**CREDENTIALS),
            deadline=Deadline(seconds),
        )
    )


def test_client_has_the_credentials_and_region_of_its_invocation(invoke: Invoker, script: Script) -> None:
    for key, region in (("AKIDONE", "eu-west-1"), ("AKIDTWO", "us-east-2")):
        script.describe(VERSION, version())
        event = invoke("READ", STATE, region=region, callerCredentials={**CREDENTIALS, "accessKeyId": key})
        assert event == succeeded(version_model())
    signed = [signer.split("/") for signer in script.signers]
    assert [(key, region, service) for key, _, region, service, _ in signed] == [
        ("AKIDONE", "eu-west-1", "sagemaker"),
        ("AKIDTWO", "us-east-2", "sagemaker"),
    ]


def test_client_never_uses_the_hosts_credentials(
    invoke: Invoker, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDHOST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of the host")
    client._session.cache_clear()
    monkeypatch.setattr(client, "_session", client._session.__wrapped__)
    event = invoke("READ", STATE, callerCredentials=dict.fromkeys(CREDENTIALS))
    assert not script.signers
    text = "the request carries no caller credentials"
    assert event == failed("InvalidCredentials", "READ", VERSION, text)


def test_client_needs_a_region(invoke: Invoker) -> None:
    event = invoke("READ", STATE, region=None)
    assert event == failed("InvalidRequest", "READ", VERSION, "You must specify a region.")


def test_clients_share_session_and_model() -> None:
    first, second = make(), make()
    assert first is not second
    assert first.meta.service_model is not None
    assert client._session() is client._session()
    assert first._service_model is second._service_model


@table(
    "left, connect, read",
    {
        "all of the time": (27.5, 2.0, 5.0),
        "half of it": (13.75, 1.0, 2.5),
        "never more than the whole": (40.0, 2.0, 5.0),
        "never nothing": (0.0, 0.1, 0.1),
        "nor less": (-5.0, 0.1, 0.1),
    },
)
def test_timeouts_are_a_share_of_the_time_left(left: float, connect: float, read: float) -> None:
    config = make(left).meta.config
    assert (config.connect_timeout, config.read_timeout) == (connect, read)
    assert config.retries == {"mode": "standard", "total_max_attempts": 4}


def test_requests_and_answers_are_not_logged(
    invoke: Invoker, script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    card = {"ModelCardContent": '{"overview": "what only we know"}', "ModelCardStatus": "Draft"}
    script.describe(VERSION, version(ModelCard=card))
    loggers = [name for name in logging.root.manager.loggerDict if name.startswith("botocore")]
    with contextlib.ExitStack() as levels:
        for name in (None, *loggers):
            levels.enter_context(caplog.at_level(logging.DEBUG, logger=name))
        logging.getLogger("botocore.endpoint").debug("is a record that botocore would make")
        assert invoke("READ", STATE) == succeeded(version_model(ModelCard=card))
    assert len(loggers) > 10
    levels_of_botocore = {record.levelno for record in caplog.records if record.name.startswith("botocore")}
    assert levels_of_botocore == {logging.INFO}  # where it found its endpoint
    assert "what only we know" not in caplog.text
    assert "session" not in caplog.text


def test_private_names_are_those_of_the_installed_botocore() -> None:
    stock: Any = Session().create_client("sts", "eu-west-1")
    endpoint = stock._endpoint
    pools = endpoint.http_session._pool_classes_by_scheme
    values = (endpoint, pools, AWSHTTPConnection._new_conn)
    classes = [f"{type(value).__module__}.{type(value).__name__}" for value in values]
    assert classes == list(retries.PRIVATE_NAMES.values())
    assert pools == {"http": AWSHTTPConnectionPool, "https": AWSHTTPSConnectionPool}
    assert str(inspect.signature(AWSHTTPConnection._new_conn)) == "(self) -> 'socket.socket'"
    # All pools are made from this dictionary, those of proxies too.
    assert endpoint.http_session._manager.pool_classes_by_scheme is pools
    proxied = endpoint.http_session._get_proxy_manager("http://127.0.0.1:9")
    assert proxied.pool_classes_by_scheme is pools


def test_private_names_of_botocore_are_listed_completely() -> None:
    nodes = ast.walk(ast.parse(inspect.getsource(retries.gate)))
    used = {node.attr for node in nodes if isinstance(node, ast.Attribute) and node.attr.startswith("_")}
    overridden = {name for name in vars(retries._Asking) if re.fullmatch("_[a-z_]*[a-z]", name)}
    assert used | overridden == {name.rpartition(".")[2] for name in retries.PRIVATE_NAMES}


def test_script_fails_a_test_whose_calls_are_others() -> None:
    unexpected = Script()
    assert unexpected.reply_to("ListTags", {}).status == 400
    with pytest.raises(AssertionError, match=r"ListTags {} came, expected was: no call"):
        unexpected.verify()
    left = Script()
    left.delete(VERSION)
    with pytest.raises(AssertionError, match="these calls never came"):
        left.verify()
