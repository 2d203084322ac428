"""The guard of all five servers: hosts, sites, credentials, bounds, and connections of a busy moment."""

from __future__ import annotations

import hashlib
import http.client
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import botocore.auth
import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials as Keys
from botocore.exceptions import ClientError

from sandbox.cloudformation import guarded_application
from sandbox.cloudformation.guarded_application import GuardedApplication
from sandbox.local_aws import Sandbox
from sandbox.page import PageServer
from sandbox.shared import guarded_handler
from sandbox.shared.credentials import ACCESS_VARIABLE, Access, Credentials
from sandbox.shared.guard import Guard
from sandbox.shared.http import BACKLOG, JsonHandler, LocalServer, issued_guard
from sandbox.shared.http_request import request
from sandbox.shared.processes import Child, clean_environment, engine_python, open_private
from sandbox.shared.settings import PORTS, REGION, ROOT
from sandbox.shared.signatures import sign_post
from sandbox.state_file import RunningSandbox, StateFile, find_sandbox
from tests.sandbox.helpers import cases, until
from tests.stack.stacks import DeployedStacks, new_name

SECONDS = 10.0
OTHER = Credentials.new()
BUCKET = "guarded-bucket"
S3_PARTS = ("sagemaker", "cloudformation")
ROLE = "arn:aws:iam::123456789012:role/deploy"
MULTI_REGION = "AWS4-ECDSA-P256-SHA256"
JSON_10 = "application/x-amz-json-1.0"


def endpoint_of(sandbox: Sandbox, part: str) -> str:
    return str(sandbox.page if part == "page" else sandbox.endpoints[part])


def port_of(endpoint: str) -> int:
    return int(urllib.parse.urlsplit(endpoint).port or 0)


def exchange(endpoint: str, sent: bytes, *, ends: bool = False) -> bytes:
    """Send bytes as they are and return all that comes back."""
    address = ("127.0.0.1", port_of(endpoint))
    with closing(socket.create_connection(address, timeout=SECONDS)) as connection:
        connection.sendall(sent)
        if ends:
            connection.shutdown(socket.SHUT_WR)
        received = b""
        while data := connection.recv(65_536):
            received += data
        return received


def status_of(received: bytes) -> int:
    """Return the status of the only answer."""
    assert received.startswith(b"HTTP/1.1 "), received
    assert len(re.findall(rb"HTTP/1.1 \d", received)) == 1, received
    return int(received.split()[1])


def head(target: str, headers: Mapping[str, str] | list[tuple[str, str]], method: str = "POST") -> bytes:
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in pairs)]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1")


def operation(sandbox: Sandbox, part: str, host: str) -> tuple[str, dict[str, str], bytes]:
    """Return method, headers and body of a request that the part answers with 200, signed for that host."""
    if part == "page":
        return "GET", {"Host": host, "Authorization": sandbox.credentials.basic}, b""
    service, headers, body = {
        "sagemaker": (
            "sagemaker",
            {"X-Amz-Target": "SageMaker.ListModelPackages", "Content-Type": "application/x-amz-json-1.1"},
            b"{}",
        ),
        "functions": ("lambda", {}, b"{}"),
        "cloudformation": (
            "cloudformation",
            {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"},
            b"Action=ListStacks&Version=2010-05-15",
        ),
        "cloudcontrol": (
            "cloudcontrolapi",
            {"X-Amz-Target": "CloudApiService.ListResourceRequests", "Content-Type": JSON_10},
            b"{}",
        ),
    }[part]
    signed = sign_post(f"http://{host}{path_of(part)}", body, sandbox.credentials, service, headers)
    return "POST", {"Host": host, **signed, "Content-Length": str(len(body))}, body


def keys_of(credentials: Credentials) -> Keys:
    return Keys(credentials.access_key, credentials.secret_key)


def path_of(part: str) -> str:
    return {"functions": "/2015-03-31/functions/TypeFunction/invocations", "page": "/api/state"}.get(
        part, "/"
    )


def answer_to(
    sandbox: Sandbox, part: str, *, host: str | None = None, target: str | None = None, **headers: str
) -> bytes:
    """Return the answer to a request with valid credentials, with these headers added to it."""
    endpoint = endpoint_of(sandbox, part)
    method, given, body = operation(sandbox, part, host or f"127.0.0.1:{port_of(endpoint)}")
    added = {name.replace("_", "-"): value for name, value in headers.items()}
    return exchange(endpoint, head(target or path_of(part), {**given, **added}, method) + body)


# --- hosts and sites --------------------------------------------------------------------------------


@pytest.mark.parametrize("part", PORTS)
@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "localhost:{port}", "localhost:8080"])
def test_request_for_this_machine_is_answered(sandbox: Sandbox, part: str, host: str) -> None:
    host = host.format(port=port_of(endpoint_of(sandbox, part)))
    assert status_of(answer_to(sandbox, part, host=host)) == 200


@pytest.mark.parametrize("part", PORTS)
@pytest.mark.parametrize(
    "host",
    [
        *("rebound.example", "rebound.example:{port}", "127.0.0.1.rebound.example:{port}"),
        *(
            "localhost.rebound.example",
            "localhost.",
            "127.0.0.2:{port}",
            "0.0.0.0:{port}",
            "2130706433:{port}",
        ),
        *(
            "[::1]:{port}",
            "[::ffff:127.0.0.1]:{port}",
            "user@127.0.0.1:{port}",
            "127.0.0.1:{port}/x",
            "",
            "{port}",
        ),
        *("bucket.s3.amazonaws.com", "169.254.169.254", "bucket.localhost.rebound.example"),
    ],
)
def test_request_for_another_host_is_refused(sandbox: Sandbox, part: str, host: str) -> None:
    host = host.format(port=port_of(endpoint_of(sandbox, part)))
    method, headers, body = operation(sandbox, part, host or "127.0.0.1")
    received = exchange(
        endpoint_of(sandbox, part), head(path_of(part), {**headers, "Host": host}, method) + body
    )
    assert status_of(received) in ({400, 403} if part == "cloudformation" else {403}), received
    assert b"access-control" not in received.lower()


@pytest.mark.parametrize("part", PORTS)
def test_request_for_a_bucket_is_answered_where_buckets_are(sandbox: Sandbox, part: str) -> None:
    received = answer_to(sandbox, part, host=f"{BUCKET}.localhost:{port_of(endpoint_of(sandbox, part))}")
    is_refused = b"The host is not that of the local AWS" in received
    assert (status_of(received) == 403 and is_refused) is (part not in S3_PARTS)


@pytest.mark.parametrize("part", PORTS)
def test_request_with_no_host_or_two_is_refused(sandbox: Sandbox, part: str) -> None:
    endpoint = endpoint_of(sandbox, part)
    method, headers, body = operation(sandbox, part, f"127.0.0.1:{port_of(endpoint)}")
    pairs = list(headers.items())
    for given in ([pair for pair in pairs if pair[0] != "Host"], [*pairs, ("Host", "rebound.example")]):
        assert 400 <= status_of(exchange(endpoint, head(path_of(part), given, method) + body)) <= 403


