"""The API descriptions that are shipped: botocore's, of the operations in use, without text for people."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from botocore.handlers import BUILTIN_HANDLERS
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, Shape
from botocore.session import Session
from cloudformation_cli_python_lib.utils import Credentials

from aws_sagemaker_modelpackage import client
from packager import api_description

CREDENTIALS = Credentials("AKIDEXAMPLE", "not a secret", "session")
OPERATIONS = [
    pytest.param(service, operation, id=operation)
    for service, names in api_description.operations().items()
    for operation in names
]
SERVICES = list(api_description.operations())


@pytest.fixture(autouse=True)
def fresh_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Settings are read once for a process: a test that changes the environment begins anew."""
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    for cached in (client._session, client._settled):
        cached.cache_clear()
    yield
    for cached in (client._session, client._settled):
        cached.cache_clear()


def ours(service: str, region: str = "us-east-1", **config: Any) -> Any:
    """A client as the handlers make it."""
    return client.connect(service, CREDENTIALS, region, **config)


@cache
def stock_session() -> Session:
    """A session of botocore's own kind; one for all, because reading the descriptions is what takes long."""
    return Session()


def stock(service: str, region: str = "us-east-1", session: Session | None = None, **config: Any) -> Any:
    """A client as anybody makes it."""
    return (session or stock_session()).create_client(
        service,
        region_name=region,
        aws_access_key_id=CREDENTIALS.accessKeyId,
        aws_secret_access_key=CREDENTIALS.secretAccessKey,
        aws_session_token=CREDENTIALS.sessionToken,
        config=Config(**config),
    )


# --- what is in the repository ----------------------------------------------------------------------


def test_the_files_are_what_the_script_writes() -> None:
    committed = {
        str(path.relative_to(api_description.TARGET)): path.read_text(encoding="utf-8")
        for path in api_description.TARGET.rglob("*")
        if path.is_file()
    }
    wanted = api_description.files()
    differing = sorted(name for name in committed | wanted if committed.get(name) != wanted.get(name))
    assert not differing, f"run `make generate` and commit: {', '.join(differing)}"


def test_sagemakers_operations_are_those_the_handlers_may_call() -> None:
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
    """A service as a loader finds it."""
    return ServiceModel(loader.load_service_model(service, "service-2"), service)


def shipped() -> Loader:
    """A loader of the shipped descriptions and of nothing else."""
    return Loader(extra_search_paths=[client.API_DESCRIPTIONS], include_default_search_paths=False)


def tree(shape: Shape | None, above: tuple[str, ...] = ()) -> Any:
    """A shape and all that it reaches, as plain data: types, limits, names on the wire."""
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
    return {"name": shape.name, "known": known, "parts": parts, "on the wire": dict(shape.serialization)}


def operation_tree(operation: OperationModel) -> Any:
    """An operation with its input, output and errors."""
    return {
        "http": operation.http,
        "input": tree(operation.input_shape),
        "output": tree(operation.output_shape),
        "errors": [tree(error) for error in operation.error_shapes],
        "idempotent": operation.idempotent_members,
    }


@pytest.mark.parametrize(("service", "operation"), OPERATIONS)
def test_an_operation_has_the_shapes_of_botocores_own(service: str, operation: str) -> None:
    cut, whole = model(service, shipped()), model(service, Loader())
    assert json.dumps(operation_tree(cut.operation_model(operation)), default=str) == json.dumps(
        operation_tree(whole.operation_model(operation)), default=str
    )
    assert cut.metadata == whole.metadata


@pytest.mark.parametrize("service", SERVICES)
def test_there_is_no_other_operation_and_no_shape_that_none_reaches(service: str) -> None:
    cut = model(service, shipped())
    assert tuple(sorted(cut.operation_names)) == tuple(sorted(api_description.operations()[service]))
    reached = json.dumps(
        [operation_tree(cut.operation_model(name)) for name in cut.operation_names], default=str
    )
    assert [name for name in cut.shape_names if f'"name": "{name}"' not in reached] == []


def test_there_is_no_text_for_people() -> None:
    for path in api_description.TARGET.rglob("*.json"):
        text = path.read_text(encoding="utf-8")
        assert '"documentation"' not in text, path
        assert "<p>" not in text, path


