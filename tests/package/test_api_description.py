"""The shipped API descriptions and the clients made from them, compared with botocore's own."""

from __future__ import annotations

import datetime
import json
import re
import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import botocore.auth
import pytest
from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from botocore.handlers import BUILTIN_HANDLERS
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, Shape
from botocore.session import Session
from botocore.utils import parse_timestamp
from cloudformation_cli_python_lib.utils import Credentials

from aws_sagemaker_modelpackage import client
from aws_sagemaker_modelpackage.deadline import Deadline
from packager import api_description

CREDENTIALS = Credentials("AKIDEXAMPLE", "not a secret", "session")
OPERATIONS = [
    pytest.param(service, operation, id=operation)
    for service, names in api_description.operations().items()
    for operation in names
]
ATTEMPTS = {"mode": "standard", "total_max_attempts": 3}
SERVICES = list(api_description.operations())


@pytest.fixture(autouse=True)
def fresh_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Clear what `client` caches for a process, because tests change the environment."""
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    client._in.cache_clear()
    yield
    client._in.cache_clear()


def ours(service: str, region: str = "us-east-1", credentials: Credentials = CREDENTIALS) -> BaseClient:
    """A client as the handlers make it."""
    return client.connect(service, credentials, region, Deadline(28), client.Attempts(2, 5, 3))


@cache
def stock_session() -> Session:
    """A plain session of botocore; one for all tests, because it takes long to read the descriptions."""
    return Session()


def stock(
    service: str, region: str = "us-east-1", session: Session | None = None, **config: Any
) -> BaseClient:
    return (session or stock_session()).create_client(
        service,
        region_name=region,
        aws_access_key_id=CREDENTIALS.accessKeyId,
        aws_secret_access_key=CREDENTIALS.secretAccessKey,
        aws_session_token=CREDENTIALS.sessionToken,
        config=Config(**config),
    )


def private(made: BaseClient) -> Any:
    """The client, for its private attributes, which the stubs lack."""
    return made


def test_files_are_the_committed_ones() -> None:
    committed = {
        str(path.relative_to(api_description.TARGET)): path.read_text(encoding="utf-8")
        for path in api_description.TARGET.rglob("*")
        if path.is_file()
    }
    fresh = api_description.files()
    differing = sorted(name for name in committed | fresh if committed.get(name) != fresh.get(name))
    assert not differing, f"run `make generate` and commit: {', '.join(differing)}"


def test_operations_of_sagemaker_are_those_in_the_permissions() -> None:
    # A new one: a permission in the schema, execution-role.yaml, and here.
    assert api_description.operations()["sagemaker"] == (
        "AddTags",
        "CreateModelPackage",
        "DeleteModelPackage",
        "DeleteTags",
        "DescribeModelPackage",
        "ListModelPackages",
        "ListTags",
        "UpdateModelPackage",
    )


def model(service: str, loader: Loader) -> ServiceModel:
    return ServiceModel(loader.load_service_model(service, "service-2"), service)


def shipped() -> Loader:
    """A loader of only the shipped descriptions."""
    return Loader(extra_search_paths=[client.API_DESCRIPTIONS], include_default_search_paths=False)


def tree(shape: Shape | None, above: tuple[str, ...] = ()) -> Any:
    """A shape and all that it reaches, as plain data: types, limits, serialization."""
    if shape is None or shape.name in above:
        return shape and shape.name
    above = (*above, shape.name)
    known = {name: value for name, value in vars(shape)["_shape_model"].items() if name != "documentation"}
    known.pop("members", None)
    parts = {name: tree(part, above) for name, part in getattr(shape, "members", {}).items()}
    for name in ("member", "key", "value"):
        part = getattr(shape, name, None)
        if isinstance(part, Shape):
            parts[name] = tree(part, above)
    return {"name": shape.name, "known": known, "parts": parts, "as": dict(shape.serialization)}


def operation_tree(operation: OperationModel) -> Any:
    return {
        "http": operation.http,
        "input": tree(operation.input_shape),
        "output": tree(operation.output_shape),
        "errors": [tree(error) for error in operation.error_shapes],
        "idempotent": operation.idempotent_members,
    }


@pytest.mark.parametrize("service", SERVICES)
def test_shipped_description_has_the_operations_and_shapes_of_botocore_in_use(service: str) -> None:
    cut, whole = model(service, shipped()), model(service, Loader())
    names = sorted(cut.operation_names)
    assert names == sorted(api_description.operations()[service])
    ours, stock = (
        json.dumps([operation_tree(each.operation_model(name)) for name in names], default=str)
        for each in (cut, whole)
    )
    if ours != stock:
        pytest.fail("the descriptions in api/ are not botocore's: run `make generate` and commit")
    assert cut.metadata == whole.metadata
    assert [name for name in cut.shape_names if f'"name": "{name}"' not in ours] == []


def test_shipped_descriptions_have_no_documentation() -> None:
    for path in api_description.TARGET.rglob("*.json"):
        text = path.read_text(encoding="utf-8")
        assert '"documentation"' not in text, path
        assert "<p>" not in text, path


def test_files_raises_for_an_unknown_operation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(api_description.LIBRARY_OPERATIONS, "logs", ("PutLogEvents", "PutLogEvent"))
    with pytest.raises(KeyError, match="PutLogEvent'"):
        api_description.files()


def test_main_removes_stale_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    target = tmp_path / "api"
    (target / "sagemaker" / "2016-01-01").mkdir(parents=True)
    stale = target / "sagemaker" / "2016-01-01" / "service-2.json"
    stale.write_text("{}")
    monkeypatch.setattr(api_description, "TARGET", target)
    monkeypatch.setattr(api_description, "ROOT", tmp_path)
    assert api_description.main() == 0
    assert not stale.exists()
    assert {str(path.relative_to(target)) for path in target.rglob("*.json")} == set(api_description.files())


def test_connect_uses_the_shipped_description_of_each_service() -> None:
    for service, names in api_description.operations().items():
        made = ours(service)
        assert sorted(made.meta.service_model.operation_names) == sorted(names)
        assert private(made)._service_model.service_name == service


def test_connect_without_descriptions_uses_those_of_botocore(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(client, "API_DESCRIPTIONS", str(tmp_path / "absent"))
    made = ours("sagemaker")
    assert "CreateTrainingJob" in made.meta.service_model.operation_names
    assert made.meta.endpoint_url == "https://api.sagemaker.us-east-1.amazonaws.com"


def test_connect_prefers_descriptions_in_the_data_path(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    theirs = tmp_path / "sagemaker" / "2017-07-24"
    shutil.copytree(Path(client.API_DESCRIPTIONS) / "sagemaker" / "2017-07-24", theirs)
    description = json.loads((theirs / "service-2.json").read_text())
    del description["operations"]["AddTags"]
    (theirs / "service-2.json").write_text(json.dumps(description))
    monkeypatch.setenv("AWS_DATA_PATH", str(tmp_path))
    assert "AddTags" not in ours("sagemaker").meta.service_model.operation_names


REGIONS = sorted(
    {
        region
        for partition in Session().get_available_partitions()
        for region in Session().get_available_regions("sagemaker", partition, allow_non_regional=True)
    }
    | {"eu-isoe-west-1", "us-moon-1"}
)


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize(
    "variant",
    ["", "AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"],
    ids=["plain", "fips", "dual-stack"],
)
def test_connect_has_endpoints_and_signatures_of_the_stock_client(
    service: str, variant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(REGIONS) > 30
    if variant:
        monkeypatch.setenv(variant, "true")
    routes = [{region: route(make, service, region) for region in REGIONS} for make in (ours, stock)]
    assert routes[0] == routes[1]
    assert ("fips" in str(routes[0]["eu-west-1"])) == (variant == "AWS_USE_FIPS_ENDPOINT")


def route(make: Callable[..., BaseClient], service: str, region: str) -> tuple[str, ...]:
    """A client's endpoint and what it signs with (name, region, version), or why there is no client."""
    try:
        made = make(service, region)
    except BotoCoreError as error:
        return (repr(error),)
    signer = private(made)._request_signer
    return (made.meta.endpoint_url, signer.signing_name, signer.region_name, signer.signature_version)