@pytest.mark.parametrize("part", PORTS)
@pytest.mark.parametrize("target", ["http://rebound.example/", "http://127.0.0.1/", "rebound.example:80"])
def test_request_with_an_absolute_target_is_refused(sandbox: Sandbox, part: str, target: str) -> None:
    received = answer_to(sandbox, part, target=target)
    assert status_of(received) in ({400, 403} if part == "cloudformation" else {403})


FOREIGN: dict[str, dict[str, str]] = {
    "another origin": {"Origin": "http://elsewhere.example"},
    "no origin": {"Origin": "null"},
    "this machine's origin, another port": {"Origin": "http://127.0.0.1:1"},
    "another scheme": {"Origin": "https://127.0.0.1:{port}"},
    "another name of this machine": {"Origin": "http://localhost:{port}"},
    "another site": {"Sec_Fetch_Site": "cross-site"},
    "the same site": {"Sec_Fetch_Site": "same-site"},
    "an unknown relation": {"Sec_Fetch_Site": "whatever"},
    "another site that claims the origin": {
        "Origin": "http://127.0.0.1:{port}",
        "Sec_Fetch_Site": "cross-site",
    },
    "an old browser's page": {"Referer": "http://elsewhere.example/page"},
    "a page that cannot be parsed": {"Referer": "http://[elsewhere"},
}


@pytest.mark.parametrize("part", PORTS)
@cases("headers", FOREIGN)
def test_request_of_another_site_is_refused(sandbox: Sandbox, part: str, headers: dict[str, str]) -> None:
    port = port_of(endpoint_of(sandbox, part))
    received = answer_to(sandbox, part, **{name: value.format(port=port) for name, value in headers.items()})
    assert status_of(received) == 403
    assert b"no requests of other sites" in received
    assert b"access-control" not in received.lower()


@pytest.mark.parametrize("part", PORTS)
def test_request_of_the_own_page_is_answered(sandbox: Sandbox, part: str) -> None:
    own = f"http://127.0.0.1:{port_of(endpoint_of(sandbox, part))}"
    for headers in (
        {"Origin": own, "Sec_Fetch_Site": "same-origin"},
        {"Sec_Fetch_Site": "none"},
        {"Referer": f"{own}/page"},
    ):
        assert status_of(answer_to(sandbox, part, **headers)) == 200


@pytest.mark.parametrize("part", PORTS)
def test_answer_has_no_cross_origin_headers(sandbox: Sandbox, part: str) -> None:
    own = f"http://127.0.0.1:{port_of(endpoint_of(sandbox, part))}"
    for headers in ({}, {"Origin": own}, {"Access_Control_Request_Method": "PUT"}):
        assert b"access-control" not in answer_to(sandbox, part, **headers).lower()


