"""The adapter of the support library: private names, defects, messages, and the end of an invocation."""

from __future__ import annotations

import ast
import logging
from pathlib import Path
from typing import Any

import cloudformation_cli_python_lib
import pytest
from cloudformation_cli_python_lib import Action, HandlerErrorCode, exceptions

from aws_sagemaker_modelpackage import client, handlers, resource, stabilize, translate
from aws_sagemaker_modelpackage.redaction import UNCHECKED
from packager.project import PACKAGE

from .conftest import Clock, Invoker, lambda_context
from .events import (
    APPROVED,
    IMAGE,
    IN_GROUP,
    NAMED,
    NO_TIME,
    REJECTED,
    STATE,
    VERSION,
    VERSION_STATE,
    failed,
    failed_event,
    failed_version,
    in_progress,
    live_specification,
    message,
    metadata,
    named,
    specification,
    succeeded,
    version,
    version_model,
)
from .scripted_sagemaker import ANY, HANGS_UP, UNAVAILABLE, Reply, Script, error
from .tables import table

LIBRARY = Path(cloudformation_cli_python_lib.__file__).parent
DEFECT = "internal error ({}); the handler's log says where"

# --- the library's private names --------------------------------------------------------------------


def signature(path: str) -> str:
    """The signature of a function in the library's source, of a class that of its __init__, or `gone`."""
    module, *names = path.split(".")
    node: Any = ast.parse((LIBRARY / f"{module}.py").read_text())
    for name in names:
        node = next((each for each in node.body if getattr(each, "name", "") == name), ast.Module([], []))
    if isinstance(node, ast.ClassDef):
        return signature(f"{path}.__init__")
    if not isinstance(node, ast.FunctionDef):
        return "gone"
    return f"({ast.unparse(node.args)}){f' -> {ast.unparse(node.returns)}' if node.returns else ''}"


def changes_of(names: dict[str, str]) -> list[str]:
    """What the installed library has changed of these names, in a text for each."""
    installed = {path: signature(path) for path in names}
    return [
        f"{LIBRARY.name}.{path} was {expected} and is {installed[path]}: adapt the handlers to it"
        for path, expected in names.items()
        if installed[path] != expected
    ]


def test_private_names_are_those_of_the_installed_library() -> None:
    assert changes_of(resource.PRIVATE_NAMES) == []
    names = {"interface.BaseModel._serialize": "(self, deep)", "resource.Resource._none": "(self)"}
    assert changes_of(names) == [
        f"{LIBRARY.name}.interface.BaseModel._serialize was (self, deep) and is (self) -> Mapping[str, Any]:"
        " adapt the handlers to it",
        f"{LIBRARY.name}.resource.Resource._none was (self) and is gone: adapt the handlers to it",
    ]


def private_names(source: Path) -> set[str]:
    """The private names that a module defines, imports, reads or sets."""
    names = set()
    for node in ast.walk(ast.parse(source.read_text())):
        names |= {getattr(node, key, None) for key in ("attr", "id", "name")}
    return {name for name in names if isinstance(name, str) and name[:1] == "_" != name[1:2]}


def test_private_names_are_listed_completely() -> None:
    """What the handlers define or use by the name of anything private in the library is in the list."""
    library = set().union(*map(private_names, LIBRARY.glob("*.py")))
    ours = set().union(*(private_names(path) for path in PACKAGE.glob("*.py") if path.stem != "models"))
    assert library & ours <= {path.rpartition(".")[2] for path in resource.PRIVATE_NAMES}


@pytest.mark.parametrize("code", HandlerErrorCode)
def test_failure_has_the_class_of_its_code(code: HandlerErrorCode) -> None:
    made = resource.failure(code, "the message", STATE)
    assert str(type(made)) == str(getattr(exceptions, code.name))
    event = made.to_progress_event()
    assert (event.errorCode, event.message) == (code, "the message")
    assert event.resourceModel is not None
    assert resource.failure(code, "the message").to_progress_event().resourceModel is None


# --- defects ----------------------------------------------------------------------------------------


