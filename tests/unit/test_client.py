"""The client of an invocation: credentials, region, timeouts, logs; and that a script fails a test."""

from __future__ import annotations

import ast
import contextlib
import inspect
import logging
import re
import ssl
from typing import Any

import pytest
from botocore.awsrequest import AWSHTTPConnection, AWSHTTPConnectionPool, AWSHTTPSConnectionPool
from botocore.hooks import HierarchicalEmitter
from botocore.httpsession import URLLib3Session, where
from botocore.session import Session
from cloudformation_cli_python_lib import Action
from cloudformation_cli_python_lib.utils import Credentials

from aws_sagemaker_modelpackage import client, connections
from aws_sagemaker_modelpackage.deadline import Deadline
from aws_sagemaker_modelpackage.request import Request

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
    event = invoke("READ", STATE, callerCredentials=dict.fromkeys(CREDENTIALS))
    assert not script.signers
    text = "the request carries no caller credentials"
    assert event == failed("InvalidCredentials", "READ", VERSION, text)


def test_client_needs_a_region(invoke: Invoker) -> None:
    event = invoke("READ", STATE, region=None)
    assert event == failed("InvalidRequest", "READ", VERSION, "You must specify a region.")


def test_clients_share_what_is_not_the_callers() -> None:
    first, second = make(), make()
    assert first is not second
    assert first._service_model is second._service_model
    assert first._ruleset_resolver is second._ruleset_resolver
    for own in ("_endpoint", "_request_signer", "_client_config"):
        assert getattr(first, own) is not getattr(second, own)
    assert first.meta.events is not second.meta.events


def test_another_environment_has_another_session(monkeypatch: pytest.MonkeyPatch) -> None:
    before = client._process()
    assert client._process() is before
    monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", "true")
    assert client._process() is not before
    assert make().meta.endpoint_url == "https://api-fips.sagemaker.eu-west-1.amazonaws.com"


def test_trace_of_an_invocation_is_no_other_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    before = client._process()
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1")
    assert client._process() is before


def test_regions_of_a_process_are_kept_within_bounds() -> None:
    process = client._process()
    for number in range(2 * client._MAX_TEMPLATES):
        process.template("sagemaker", f"eu-west-{number}", 4)
    assert len(process._templates) == client._MAX_TEMPLATES
    assert make().meta.region_name == "eu-west-1"


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


def test_private_names_are_those_of_the_installed_libraries() -> None:
    stock: Any = Session().create_client("sts", "eu-west-1")
    session = stock._endpoint.http_session
    owners = {
        "URLLib3Session": session,
        "ProxyConfiguration": session._proxy_config,
        "HTTPConnection": AWSHTTPConnection,
        "HierarchicalEmitter": HierarchicalEmitter,
        "Endpoint": stock._endpoint,
    }
    for path, expected in connections.PRIVATE_NAMES.items():
        _, owner, name = path.split(".")
        value = getattr(owners[owner], name)
        value = getattr(value, "__func__", value)
        assert f"{type(value).__module__}.{type(value).__name__}" == expected, path
    pools = session._pool_classes_by_scheme
    assert pools == {"http": AWSHTTPConnectionPool, "https": AWSHTTPSConnectionPool}
    assert str(inspect.signature(AWSHTTPConnection._new_conn)) == "(self) -> 'socket.socket'"
    # All pools are made from this dictionary, those of proxies too.
    assert session._manager.pool_classes_by_scheme is pools
    proxied = session._get_proxy_manager("http://127.0.0.1:9")
    assert proxied.pool_classes_by_scheme is pools


def test_trust_store_is_not_changed_by_connections() -> None:
    context = connections._TrustStores().context(where())
    # As urllib3 does for each connection, while OpenSSL may be copying them for another thread's.
    context.set_alpn_protocols(["other"])
    sent = ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), sent, server_hostname="sagemaker.test").do_handshake()
    hello = sent.read()
    assert b"\x08http/1.1" in hello
    assert b"other" not in hello


def test_private_names_of_the_libraries_are_listed_completely() -> None:
    listed = {name.rpartition(".")[2] for name in connections.PRIVATE_NAMES}
    own: set[str] = set()
    used: set[str] = set()
    for module in (connections, client):
        nodes = list(ast.walk(ast.parse(inspect.getsource(module))))
        for node in nodes:
            if isinstance(node, ast.FunctionDef):
                own.add(node.name)
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                own.add(node.attr)
        used |= {node.attr for node in nodes if isinstance(node, ast.Attribute) and node.attr[:1] == "_"}
    overridden = {
        name
        for mixin, base in (
            (connections._Asking, AWSHTTPConnection),
            (connections._Repeating, AWSHTTPConnectionPool),
            (connections.Session, URLLib3Session),
            (client._Events, HierarchicalEmitter),
        )
        for name in vars(mixin)
        if re.fullmatch("_[a-z]+(_[a-z]+)*", name) and hasattr(base, name)
    }
    foreign = {name for name in used - own if not name.startswith("__")}
    assert foreign | overridden == listed


def test_script_fails_a_test_whose_calls_are_others() -> None:
    unexpected = Script()
    assert unexpected.reply_to("ListTags", {}).status == 400
    with pytest.raises(AssertionError, match=r"ListTags {} came, expected was: no call"):
        unexpected.verify()
    left = Script()
    left.delete(VERSION)
    with pytest.raises(AssertionError, match="these calls never came"):
        left.verify()