def test_preflight_of_a_bucket_with_rules_has_no_cross_origin_headers(sandbox: Sandbox) -> None:
    for part in S3_PARTS:
        endpoint = sandbox.endpoints[part]
        rule: Any = {"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}
        with closing(sandbox.client("s3", endpoint_url=endpoint)) as s3:
            s3.create_bucket(Bucket=BUCKET)
            s3.put_bucket_cors(Bucket=BUCKET, CORSConfiguration={"CORSRules": [rule]})
            url = s3.generate_presigned_url("list_objects_v2", Params={"Bucket": BUCKET})
        origin = {"Origin": endpoint}
        answer = request(url, headers=origin)
        assert answer.status == 200
        asked = {**origin, "Access-Control-Request-Method": "GET"}
        for each in (answer, request(url, "OPTIONS", headers=asked)):
            assert not [name for name in each.headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize("part", PORTS)
def test_request_is_refused_before_its_body_is_asked_for(sandbox: Sandbox, part: str) -> None:
    endpoint = endpoint_of(sandbox, part)
    for host, authorization in (("rebound.example", sandbox.credentials.basic), ("localhost", OTHER.basic)):
        headers = {
            "Host": host,
            "Authorization": authorization,
            "Content-Length": "1000",
            "Expect": "100-continue",
        }
        received = exchange(endpoint, head("/", headers))
        if part == "cloudformation":  # hypercorn asks by itself; nothing waits for what would come
            received = received.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert status_of(received) == 403


@pytest.mark.parametrize("part", [part for part in PORTS if part != "page"])
def test_body_is_asked_for_once_before_it_comes(sandbox: Sandbox, part: str) -> None:
    endpoint = endpoint_of(sandbox, part)
    method, headers, body = operation(sandbox, part, f"127.0.0.1:{port_of(endpoint)}")
    with closing(socket.create_connection(("127.0.0.1", port_of(endpoint)), timeout=SECONDS)) as connection:
        connection.sendall(head(path_of(part), {**headers, "Expect": "100-continue"}, method))
        asked = b"HTTP/1.1 100 "
        assert connection.recv(len(asked)) == asked
        connection.sendall(body)
        received = b""
        while data := connection.recv(65_536):
            received += data
    assert received.count(b"HTTP/1.1 ") == received.count(b"HTTP/1.1 200 ") == 1


@pytest.mark.parametrize("part", PORTS)
def test_refusal_reaches_a_client_that_sends_a_large_body(sandbox: Sandbox, part: str) -> None:
    body = b"x" * 20_000_000
    headers = {"Host": "rebound.example", "Content-Length": str(len(body))}
    assert status_of(exchange(endpoint_of(sandbox, part), head("/", headers) + body)) == 403


# --- credentials ------------------------------------------------------------------------------------


REFUSALS = {
    ("sagemaker", "list_model_packages"): ("UnrecognizedClientException", "InvalidSignatureException"),
    ("sts", "get_caller_identity"): ("InvalidClientTokenId", "SignatureDoesNotMatch"),
    ("s3", "list_buckets"): ("InvalidAccessKeyId", "SignatureDoesNotMatch"),
    ("lambda", "list_functions"): ("UnrecognizedClientException", "InvalidSignatureException"),
    ("cloudformation", "list_stacks"): ("InvalidClientTokenId", "SignatureDoesNotMatch"),
    ("cloudcontrol", "list_resource_requests"): ("UnrecognizedClientException", "InvalidSignatureException"),
}


@pytest.mark.parametrize(("service", "name"), REFUSALS)
def test_other_credentials_are_refused_with_the_errors_of_aws(
    sandbox: Sandbox, service: str, name: str
) -> None:
    own = sandbox.credentials
    other_key = {"aws_access_key_id": OTHER.access_key, "aws_secret_access_key": own.secret_key}
    other_secret = {"aws_access_key_id": own.access_key, "aws_secret_access_key": OTHER.secret_key}
    for given, code in zip((other_key, other_secret), REFUSALS[service, name], strict=True):
        with closing(sandbox.client(service, **given)) as client, pytest.raises(ClientError) as caught:
            getattr(client, name)()
        assert caught.value.response["Error"]["Code"] == code
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_refusal_is_in_the_protocol_of_the_target(sandbox: Sandbox) -> None:
    url = f"{sandbox.endpoints['cloudcontrol']}/?Action=GetResource&Version=2021-09-30"  # as StackQL's
    answer = request(url, "POST", b"{}", {"X-Amz-Target": "CloudApiService.GetResource"})
    assert answer.status == 403
    assert json.loads(answer.body)["__type"] == "MissingAuthenticationTokenException"


@pytest.mark.parametrize("part", PORTS)
def test_unsigned_request_is_refused(sandbox: Sandbox, part: str) -> None:
    endpoint = endpoint_of(sandbox, part)
    for path in ("/", path_of(part), "/sandbox/behaviour", "/sandbox/invocations", "/sandbox/secrets/x"):
        for method in ("GET", "POST", "DELETE", "OPTIONS"):
            received = exchange(endpoint, head(path, {"Host": "localhost", "Content-Length": "0"}, method))
            assert status_of(received) == 403, (method, path)
    for authorization in (OTHER.basic, "Basic", "Bearer x", "AWS4-HMAC-SHA256 Credential=x", "AWS key:x"):
        assert status_of(answer_to(sandbox, part, Authorization=authorization)) == 403


@pytest.mark.parametrize("part", [part for part in PORTS if part != "page"])
def test_request_that_is_not_as_it_was_signed_is_refused(sandbox: Sandbox, part: str) -> None:
    endpoint = endpoint_of(sandbox, part)
    host, key = f"127.0.0.1:{port_of(endpoint)}", sandbox.credentials.access_key
    method, headers, body = operation(sandbox, part, host)
    changed = [
        head(path_of(part), headers, method) + bytes(reversed(body)),
        head(path_of(part) + "?more=1", headers, method) + body,
        head(path_of(part) + "x", headers, method) + body,
        head(path_of(part), headers, "PUT") + body,
        head(path_of(part), {**headers, "Host": "localhost"}, method) + body,
        head(path_of(part), {**headers, "X-Amz-Date": "20240101T000000Z"}, method) + body,
        head(path_of(part), {**headers, "X-Amz-Date": "yesterday"}, method) + body,
        head("/?AWSAccessKeyId=%C3%BC&Signature=%C3%BC&Expires=nan", {"Host": host}, "GET"),
        head(f"/?AWSAccessKeyId={key}&Signature=%C3%BC&Expires=9999999999", {"Host": host}, "GET"),
        head(f"/?AWSAccessKeyId={key}&Signature=x&Expires=soon", {"Host": host}, "GET"),
        head(f"/?X-Amz-Signature=x&X-Amz-Credential={key}/x", {"Host": host}, "GET"),
    ]
    assert [status_of(exchange(endpoint, each)) for each in changed] == [403] * len(changed)


def signed_by(sandbox: Sandbox, part: str, headers: dict[str, str], **changes: Any) -> bytes:
    """Return a part's request with these headers, signed by a signer with changed methods."""
    endpoint = endpoint_of(sandbox, part)
    host = f"127.0.0.1:{port_of(endpoint)}"
    method, given, body = operation(sandbox, part, host)
    service = given["Authorization"].split("/")[3]
    kept = {name: value for name, value in given.items() if name in ("Content-Type", "X-Amz-Target")}
    signed = AWSRequest(method, f"http://{host}{path_of(part)}", data=body, headers={**kept, **headers})
    signer = type("Signer", (SigV4Auth,), changes)
    signer(keys_of(sandbox.credentials), service, REGION).add_auth(signed)
    sent = {"Host": host, **dict(signed.headers.items()), "Content-Length": str(len(body))}
    return head(path_of(part), sent, method) + body


AWS_PARTS = [part for part in PORTS if part != "page"]


@pytest.mark.parametrize("part", AWS_PARTS)
def test_body_is_always_signed_but_for_s3(sandbox: Sandbox, part: str) -> None:
    digest = "UNSIGNED-PAYLOAD"
    sent = signed_by(sandbox, part, {"X-Amz-Content-SHA256": digest}, payload=lambda *_: digest)
    assert status_of(exchange(endpoint_of(sandbox, part), sent)) == 403


@pytest.mark.parametrize("part", AWS_PARTS)
def test_host_and_headers_of_aws_have_to_be_signed(sandbox: Sandbox, part: str) -> None:
    def without(name: str) -> Any:
        def headers_to_sign(signer: Any, request: Any) -> Any:
            headers = SigV4Auth.headers_to_sign(signer, request)
            del headers[name]
            return headers

        return headers_to_sign

    for name, message in (
        ("host", b"headers which are not signed: host"),
        ("x-amz-meta-a", b"headers which are not signed: x-amz-meta-a"),
    ):
        sent = signed_by(sandbox, part, {"X-Amz-Meta-A": "a"}, headers_to_sign=without(name))
        received = exchange(endpoint_of(sandbox, part), sent)
        assert status_of(received) == 403
        assert message in received
    added = answer_to(sandbox, part, X_Amz_Invocation_Type="DryRun")
    assert status_of(added) == 403


@pytest.mark.parametrize("part", AWS_PARTS)
def test_signed_date_takes_the_place_of_that_of_aws(sandbox: Sandbox, part: str) -> None:
    sent = signed_by(sandbox, part, {"Date": "now"})
    assert b"x-amz-date" not in sent.lower()
    assert status_of(exchange(endpoint_of(sandbox, part), sent)) == 200
    old = re.sub(rb"Date: [^\r]*", b"Date: Mon, 01 Jan 2024 00:00:00 GMT", sent)
    assert status_of(exchange(endpoint_of(sandbox, part), old)) == 403
    broken = re.sub(rb"Date: [^\r]*", b"Date: yesterday", sent)
    assert status_of(exchange(endpoint_of(sandbox, part), broken)) == 403


def test_own_requests_need_the_credentials(sandbox: Sandbox) -> None:
    for part, path in (("sagemaker", "/sandbox/behaviour"), ("functions", "/sandbox/invocations")):
        url = sandbox.endpoints[part] + path
        assert request(url, headers={"Authorization": sandbox.credentials.basic}).status == 200
        assert request(url, headers={"Authorization": OTHER.basic}).status == 403
    for part in ("sagemaker", "cloudformation"):
        url = sandbox.endpoints[part] + "/sandbox/reset"
        assert request(url, "POST").status == 403
        assert request(url, "POST", headers={"Authorization": sandbox.credentials.basic}).status == 200


@pytest.mark.parametrize("service", ["cloudformation", "cloudcontrol", "lambda", "sagemaker", "sts"])
def test_credentials_of_the_local_sts_are_good_everywhere(sandbox: Sandbox, service: str) -> None:
    with closing(sandbox.client("sts")) as sts:
        keys = sts.assume_role(RoleArn=ROLE, RoleSessionName="session")["Credentials"]
    given = {
        "aws_access_key_id": keys["AccessKeyId"],
        "aws_secret_access_key": keys["SecretAccessKey"],
        "aws_session_token": keys["SessionToken"],
    }
    calls: dict[str, Any] = {name: (call, {}) for name, call in REFUSALS}
    calls["lambda"] = ("invoke", {"FunctionName": "TypeFunction"})
    call, arguments = calls[service]
    with closing(sandbox.client(service, **given)) as client:
        getattr(client, call)(**arguments)
    with (
        closing(sandbox.client(service, **given | {"aws_session_token": None})) as client,
        pytest.raises(ClientError, match="security token included in the request is invalid"),
    ):
        getattr(client, call)(**arguments)
    given["aws_secret_access_key"] = OTHER.secret_key
    with (
        closing(sandbox.client(service, **given)) as client,
        pytest.raises(ClientError, match="does not match the signature"),
    ):
        getattr(client, call)(**arguments)


SESSIONS: dict[str, tuple[str, dict[str, str]]] = {
    "a role": ("assume_role", {"RoleArn": ROLE, "RoleSessionName": "session"}),
    "a session": ("get_session_token", {}),
    "a federated user": ("get_federation_token", {"Name": "user"}),
}


@cases("operation, arguments", SESSIONS)
def test_sessions_have_credentials_of_their_own(
    sandbox: Sandbox, operation: str, arguments: dict[str, str]
) -> None:
    with closing(sandbox.client("sts")) as sts:
        first, second = (getattr(sts, operation)(**arguments)["Credentials"] for _ in range(2))
    assert first["AccessKeyId"] != second["AccessKeyId"]
    for keys in (first, second):
        access = {
            "aws_access_key_id": keys["AccessKeyId"],
            "aws_secret_access_key": keys["SecretAccessKey"],
            "aws_session_token": keys["SessionToken"],
        }
        for service, name in REFUSALS:
            if service != "lambda":
                with closing(sandbox.client(service, **access)) as client:
                    getattr(client, name)()


def test_sessions_for_tokens_of_others_are_refused(sandbox: Sandbox) -> None:
    """AWS answers these requests, which are not signed, to those who have a token of an identity provider."""
    identity = {"RoleArn": ROLE, "RoleSessionName": "session", "WebIdentityToken": "token"}
    with closing(sandbox.client("sts")) as sts, pytest.raises(ClientError, match="Missing Authentication"):
        sts.assume_role_with_web_identity(**identity)


def test_keys_that_cannot_be_looked_up_are_no_unknown_ones() -> None:
    """SDKs try again after an error of a server that is busy, and not after that of an unknown key."""
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        nowhere = f"http://127.0.0.1:{free.getsockname()[1]}"
    access = Access(Credentials.new(), issuer=nowhere)
    with LocalServer(Echo, guard=issued_guard(access)) as server:
        for credentials, status in ((access.credentials, 200), (OTHER, 503)):
            signed = sign_post(server.endpoint, b"{}", credentials, "lambda")
            assert request(server.endpoint, "POST", b"{}", signed).status == status


def test_keys_of_users_are_good_while_they_are_active(sandbox: Sandbox) -> None:
    user = {"UserName": "user"}
    with closing(sandbox.client("iam")) as iam:
        iam.create_user(**user)
        key = iam.create_access_key(**user)["AccessKey"]
        access = {
            "aws_access_key_id": key["AccessKeyId"],
            "aws_secret_access_key": key["SecretAccessKey"],
        }
        of_user = {**user, "AccessKeyId": key["AccessKeyId"]}
        with ExitStack() as stack:
            clients = [
                (stack.enter_context(closing(sandbox.client(service, **access))), name)
                for service, name in REFUSALS
                if service != "lambda"
            ]
            for client, name in clients:
                getattr(client, name)()
            iam.update_access_key(**of_user, Status="Inactive")
            for client, name in clients:
                with pytest.raises(ClientError, match=r"token included|that it has printed"):
                    getattr(client, name)()
            iam.update_access_key(**of_user, Status="Active")
            for client, name in clients:
                getattr(client, name)()
            iam.delete_access_key(**of_user)
            for client, name in clients:
                with pytest.raises(ClientError, match=r"token included|that it has printed"):
                    getattr(client, name)()


@pytest.mark.parametrize("part", S3_PARTS)
@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_sessions_presign(sandbox: Sandbox, part: str, version: str) -> None:
    with closing(sandbox.client("sts")) as sts:
        keys = sts.assume_role(RoleArn=ROLE, RoleSessionName="session")["Credentials"]
    given = {
        "endpoint_url": sandbox.endpoints[part],
        "aws_access_key_id": keys["AccessKeyId"],
        "aws_secret_access_key": keys["SecretAccessKey"],
        "aws_session_token": keys["SessionToken"],
    }
    settings: Any = {"signature_version": version, "proxies": {}}
    with (
        closing(sandbox.client("s3", **given)) as s3,
        closing(sandbox.client("s3", **given, config=Config(**settings))) as signer,
    ):
        s3.create_bucket(Bucket=BUCKET)
        where = {"Bucket": BUCKET, "Key": "key"}
        url = signer.generate_presigned_url("put_object", Params=where)
        assert request(url, "PUT", b"body").status == 200
        assert request(signer.generate_presigned_url("get_object", Params=where)).body == b"body"


@pytest.mark.parametrize("part", [part for part in PORTS if part != "page"])
@cases(
    "ago, is_answered",
    {
        "now": (0, True),
        "of a clock that is late": (800, True),
        "of a clock that is early": (-800, True),
        "of before": (1_000, False),
        "of later": (-1_000, False),
    },
)
def test_signature_is_good_for_a_while(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, part: str, ago: int, is_answered: bool
) -> None:
    made = datetime.now(UTC) - timedelta(seconds=ago)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: made)
    received = answer_to(sandbox, part)
    assert status_of(received) == (200 if is_answered else 403)
    assert (b"Request has expired, or is not valid yet" in received) is not is_answered


@pytest.mark.parametrize("part", S3_PARTS)
@cases(
    "headers, target",
    {
        "version 2": ({"Authorization": "AWS key:signature", "Date": "today"}, "/bucket/key"),
        "version 4 of several regions": (
            {"Authorization": f"{MULTI_REGION} Credential=k/20260101/s3/aws4_request, Signature=x"},
            "/bucket/key",
        ),
        "the same, in an address": (
            {},
            f"/bucket/key?X-Amz-Algorithm={MULTI_REGION}&X-Amz-Credential=k/20260101/s3/aws4_request"
            "&X-Amz-Date=20260101T000000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=x",
        ),
    },
)
def test_other_signatures_are_refused_in_words(
    sandbox: Sandbox, part: str, headers: dict[str, str], target: str
) -> None:
    sent = head(target, {"Host": "localhost", **headers}, "GET")
    received = exchange(sandbox.endpoints[part], sent)
    assert status_of(received) == 403
    assert b"not one of AWS4-HMAC-SHA256" in received


ODD_HEADS = {
    "cookies that are no text": {"Cookie": 'sandbox-1="\\377\xff"; sandbox-2=\xed\xa0\x80'},
    "credentials that are no text": {"Authorization": "Basic \xff\xfe"},
    "a signature that is no text": {
        "Authorization": "AWS4-HMAC-SHA256 Credential=\xe9/1/2/3/4, SignedHeaders=\xe9;;, Signature=00",
        "X-Amz-Date": "20260101T000000Z",
    },
    "a type that is no text": {"Content-Type": "\xff\xfe"},
}


@pytest.mark.parametrize("part", PORTS)
@cases("headers", ODD_HEADS)
def test_odd_head_is_refused(sandbox: Sandbox, part: str, headers: dict[str, str]) -> None:
    for target in (
        "/",
        "/?token=%ed%b0%80%ff",
        "/?X-Amz-Signature=%ff&X-Amz-Algorithm=x",
        "/sandbox/secrets/%ff",
    ):
        sent = head(target, {"Host": "localhost", **headers}, "GET")
        assert status_of(exchange(endpoint_of(sandbox, part), sent)) == 403


@pytest.mark.parametrize("part", S3_PARTS)
@pytest.mark.parametrize("version", ["s3", "s3v4"])
@pytest.mark.parametrize("style", ["path", "virtual"])
def test_presigned_addresses_are_answered(sandbox: Sandbox, part: str, version: str, style: str) -> None:
    key = "a b/ü+&=?~(1)*'.txt"
    endpoint = sandbox.endpoints[part]
    settings: Any = {"signature_version": version, "s3": {"addressing_style": style}, "proxies": {}}
    named = endpoint.replace("127.0.0.1", "localhost")
    with (
        closing(sandbox.client("s3", endpoint_url=endpoint)) as s3,
        closing(sandbox.client("s3", endpoint_url=named, config=Config(**settings))) as signer,
    ):
        s3.create_bucket(Bucket=BUCKET)
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"body")
        where = {"Bucket": BUCKET, "Key": key}
        url = signer.generate_presigned_url("get_object", Params=where)
        over = signer.generate_presigned_url("get_object", Params=where, ExpiresIn=-1)
        other = signer.generate_presigned_url("get_object", Params={**where, "Key": "other"})
    assert (f"//{BUCKET}.localhost" in url) is (style == "virtual")

    def get(address: str) -> tuple[int, bytes]:
        parts = urllib.parse.urlsplit(address)
        # No resolver is needed: the name is in the header alone.
        answer = request(
            parts._replace(netloc=f"127.0.0.1:{parts.port}").geturl(), headers={"Host": parts.netloc}
        )
        return answer.status, answer.body

    assert get(url) == (200, b"body")
    assert get(over)[0] == 403
    replaced = other.replace("/other?", urllib.parse.urlsplit(url).path.removeprefix(f"/{BUCKET}") + "?")
    status, body = get(replaced)
    assert (status, b"SignatureDoesNotMatch" in body) == (403, True)