def raising(error: BaseException) -> Any:
    def fail(*_: object) -> Any:
        raise error

    return fail


@pytest.mark.parametrize("error", [ZeroDivisionError("hunter22"), TimeoutError("hunter22")])
def test_defect_is_an_internal_failure_without_values(
    invoke: Invoker,
    script: Script,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    error: Exception,
) -> None:
    monkeypatch.setattr(translate, "to_model", raising(error))
    script.describe(VERSION, version())
    text = DEFECT.format(type(error).__name__)
    assert invoke("READ", STATE) == failed("InternalFailure", "READ", VERSION, text)
    assert "test_resource" in caplog.text
    assert "hunter22" not in caplog.text + "".join(capfd.readouterr())


def test_defect_after_the_package_exists_carries_its_model(
    invoke: Invoker, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stabilize, "state_of", raising(ZeroDivisionError()))
    script.create(ANY, VERSION)
    script.describe(VERSION, version())
    text = DEFECT.format("ZeroDivisionError")
    assert invoke("CREATE", IN_GROUP) == failed("InternalFailure", "CREATE", VERSION, text, VERSION_STATE)


def test_base_exception_gets_a_message(invoke: Invoker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(handlers.resource._handlers, Action.READ, raising(SystemExit()))
    text = "The handler failed before it could say why; its log has the details"
    assert invoke("READ", STATE) == failed_event("InternalFailure", text)


def test_action_without_a_handler_gets_a_message(invoke: Invoker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(handlers.resource._handlers, Action.LIST)
    assert invoke("LIST") == failed("InternalFailure", "LIST", "Model", "No handler for LIST")


# --- messages ---------------------------------------------------------------------------------------


def test_message_is_cut(invoke: Invoker, script: Script) -> None:
    script.describe(VERSION, error("ValidationException", "x" * 2000))
    start = message("READ", VERSION, "")
    expected = failed_event("InvalidRequest", start + "x" * (997 - len(start)) + "...")
    assert invoke("READ", STATE) == expected


def test_message_of_many_reasons_names_the_package_and_the_items_first(
    invoke: Invoker, script: Script
) -> None:
    items = [{"Name": f"{'p' * 60}{i}", "Status": "Failed", "FailureReason": "r" * 2000} for i in range(8)]
    script.describe(VERSION, failed_version(items))
    text = invoke("CREATE", VERSION_STATE, context={"arn": VERSION})["message"]
    names = ", ".join(f"validation profile {'p' * 60}{i}" for i in range(4))
    start = f"the package's status is Failed: {names} and 4 more failed. validation profile ppp"
    assert text.startswith(message("CREATE", VERSION, start))
    assert text.endswith(" more")
    assert 700 < len(text) <= 1000


SECRETS = {
    "Environment": {"KEY": "hunter22"},
    "CustomerMetadataProperties": {"who": "jane.doe"},
    "ModelCard": {"ModelCardContent": '{"owner": "mallory"}'},
}


@pytest.mark.parametrize("entry", ["production", "test"])
def test_confidential_values_are_in_no_message_and_no_log(
    invoke: Invoker,
    script: Script,
    entry: str,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    desired = {**IN_GROUP, **SECRETS, "InferenceSpecification": specification()}
    quoted = (
        '3 validation errors: hunter22, jane.doe and mallory; Value \'{"owner": "mallory"}\' at'
        " 'modelCard.modelCardContent'; Value '7' at 'customerMetadataProperties.who'"
    )
    script.create(ANY, error("ValidationException", quoted))
    with caplog.at_level(logging.DEBUG):
        event = invoke("CREATE", desired) if entry == "production" else invoke.test("CREATE", desired)
    text = (
        "3 validation errors: ***, *** and ***; Value '***' at 'ModelCard.ModelCardContent'; Value '***' at"
        " 'CustomerMetadataProperties.who' (ValidationException)"
    )
    assert event == failed("InvalidRequest", "CREATE", "churn", text)
    output = "".join(capfd.readouterr()) + "".join(
        record.getMessage() + str(record.exc_info)
        for record in caplog.records
        if not record.name.startswith(("botocore", "urllib3"))
    )
    assert [secret for secret in ("hunter22", "jane.doe", "mallory") if secret in output] == []


def test_confidential_values_of_all_states_are_redacted(invoke: Invoker, script: Script) -> None:
    live = live_specification(Environment={"KEY": "hunter22"})
    script.describe(VERSION, version(InferenceSpecification=live, **REJECTED))
    script.expect("UpdateModelPackage", ANY, error("ValidationException", "hunter22 and jane.doe are bad"))
    event = invoke("UPDATE", VERSION_STATE | APPROVED, VERSION_STATE | metadata(who="jane.doe"))
    text = "*** and *** are bad (ValidationException)"
    assert event == failed("InvalidRequest", "UPDATE", VERSION, text)


def test_message_that_cannot_be_checked_is_left_out(invoke: Invoker, script: Script) -> None:
    nested = f"hunter22 is &{'#38;' * 9}amp;"
    script.expect("DescribeModelPackage", ANY, error("ValidationException", nested))
    text = f"{UNCHECKED} (ValidationException)"
    assert invoke("READ", STATE) == failed("InvalidRequest", "READ", VERSION, text)


def test_confidential_values_of_a_refused_change_are_redacted(invoke: Invoker, script: Script) -> None:
    card = {"ModelCardContent": '{"owner": "mallory"}'}
    script.describe(VERSION, version())
    script.expect("UpdateModelPackage", ANY, error("ValidationException", "mallory may not change it"))
    script.describe(VERSION, version())
    event = invoke("UPDATE", {**VERSION_STATE, "ModelCard": card}, VERSION_STATE)
    text = "ModelCard cannot be updated in place: *** may not change it (ValidationException)"
    assert event == failed("NotUpdatable", "UPDATE", VERSION, text)


def test_values_that_stand_in_the_open_elsewhere_are_shown(invoke: Invoker, script: Script) -> None:
    repeated = {"account": "111122223333", "image": IMAGE, "bucket": "models", "key": "hunter22"}
    given = {**IN_GROUP, **metadata(**repeated), "SourceUri": "s3://models/m"}
    given["InferenceSpecification"] = specification()
    quoted = f"User arn:aws:iam::111122223333:user/jo may not read {IMAGE} in models with hunter22"
    script.create(ANY, error("ValidationException", quoted))
    text = f"{quoted.replace('hunter22', '***')} (ValidationException)"
    assert invoke("CREATE", given) == failed("InvalidRequest", "CREATE", "churn", text)


def test_values_of_other_properties_are_shown(invoke: Invoker, script: Script) -> None:
    script.create(ANY, error("ValidationException", "Value 's3://models' at 'sourceUri' is bad"))
    event = invoke("CREATE", {**IN_GROUP, "SourceUri": "s3://models"})
    text = "Value 's3://models' at 'SourceUri' is bad (ValidationException)"
    assert event == failed("InvalidRequest", "CREATE", "churn", text)


def test_words_of_the_api_are_shown_although_they_are_values(invoke: Invoker, script: Script) -> None:
    words = {"a": "package", "b": "group", "c": "true", "d": "Model", "e": "ModelCard", "f": "churn-model"}
    quoted = "true: Model Package Group dg does not exist, nor has ModelCard churn-model"
    script.create(ANY, error("ValidationException", quoted))
    event = invoke("CREATE", {**IN_GROUP, **metadata(**words), "InferenceSpecification": specification()})
    assert event["message"].endswith(
        "true: Model Package Group dg does not exist, nor has ModelCard *** (ValidationException)"
    )


def test_the_refused_caller_is_shown_although_it_is_a_value(invoke: Invoker, script: Script) -> None:
    caller = "arn:aws:iam::444455556666:role/deployer"
    quoted = f"User: {caller} is not authorized to perform: sagemaker:CreateModelPackage for {caller}"
    script.create(ANY, error("AccessDeniedException", quoted))
    given = {**IN_GROUP, **metadata(owner=caller), "InferenceSpecification": specification()}
    text = f"User: {caller} is not authorized to perform: sagemaker:CreateModelPackage for ***"
    assert text in invoke("CREATE", given)["message"]


def test_credentials_that_the_service_quotes_are_redacted(invoke: Invoker, script: Script) -> None:
    given = {
        "accessKeyId": "ASIAIOSFODNN7EXAMPLE",
        "secretAccessKey": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "sessionToken": "IQoJb3JpZ2luX2VjEXAMPLE",
    }
    quoted = "\n".join(f"{name}:{value}" for name, value in given.items())
    script.describe(VERSION, error("SignatureDoesNotMatch", f"The Canonical String is '{quoted}'"))
    event = invoke("READ", STATE, callerCredentials=given)
    hidden = "\n".join(f"{name}:***" for name in given)
    text = f"The Canonical String is '{hidden}' (SignatureDoesNotMatch)"
    assert event == failed("InvalidCredentials", "READ", VERSION, text)


# --- the end of an invocation -----------------------------------------------------------------------


@pytest.mark.parametrize(("context", "takes"), [(lambda_context(60), 0), (lambda_context(6), 0), (None, 25)])
def test_answer_within_the_time_that_is_left_counts(
    invoke: Invoker, script: Script, context: Any, takes: float
) -> None:
    script.describe(VERSION, version(), takes=takes)
    assert invoke("READ", STATE, lambda_context=context) == succeeded(version_model())


def test_second_call_does_not_begin_without_time(invoke: Invoker, script: Script) -> None:
    script.describe(NAMED, named(), takes=25)
    event = invoke("READ", {"ModelPackageArn": NAMED})
    assert event == failed("NetworkFailure", "READ", NAMED, NO_TIME)


def test_create_that_took_all_time_is_continued_by_a_poll(invoke: Invoker, script: Script) -> None:
    script.expect("CreateModelPackage", ANY, STATE, takes=25)
    event = invoke("CREATE", IN_GROUP)
    assert event == in_progress(VERSION_STATE, 1, arn=VERSION, polls=1, failed_polls=1)


CLOSED = 'Connection was closed before we received a valid response from endpoint URL: "{}/".'


@table(
    "reply, takes, attempts, context, code, text",
    {
        "attempts that hang": (HANGS_UP, 7, 3, None, "NetworkFailure", CLOSED),
        "with a context": (HANGS_UP, 7, 3, lambda_context(60), "NetworkFailure", CLOSED),
        "a late error": (UNAVAILABLE, 25, 1, None, "ServiceInternalError", "Service Unavailable (503)"),
        "a context with less time": (
            UNAVAILABLE,
            6,
            1,
            lambda_context(10),
            "ServiceInternalError",
            "Service Unavailable (503)",
        ),
    },
)
def test_attempts_end_in_time(
    invoke: Invoker,
    script: Script,
    clock: Clock,
    reply: Reply,
    takes: float,
    attempts: int,
    context: Any,
    code: str,
    text: str,
) -> None:
    began = clock.now
    script.describe(VERSION, *[reply] * attempts, takes=takes)
    event = invoke("READ", STATE, lambda_context=context)
    assert event == failed(code, "READ", VERSION, text.format(script.url))
    assert clock.now - began < (10 if takes == 6 else 28)


def test_answer_that_trickles_in_is_not_awaited(
    invoke: Invoker, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A read of a socket may take its time again and again, so the invocation itself has an end.
    monkeypatch.setattr(resource, "MAX_INVOCATION_SECONDS", 0.2)
    monkeypatch.setattr(client, "READ_SECONDS", 0.0)
    monkeypatch.setattr(client, "CONNECT_SECONDS", 0.0)
    monkeypatch.setattr(client, "MIN_TIMEOUT_SECONDS", 0.09)
    monkeypatch.setattr(translate, "to_model", lambda *_: script.over.wait(5))
    script.describe(VERSION, version())
    assert invoke("READ", STATE) == failed("NetworkFailure", "READ", VERSION, NO_TIME)