def test_the_script_refuses_an_operation_that_botocore_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(api_description.LIBRARY_OPERATIONS, "logs", ("PutLogEvents", "PutLogEvent"))
    with pytest.raises(KeyError, match="PutLogEvent'"):
        api_description.files()


def test_the_script_removes_what_is_there_no_more(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    target = tmp_path / "api"
    (target / "sagemaker" / "2016-01-01").mkdir(parents=True)
    stale = target / "sagemaker" / "2016-01-01" / "service-2.json"
    stale.write_text("{}")
    monkeypatch.setattr(api_description, "TARGET", target)
    monkeypatch.setattr(api_description, "ROOT", tmp_path)
    assert api_description.main() == 0
    assert not stale.exists()
    assert {str(path.relative_to(target)) for path in target.rglob("*.json")} == set(api_description.files())


# --- a client made from them ------------------------------------------------------------------------


@pytest.mark.parametrize("service", SERVICES)
def test_a_client_is_made_from_the_shipped_description(service: str) -> None:
    assert tuple(sorted(ours(service).meta.service_model.operation_names)) == tuple(
        sorted(api_description.operations()[service])
    )


def test_without_them_the_client_is_botocores_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(client, "API_DESCRIPTIONS", str(tmp_path / "absent"))
    made = ours("sagemaker")
    assert "CreateTrainingJob" in made.meta.service_model.operation_names
    assert made.meta.endpoint_url == "https://api.sagemaker.us-east-1.amazonaws.com"


def test_descriptions_that_somebody_provides_come_first(
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
    [{}, {"use_fips_endpoint": True}, {"use_dualstack_endpoint": True}],
    ids=["plain", "fips", "dual-stack"],
)
def test_endpoints_and_signatures_are_those_of_the_stock_client(
    service: str, variant: dict[str, Any]
) -> None:
    assert len(REGIONS) > 30
    for region in REGIONS:
        assert route(ours, service, region, variant) == route(stock, service, region, variant), region


def route(make: Callable[..., Any], service: str, region: str, variant: dict[str, Any]) -> tuple[str, ...]:
    """Where a client goes and what it signs with: service, region, method; or why there is none."""
    try:
        made = make(service, region, **variant)
    except BotoCoreError as error:
        return (repr(error),)
    signer = made._request_signer
    return (made.meta.endpoint_url, signer.signing_name, signer.region_name, signer.signature_version)


class Sent(Exception):
    """Ends a call just before it would go out."""


def sent(made: Any, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """The request that a client would send."""
    found: dict[str, Any] = {}

    def keep(request: Any, **_: Any) -> None:
        found.update(
            method=request.method, url=request.url, body=request.body, headers=dict(request.headers.items())
        )
        raise Sent

    made.meta.events.register_first("before-send", keep)
    with pytest.raises(Sent):
        getattr(made, operation)(**arguments)
    return found


ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package/churn/1"
CALLS = [
    ("describe_model_package", {"ModelPackageName": ARN}),
    ("create_model_package", {"ModelPackageGroupName": "churn", "ClientToken": "t" * 36}),
    ("update_model_package", {"ModelPackageArn": ARN, "ModelApprovalStatus": "Approved"}),
    ("delete_model_package", {"ModelPackageName": ARN}),
    ("list_model_packages", {"MaxResults": 100, "ModelPackageType": "Both"}),
    ("add_tags", {"ResourceArn": ARN, "Tags": [{"Key": "a", "Value": "b"}]}),
    ("list_tags", {"ResourceArn": ARN}),
    ("delete_tags", {"ResourceArn": ARN, "TagKeys": ["a"]}),
]


@pytest.mark.parametrize(("operation", "arguments"), CALLS, ids=[name for name, _ in CALLS])
def test_a_request_is_signed_and_written_like_the_stock_clients(
    operation: str, arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    import datetime

    import botocore.auth

    moment = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda **_: moment.replace(tzinfo=None))
    monkeypatch.setattr("uuid.uuid4", lambda: "one-id")
    expected = sent(stock("sagemaker"), operation, arguments)
    assert expected["headers"]["Authorization"].startswith(
        b"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/"
    )
    ours("sagemaker")  # the first one settles what the others have in common
    written = sent(ours("sagemaker"), operation, arguments)
    # Ours is put together once for a process and does not say which features of botocore a call uses.
    agents = [each["headers"].pop("User-Agent") for each in (written, expected)]
    assert [agent.partition(b" m/")[0] for agent in agents] == [agents[1].partition(b" m/")[0]] * 2
    assert written == expected


def test_a_token_is_filled_in_on_create_as_the_stock_client_does() -> None:
    written = json.loads(
        sent(ours("sagemaker"), "create_model_package", {"ModelPackageGroupName": "churn"})["body"]
    )
    assert written.keys() == {"ModelPackageGroupName", "ClientToken"}


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
    ],
    ids="+".join,
)
def test_the_environment_is_obeyed_like_by_the_stock_client(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    made, expected = ours("sagemaker"), stock("sagemaker", session=Session())
    assert made.meta.endpoint_url == expected.meta.endpoint_url
    ways = [
        (way._endpoint.http_session._proxy_config._proxies or {}, way._endpoint.http_session._verify)
        for way in (made, expected)
    ]
    assert ways[0] == ways[1]


def test_an_app_id_reaches_the_user_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SDK_UA_APP_ID", "platform-team")
    for made in (ours("sagemaker"), ours("sagemaker")):  # the first one settles it
        agent = sent(made, "list_tags", {"ResourceArn": ARN})["headers"]["User-Agent"]
        assert agent.count(b"app/platform-team") == 1


# --- the events it listens to ----------------------------------------------------------------------


@pytest.mark.parametrize(("service", "operation"), OPERATIONS)
def test_every_event_of_a_call_has_the_handlers_that_the_stock_client_has(
    service: str, operation: str
) -> None:
    ids = {"sagemaker": "sagemaker", "logs": "cloudwatch-logs", "cloudwatch": "cloudwatch"}
    stages = sorted({event.split(".")[0] for event, *_ in BUILTIN_HANDLERS} - {"docs", "getattr"})
    assert {"before-call", "before-parameter-build", "request-created", "choose-signer"} <= set(stages)
    for stage in stages:
        event = f"{stage}.{ids[service]}.{operation}"
        assert builtin(ours(service), event) == builtin(stock(service), event), event


def builtin(made: Any, event: str) -> list[Any]:
    """Botocore's own handlers of an event, in order; what belongs to one client is left out."""
    emitter = getattr(made.meta.events, "_emitter", made.meta.events)
    known = [handler for _, handler, *_ in BUILTIN_HANDLERS]
    return [handler for handler in emitter._handlers.prefix_search(event) if handler in known]


def test_a_client_that_uses_anothers_model_has_credentials_of_its_own() -> None:
    others = Credentials("AKIDOTHER", "another secret", "another session")
    first, second = ours("sagemaker"), client.connect("sagemaker", others, "us-east-1")
    assert first._service_model is second._service_model
    for made, key in ((second, b"AKIDOTHER"), (first, b"AKIDEXAMPLE")):
        headers = sent(made, "list_tags", {"ResourceArn": ARN})["headers"]
        assert b"Credential=" + key in headers["Authorization"]


def test_each_service_has_a_model_of_its_own() -> None:
    names = {service: ours(service)._service_model.service_name for service in SERVICES}
    assert names == {service: service for service in SERVICES}


# --- times ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [1_700_000_000, 1_700_000_000.123, 0, -1.5, 2**31 + 0.25, "2023-11-14T22:13:20Z", "1700000000.5"],
)
def test_a_time_is_the_one_botocore_reads(value: Any) -> None:
    from botocore.utils import parse_timestamp

    assert client._time(value) == parse_timestamp(value)
    assert client._time(value).tzinfo is not None


def test_a_time_beyond_what_the_calendar_holds_is_refused_as_botocore_refuses_it() -> None:
    from botocore.utils import parse_timestamp

    with pytest.raises(Exception) as expected:  # noqa: PT011 - whatever it is
        parse_timestamp(1e20)  # type: ignore[arg-type] # the stub knows strings only
    with pytest.raises(type(expected.value)):
        client._time(1e20)