@pytest.mark.parametrize("part", S3_PARTS)
def test_uploads_in_parts_and_with_unsigned_bodies_are_taken(sandbox: Sandbox, part: str) -> None:
    endpoint = sandbox.endpoints[part]
    unsigned = Config(proxies={}, s3={"payload_signing_enabled": False})
    large = os.urandom(9_000_000)
    with (
        closing(sandbox.client("s3", endpoint_url=endpoint)) as s3,
        closing(sandbox.client("s3", endpoint_url=endpoint, config=unsigned)) as other,
    ):
        s3.create_bucket(Bucket=BUCKET)
        s3.upload_fileobj(io.BytesIO(large), BUCKET, "large")
        other.put_object(Bucket=BUCKET, Key="small", Body=b"small", ChecksumAlgorithm="CRC32")
        assert s3.get_object(Bucket=BUCKET, Key="large")["Body"].read() == large
        assert other.get_object(Bucket=BUCKET, Key="small")["Body"].read() == b"small"


def test_unsigned_trailing_stream_is_taken(sandbox: Sandbox) -> None:
    """As SDKs send streams of unknown length: in chunks, with a checksum behind them."""
    endpoint = sandbox.endpoints["sagemaker"]
    with closing(sandbox.client("s3")) as s3:
        s3.create_bucket(Bucket=BUCKET)
    given = {
        "Host": f"127.0.0.1:{port_of(endpoint)}",
        "Content-Encoding": "aws-chunked",
        "X-Amz-Decoded-Content-Length": "5",
        "X-Amz-Trailer": "x-amz-checksum-crc32",
    }
    signed = AWSRequest("PUT", f"{endpoint}/{BUCKET}/stream", headers=given)
    signed.context["checksum"] = {"request_algorithm": {"in": "trailer"}}
    S3SigV4Auth(keys_of(sandbox.credentials), "s3", REGION).add_auth(signed)
    assert signed.headers["X-Amz-Content-SHA256"] == "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
    body = b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n"
    headers = {**dict(signed.headers.items()), "Transfer-Encoding": "chunked"}
    framed = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:7], body[7:])) + b"0\r\n\r\n"
    received = exchange(endpoint, head(f"/{BUCKET}/stream", headers, "PUT") + framed)
    assert status_of(received) == 200, received
    with closing(sandbox.client("s3")) as s3:
        assert s3.get_object(Bucket=BUCKET, Key="stream")["Body"].read() == b"hello"