class NotSent(Exception):
    """Ends a call before its request is sent."""


def request_of(made: BaseClient, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """The request that a client would send."""
    kept: dict[str, Any] = {}

    def keep(request: Any, **_: Any) -> None:
        kept.update(
            method=request.method, url=request.url, body=request.body, headers=dict(request.headers.items())
        )
        raise NotSent

    made.meta.events.register_first("before-send", keep)
    with pytest.raises(NotSent):
        getattr(made, operation)(**arguments)
    return kept


ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package/churn/1"
CALLS = [
    ("describe_model_package", {"ModelPackageName": ARN}),
    ("create_model_package", {"ModelPackageGroupName": "churn", "ClientToken": "t" * 36}),
    ("create_model_package", {"ModelPackageGroupName": "churn"}),  # a token is filled in
    ("update_model_package", {"ModelPackageArn": ARN, "ModelApprovalStatus": "Approved"}),
    ("delete_model_package", {"ModelPackageName": ARN}),
    ("list_model_packages", {"MaxResults": 100, "ModelPackageType": "Both"}),
    ("add_tags", {"ResourceArn": ARN, "Tags": [{"Key": "a", "Value": "b"}]}),
    ("list_tags", {"ResourceArn": ARN}),
    ("delete_tags", {"ResourceArn": ARN, "TagKeys": ["a"]}),
]


@pytest.mark.parametrize(("operation", "arguments"), CALLS, ids=[name for name, _ in CALLS])
def test_request_equals_that_of_the_stock_client(
    operation: str, arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda **_: moment.replace(tzinfo=None))
    monkeypatch.setattr("uuid.uuid4", lambda: "one-id")
    expected = request_of(stock("sagemaker", retries=ATTEMPTS), operation, arguments)
    assert expected["headers"]["Authorization"].startswith(
        b"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/"
    )
    ours("sagemaker")  # the first client settles what the others share
    request = request_of(ours("sagemaker"), operation, arguments)
    # Ours is composed once for a process and does not list the features of botocore that a call uses.
    agents = [re.sub(rb" m/\S+", b"", each["headers"].pop("User-Agent")) for each in (request, expected)]
    assert agents[0] == agents[1]
    assert request == expected
    assert (b"ClientToken" in request["body"]) == operation.startswith("create")


@pytest.mark.parametrize(
    "environment",
    [
        {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"},
        {
            "AWS_ENDPOINT_URL_SAGEMAKER": "https://vpce-1.example.com",
            "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        },
        {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"},
        {"AWS_USE_FIPS_ENDPOINT": "true"},
        {"AWS_USE_DUALSTACK_ENDPOINT": "true"},
        {"HTTPS_PROXY": "http://127.0.0.1:3128"},
        {"HTTPS_PROXY": "http://127.0.0.1:3128", "NO_PROXY": ".amazonaws.com"},
        {"AWS_CA_BUNDLE": "/dev/null"},
        {"AWS_DEFAULTS_MODE": "standard"},
    ],
    ids="+".join,
)
def test_connect_reads_the_environment_as_the_stock_client_does(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    made, expected = ours("sagemaker"), stock("sagemaker", session=Session())
    assert made.meta.endpoint_url == expected.meta.endpoint_url
    sessions = [private(each)._endpoint.http_session for each in (made, expected)]
    settings = [(each._proxy_config._proxies or {}, each._verify) for each in sessions]
    assert settings[0] == settings[1]


def test_user_agent_has_the_app_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SDK_UA_APP_ID", "platform-team")
    for made in (ours("sagemaker"), ours("sagemaker")):  # the first client settles it
        agent = request_of(made, "list_tags", {"ResourceArn": ARN})["headers"]["User-Agent"]
        assert agent.count(b"app/platform-team") == 1


@pytest.mark.parametrize(("service", "operation"), OPERATIONS)
def test_events_have_the_handlers_of_the_stock_client(service: str, operation: str) -> None:
    ids = {"sagemaker": "sagemaker", "logs": "cloudwatch-logs", "cloudwatch": "cloudwatch"}
    stages = sorted({event.split(".")[0] for event, *_ in BUILTIN_HANDLERS} - {"docs", "getattr"})
    assert {"before-call", "before-parameter-build", "request-created", "choose-signer"} <= set(stages)
    for stage in stages:
        event = f"{stage}.{ids[service]}.{operation}"
        assert builtin(ours(service), event) == builtin(stock(service), event), event


@pytest.mark.parametrize("service", api_description.operations())
def test_client_has_all_that_the_stock_client_has(service: str) -> None:
    made, expected = ours(service), stock(service, retries=ATTEMPTS, connect_timeout=2, read_timeout=5)
    assert set(vars(made)) - {"arguments"} == set(vars(expected))
    assert handlers(made) == handlers(expected)
    same = ("region_name", "signing_name", "signature_version")
    signers = [private(each)._request_signer for each in (made, expected)]
    assert [getattr(signers[0], name) for name in same] == [getattr(signers[1], name) for name in same]
    configs = [vars(each.meta.config) for each in (made, expected)]
    differing = {name for name in configs[0] | configs[1] if configs[0].get(name) != configs[1].get(name)}
    # Ours is composed once for a process, and there are no proxies to search for.
    assert differing <= {"user_agent", "_supplied_user_agent", "proxies", "_user_provided_options"}


def handlers(made: BaseClient) -> list[str]:
    """The handlers that are a client's own, by event: neither built in nor the package's."""
    ids = made.meta.service_model.service_id.hyphenize()
    known = [handler for _, handler, *_ in BUILTIN_HANDLERS]
    events = private(made).meta.events
    registered = getattr(events, "_emitter", events)._handlers
    return [
        f"{stage} {handler.__qualname__}"
        for stage in (
            "request-created",
            "before-call",
            "after-call",
            "needs-retry",
            "before-sign",
            "choose-signer",
        )
        for handler in registered.prefix_search(f"{stage}.{ids}.Any")
        if handler not in known
    ]


def builtin(made: BaseClient, event: str) -> list[Any]:
    """Botocore's built-in handlers of an event, in order, without those that belong to one client."""
    events = private(made).meta.events
    emitter = getattr(events, "_emitter", events)
    known = [handler for _, handler, *_ in BUILTIN_HANDLERS]
    return [handler for handler in emitter._handlers.prefix_search(event) if handler in known]


def test_clients_share_a_model_and_no_credentials() -> None:
    others = Credentials("AKIDOTHER", "another secret", "another session")
    first, second = ours("sagemaker"), ours("sagemaker", credentials=others)
    assert private(first)._service_model is private(second)._service_model
    for made, key in ((second, b"AKIDOTHER"), (first, b"AKIDEXAMPLE")):
        headers = request_of(made, "list_tags", {"ResourceArn": ARN})["headers"]
        assert b"Credential=" + key in headers["Authorization"]


@pytest.mark.parametrize(
    "value",
    [1_700_000_000, 1_700_000_000.123, 0, -1.5, 2**31 + 0.25, "2023-11-14T22:13:20Z", "1700000000.5"],
)
def test_time_equals_that_of_botocore(value: Any) -> None:
    assert client._time(value) == parse_timestamp(value)
    assert client._time(value).tzinfo is not None


def test_time_out_of_range_raises_as_in_botocore() -> None:
    with pytest.raises(Exception) as expected:  # noqa: PT011 - any, for the comparison
        parse_timestamp(1e20)  # type: ignore[arg-type] # the stub knows strings only
    with pytest.raises(type(expected.value)):
        client._time(1e20)