def test_declared_digest_is_that_of_the_body(sandbox: Sandbox) -> None:
    endpoint = sandbox.endpoints["sagemaker"]
    with closing(sandbox.client("s3", endpoint_url=endpoint)) as s3:
        s3.create_bucket(Bucket=BUCKET)
        sent: list[Any] = []
        s3.meta.events.register("before-send.s3.PutObject", lambda request, **_: sent.append(request))
        s3.put_object(Bucket=BUCKET, Key="key", Body=b"signed")
    headers = {
        name: str(value, "latin-1") if isinstance(value, bytes) else value
        for name, value in sent[0].headers.items()
    }
    headers |= {"Host": f"127.0.0.1:{port_of(endpoint)}", "Content-Length": "6"}
    headers.pop("Expect", None)
    path = urllib.parse.urlsplit(sent[0].url).path
    assert status_of(exchange(endpoint, head(path, headers, "PUT") + b"signed")) == 200
    assert status_of(exchange(endpoint, head(path, headers, "PUT") + b"forged")) == 403
    assert hashlib.sha256(b"signed").hexdigest() in headers.values()


def test_credentials_are_new_for_each_sandbox() -> None:
    first, second = Credentials.new(), Credentials.new()
    assert first != second
    assert len(first.access_key) == 20
    assert len(first.secret_key) == 40
    assert first.secret_key not in repr(first)
    assert Sandbox().credentials != Sandbox().credentials


def test_credentials_are_in_no_command_line(sandbox: Sandbox) -> None:
    secret = sandbox.credentials.secret_key.encode()
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(path.read_bytes())
        except OSError:
            continue
    assert not [line for line in lines if secret in line]


def test_handlers_do_not_see_how_parts_get_the_credentials(fake_sandbox: Sandbox, awslambda: Any) -> None:
    import json

    with awslambda.invoke(FunctionName="Echo", Payload=b"{}")["Payload"] as payload:
        environment = json.loads(payload.read())["environment"]
    assert ACCESS_VARIABLE not in environment
    assert fake_sandbox.credentials.secret_key not in str(environment)


def test_program_without_credentials_does_not_start() -> None:
    for module in ("sandbox.registry", "sandbox.cloudcontrol"):
        arguments = ["--functions-endpoint", "http://127.0.0.1:9"] if module == "sandbox.cloudcontrol" else []
        done = subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-m", module, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert (done.returncode, ACCESS_VARIABLE in done.stderr) == (1, True)


@pytest.mark.parametrize("method", ["GET", "PUT", "OPTIONS", "GROW"])
def test_method_that_a_server_does_not_have_is_an_error_of_the_client(method: str) -> None:
    with LocalServer(JsonHandler) as server:
        answer = request(f"{server.endpoint}/models/a", method)
    assert answer.status == 400
    message = f"{method} /models/a is not on this machine"
    assert json.loads(answer.body) == {"__type": "UnknownOperationException", "message": message}


def test_request_that_is_not_one_of_http_is_answered_with_no_page(sandbox: Sandbox) -> None:
    for part in ("sagemaker", "functions", "cloudcontrol"):
        received = exchange(endpoint_of(sandbox, part), b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 200 + b"\r\n")
        assert status_of(received) == 431
        assert b'"__type": "SerializationException"' in received


def test_open_sandbox_answers_every_request() -> None:
    with Sandbox(engine=False, page=True, is_open=True) as sandbox:
        for part in ("page", "sagemaker", "functions", "cloudcontrol"):
            endpoint = endpoint_of(sandbox, part)
            foreign = {"Host": "elsewhere.example", "Origin": "http://elsewhere.example"}
            received = exchange(endpoint, head("/", {**foreign, "Content-Length": "0"}))
            assert b"403" not in received.split(b"\r\n")[0], part
            assert b"access-control" not in received.lower()
        given = {"aws_access_key_id": "any", "aws_secret_access_key": "any"}
        with closing(sandbox.client("sagemaker", **given)) as client:
            client.list_model_packages()
        assert request(f"{sandbox.page}/api/state").status == 200
        assert request(f"{sandbox.endpoints['sagemaker']}/sandbox/behaviour").status == 200


# --- what is not there ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        *("/moto-api/", "/moto-api/reset", "/moto-api/recorder/download-recording", "/moto-api/data.json"),
        *("/%6doto-api/reset", "//moto-api/reset", "/moto-api/recorder/start-recording"),
        *("/latest/meta-data/iam/security-credentials/", "/latest/api/token"),
    ],
)
def test_motos_own_addresses_are_not_there(sandbox: Sandbox, path: str) -> None:
    with closing(sandbox.client("sagemaker")) as client:
        client.create_model_package_group(ModelPackageGroupName="kept")
        url = f"{sandbox.endpoints['sagemaker']}{path}"
        for service in ("s3", "sagemaker"):
            answer = request(url, "POST", b"", sign_post(url, b"", sandbox.credentials, service))
            assert answer.status >= 400
            assert b"moto" not in answer.body.lower().replace(b"moto-api", b"")
        assert client.list_model_package_groups()["ModelPackageGroupSummaryList"]


@pytest.mark.parametrize(
    "path",
    [
        *("/_ministack/reset", "/_ministack/health", "/_ministack/config", "/_localstack/health", "/health"),
        *("/_ministack/cfn-signal/x", "/%5fministack/reset", "/_ministack/sqs/messages"),
    ],
)
def test_the_engines_own_addresses_are_not_there(sandbox: Sandbox, path: str) -> None:
    url = f"{sandbox.endpoints['cloudformation']}{path}"
    for method in ("GET", "POST"):
        assert request(url, method).status == 403
    answer = request(url, "POST", b"", sign_post(url, b"", sandbox.credentials, "cloudformation"))
    assert answer.status in (403, 404)


def test_address_of_custom_resources_is_not_there(sandbox: Sandbox) -> None:
    url = f"{sandbox.endpoints['cloudformation']}/_ministack/cfn-response/token"
    assert request(url, "PUT", b"{}").status == 403
    signed = AWSRequest("PUT", url, data=b"{}")
    SigV4Auth(keys_of(sandbox.credentials), "s3", REGION).add_auth(signed)
    answer = request(url, "PUT", b"{}", dict(signed.headers.items()))
    assert (answer.status, b"There is no such address" in answer.body) == (404, True)


def test_wait_conditions_are_signalled_at_their_handles(sandbox: Sandbox) -> None:
    """They stand for presigned addresses of S3, whose user has no credentials either."""
    waiting = {
        "Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
        "Wait": {
            "Type": "AWS::CloudFormation::WaitCondition",
            "Properties": {"Handle": {"Ref": "Handle"}, "Timeout": "30"},
        },
    }
    signal_body = json.dumps({"Status": "SUCCESS", "UniqueId": "1", "Reason": "done", "Data": ""}).encode()
    with closing(DeployedStacks(sandbox)) as deployed:
        name = new_name()
        deployed.client.create_stack(StackName=name, TemplateBody=json.dumps({"Resources": waiting}))
        until(lambda: deployed.events(name, "Wait"))
        url = deployed.arn(name, "Handle")
        address = urllib.parse.urlsplit(url)
        assert address.port == port_of(sandbox.endpoints["cloudformation"])
        url = address._replace(netloc=f"127.0.0.1:{address.port}").geturl()
        origin = {"Origin": "http://elsewhere.example"}
        assert request(url, "PUT", signal_body, origin).status == 403
        assert request(url, "PUT", signal_body, {"Host": "rebound.example"}).status == 403
        assert request(url, "POST", signal_body).status == 403
        assert request(f"{url}x", "PUT", signal_body).status == 404
        assert request(url, "PUT", b"", {"Content-Length": "9000000"}).status == 413
        assert request(url, "PUT", signal_body).status == 200
        assert deployed.wait(name) == "CREATE_COMPLETE"


@pytest.mark.parametrize("part", S3_PARTS)
def test_bucket_of_the_name_of_own_requests_is_a_bucket(sandbox: Sandbox, part: str) -> None:
    """What is signed is no request of the sandbox's own, whatever its path: an upload in parts no reset."""
    endpoint = sandbox.endpoints[part]
    with (
        closing(sandbox.client("s3", endpoint_url=endpoint)) as s3,
        closing(sandbox.client("sagemaker")) as sagemaker,
    ):
        sagemaker.create_model_package_group(ModelPackageGroupName="kept")
        s3.create_bucket(Bucket="sandbox")
        for key in ("reset", "behaviour"):
            upload = s3.create_multipart_upload(Bucket="sandbox", Key=key)["UploadId"]
            s3.abort_multipart_upload(Bucket="sandbox", Key=key, UploadId=upload)
            s3.put_object(Bucket="sandbox", Key=key, Body=b"of the bucket")
            where = {"Bucket": "sandbox", "Key": key}
            answer = request(s3.generate_presigned_url("get_object", Params=where))
            assert (answer.status, answer.body) == (200, b"of the bucket")
        assert sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"]
    basic = {"Authorization": sandbox.credentials.basic}
    for path in ("/sandbox", "/sandbox/", "/sandbox/../sandbox", "/sandbox/other"):
        assert request(endpoint + path, headers=basic).status in (403, 404)


# --- bounds -----------------------------------------------------------------------------------------


class Echo(JsonHandler):
    max_body_bytes = 100

    def post(self) -> None:
        self.answer(200, self.body())

    get = post


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds that pass in a moment."""
    for name in ("HEAD_SECONDS", "BODY_SECONDS", "SKIP_SECONDS"):
        monkeypatch.setattr(guarded_handler, name, 0.2)


@pytest.fixture
def echo() -> Iterator[str]:
    with LocalServer(Echo) as server:
        yield server.endpoint


HOST_LINE = b"POST / HTTP/1.1\r\nHost: localhost\r\n"
CHUNKED = HOST_LINE + b"Transfer-Encoding: chunked\r\n\r\n"
BROKEN = {
    "a negative length": (HOST_LINE + b"Content-Length: -1\r\n\r\n", 400),
    "a length that is none": (HOST_LINE + b"Content-Length: 1e3\r\n\r\n", 400),
    "a length of other digits": (HOST_LINE + "Content-Length: \u00b2\r\n\r\n".encode("latin-1"), 400),
    "two lengths": (HOST_LINE + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nx", 400),
    "a length and chunks": (HOST_LINE + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx", 400),
    "an unknown encoding": (HOST_LINE + b"Transfer-Encoding: gzip\r\n\r\n", 400),
    "a huge length": (HOST_LINE + b"Content-Length: 99999999999999999\r\n\r\n", 413),
    "too many digits": (HOST_LINE + b"Content-Length: " + b"9" * 500 + b"\r\n\r\n", 400),
    "a body that is too long": (HOST_LINE + b"Content-Length: 101\r\n\r\n" + b"x" * 101, 413),
    "chunks that are too long": (CHUNKED + b"40\r\n" + b"x" * 64 + b"\r\n40\r\n", 413),
    "a huge chunk": (CHUNKED + b"ffffffffff\r\n", 413),
    "chunks that are none": (CHUNKED + b"xyz\r\n", 400),
    "a line of chunks without end": (CHUNKED + b"0" * 5_000, 400),
    "a body that is too slow": (HOST_LINE + b"Content-Length: 5\r\n\r\nxx", 408),
    "chunks that are too slow": (CHUNKED + b"5\r\nxx", 408),
    "a head that is too slow": (HOST_LINE, 408),
    "a line that is too slow": (b"PO", 408),
}


@pytest.mark.usefixtures("quick")
@cases("sent, status", BROKEN)
def test_body_is_bounded(echo: str, sent: bytes, status: int) -> None:
    assert status_of(exchange(echo, sent)) == status


@pytest.mark.usefixtures("quick")
def test_body_that_drips_is_bounded(echo: str) -> None:
    """Each byte comes in time, and all of them would not."""
    began = time.monotonic()
    with closing(socket.create_connection(("127.0.0.1", port_of(echo)), timeout=SECONDS)) as connection:
        connection.sendall(HOST_LINE + b"Content-Length: 100\r\n\r\n")
        connection.settimeout(0.05)
        received = b""
        while not received:
            try:
                received = connection.recv(1024)
            except TimeoutError:
                connection.sendall(b"x")
    assert status_of(received) == 408
    assert time.monotonic() - began < 3


def test_body_that_ends_early_is_refused(echo: str) -> None:
    assert status_of(exchange(echo, HOST_LINE + b"Content-Length: 50\r\n\r\nxx", ends=True)) == 400


@pytest.mark.parametrize(
    "body", [b"5\r\nhello\r\n0\r\n\r\n", b"2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\nTrailer: x\r\n\r\n"]
)
def test_body_in_chunks_is_read(echo: str, body: bytes) -> None:
    received = exchange(echo, CHUNKED + body)
    assert received.startswith(b"HTTP/1.1 200 ")
    assert received.endswith(b"\r\n\r\nhello")


def test_connection_is_kept_after_a_refusal_that_left_nothing_unread() -> None:
    access = Access(OTHER)
    with (
        LocalServer(Echo, guard=Guard(access)) as server,
        closing(http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=SECONDS)) as connection,
    ):
        url = f"{server.endpoint}/"
        for credentials, status in ((OTHER, 200), (Credentials(OTHER.access_key, "x"), 403), (OTHER, 200)):
            connection.request("POST", "/", b"{}", sign_post(url, b"{}", credentials, "lambda"))
            with connection.getresponse() as response:
                assert response.status == status
                response.read()


@pytest.mark.usefixtures("quick")
def test_idle_connection_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Echo, "idle_seconds", 0.05)
    with LocalServer(Echo) as server:
        assert exchange(server.endpoint, b"") == b""


@pytest.mark.usefixtures("quick")
def test_bounds_hold_for_the_servers_of_applications() -> None:
    with PageServer(dict) as server:
        for sent, status in (
            (HOST_LINE + b"Content-Length: 70000\r\n\r\n", 413),
            (HOST_LINE + b"Content-Length: 5\r\n\r\nxx", 408),
            (HOST_LINE + b"Content-Length: -1\r\n\r\n", 400),
            (HOST_LINE, 408),
        ):
            assert status_of(exchange(server.endpoint, sent)) == status


async def _nothing(*_: Any) -> None:
    """Stands for the engine."""
    raise AssertionError("the request was passed on")


@cases(
    "headers, messages, status",
    {
        "a body that is too long": ([("content-length", "999999999999")], [b""], 413),
        "chunks that are too long": ([], [b"x" * 60, b"x" * 60], 413),
        "chunks that are longer than a length": ([("content-length", "5")], [b"x" * 60, b"x" * 60], 413),
        "a body that is too slow": ([("content-length", "5")], [b"xx", None], 408),
    },
)
def test_bounds_hold_for_the_engine(
    monkeypatch: pytest.MonkeyPatch,
    headers: list[tuple[str, str]],
    messages: list[bytes | None],
    status: int,
) -> None:
    import asyncio

    monkeypatch.setattr(guarded_application, "MAX_OBJECT_BYTES", 100)
    monkeypatch.setattr(guarded_application, "BODY_SECONDS", 0.05)
    monkeypatch.setattr(guarded_application, "SKIP_SECONDS", 0.05)
    left = list(messages)
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        body = left.pop(0) if left else None
        if body is None:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": body, "more_body": True}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "path": "/",
        "raw_path": b"/",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in [("host", "localhost"), *headers]],
    }
    asyncio.run(GuardedApplication(_nothing, Guard())(scope, receive, send))
    assert [each.get("status") for each in sent] == [status, None]


def test_engine_ends_a_head_that_does_not_end(sandbox: Sandbox) -> None:
    received = exchange(sandbox.endpoints["cloudformation"], b"GET / HT", ends=True)
    assert received == b"" or received.split()[1] == b"400"


@cases(
    "sent, status",
    {
        "a connection to another protocol": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        "an upgrade": (
            b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings, close\r\n"
            b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n",
            403,
        ),
    },
)
def test_engine_speaks_no_http2(sandbox: Sandbox, sent: bytes, status: int) -> None:
    """Hypercorn has no deadlines for its connections."""
    assert status_of(exchange(sandbox.endpoints["cloudformation"], sent)) == status


ENGINE_WITH_QUICK_BOUNDS = """
import sys
from sandbox.cloudformation import __main__ as engine
engine.HEAD_SECONDS = 0.3
engine.main(sys.argv[1:])
"""


def test_engine_ends_heads_that_are_too_slow(tmp_path: Path) -> None:
    """However their bytes drip, and with an answer where one has begun."""
    arguments = ["--exit-with-stdin", "--functions-endpoint", "http://127.0.0.1:9"]
    command = [str(engine_python()), "-c", ENGINE_WITH_QUICK_BOUNDS, *arguments]
    env = clean_environment(**Access(OTHER).variables())
    child = Child("engine", command, env=env, cwd=ROOT, log=tmp_path / "log")
    try:
        endpoint = child.start()["endpoint"]
        for begun, answer in ((b"GET / HT", b"HTTP/1.1 408 "), (HOST_LINE, b"HTTP/1.1 408 "), (b"", b"")):
            began = time.monotonic()
            with closing(socket.create_connection(("127.0.0.1", port_of(endpoint)))) as connection:
                connection.settimeout(0.05)
                received, left = None, begun
                while received is None:
                    connection.sendall(left[:1])
                    left = left[1:]
                    try:
                        received = connection.recv(13)
                    except TimeoutError:
                        assert time.monotonic() - began < SECONDS
            assert received == answer
    finally:
        child.stop()


# --- connections of a busy moment -------------------------------------------------------------------


def connect(endpoint: str) -> socket.socket:
    """Connect at once, or fail: a connection that was dropped is tried again after a second."""
    return socket.create_connection(("127.0.0.1", port_of(endpoint)), timeout=0.5)


def test_server_takes_many_connections_at_once() -> None:
    """Before the server accepts any: with a queue of 5, most could not be made."""
    count = 300
    server = LocalServer(Echo)
    with ExitStack() as stack:
        stack.callback(server.server_close)
        connections = [stack.enter_context(closing(connect(server.endpoint))) for _ in range(count)]
        with server:
            for each in connections:
                each.settimeout(SECONDS)
                each.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            assert [each.recv(12) for each in connections] == [b"HTTP/1.1 200"] * count
    assert count < BACKLOG


def test_every_part_takes_many_connections_at_once(tmp_path: Path) -> None:
    """With all processes of the sandbox halted, so that none accepts a connection."""
    state = tmp_path / "state"
    count = 150
    command = [sys.executable, "-m", "sandbox", "start", "--json", "--state", str(state)]
    with subprocess.Popen(  # noqa: S603 - our own program
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        sandbox = find_sandbox(state)
        children = Path(f"/proc/{process.pid}/task").glob("*/children")
        processes = [process.pid, *(int(each) for path in children for each in path.read_text().split())]
        try:
            for endpoint in (str(sandbox.page), *sandbox.endpoints.values()):
                with ExitStack() as stack:
                    for each in processes:
                        os.kill(each, signal.SIGSTOP)
                    try:
                        connections = [stack.enter_context(closing(connect(endpoint))) for _ in range(count)]
                    finally:
                        for each in processes:
                            os.kill(each, signal.SIGCONT)
                    for connection in connections:
                        connection.settimeout(SECONDS)
                        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    assert {connection.recv(12) for connection in connections} == {b"HTTP/1.1 403"}
        finally:
            process.terminate()
        assert process.wait(SECONDS) == 0


# --- private files ----------------------------------------------------------------------------------


def test_logs_are_private(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    older = tmp_path / "older"
    older.touch(mode=0o644)
    older.chmod(0o644)
    with older.open() as opened, open_private(older) as log:  # opened by another user, perhaps
        log.write(b"a secret")
        log.flush()
        assert opened.read() == ""
    assert older.stat().st_mode & 0o777 == 0o600
    with open_private(older) as log:
        log.write(b" and more")
    assert older.read_bytes() == b"a secret and more"
    with Sandbox(sagemaker=False, engine=False, logs=logs):
        modes = {path.name: path.stat().st_mode & 0o777 for path in logs.iterdir()}
    assert modes == {"functions.log": 0o600, "cloudcontrol.log": 0o600}


def test_log_that_is_a_link_is_refused(tmp_path: Path) -> None:
    target, link, hard = (tmp_path / name for name in ("target", "link", "hard"))
    target.touch(mode=0o600)
    link.symlink_to(target)
    with pytest.raises(OSError, match="symbolic links"):
        open_private(link)
    hard.hardlink_to(target)
    with open_private(hard) as log:
        log.write(b"a secret")
    assert target.read_bytes() == b""


def test_log_that_is_a_device_stays_as_it_is() -> None:
    device = Path(os.devnull)
    before = device.stat().st_mode
    open_private(device).close()
    assert device.stat().st_mode == before


def test_state_file_is_private(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "state"
    path.touch(mode=0o666)
    path.chmod(0o666)
    umask = os.umask(0)
    try:
        with path.open() as opened, StateFile(path) as state_file:  # opened by another user, perhaps
            state_file.write(RunningSandbox.of(sandbox))
            assert path.stat().st_mode & 0o777 == 0o600
            assert find_sandbox(path).credentials == sandbox.credentials
            assert opened.read() == ""
    finally:
        os.umask(umask)
