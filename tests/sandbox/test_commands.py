"""The commands of `python -m sandbox`: what they do to a running sandbox, what they say, how they end.

They are called as `main` calls them; signals and the start itself are in test_local.py.
"""

from __future__ import annotations

import gc
import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.__main__ import COMMANDS, main, parser
from sandbox.commands import common, templates
from sandbox.local_aws import Sandbox
from sandbox.sagemaker import Behaviour, Fault
from sandbox.shared.clients import environment
from sandbox.shared.settings import CREDENTIALS, ROOT
from sandbox.state_file import STATE_VARIABLE, Note, Running, this_command

SECONDS = 20.0  # for what happens at once
VERSION = "examples/registered-version.yaml"
VALIDATED = "examples/validated-package.yaml"
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/fraud:1"
ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package/fraud-detection"
GROUP = ARN.replace(":model-package/", ":model-package-group/")
REASON = "the container did not answer a ping"

Json = dict[str, Any]


@dataclass
class Said:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, as JSON."""
        return json.loads(self.out)

    @property
    def events(self) -> list[Json]:
        """What it printed, as JSON in lines."""
        return [json.loads(line) for line in self.out.splitlines()]


Command = Callable[..., Said]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sandbox, Path]]:
    """A sandbox with its page, and the file that says where it is."""
    state = tmp_path_factory.mktemp("state") / "sandbox.json"
    with Sandbox(page=True, time_scale=0.02) as sandbox, Note(state) as note:
        note.write(Running.of(sandbox))
        yield sandbox, state


@pytest.fixture(scope="module")
def cloudformation(running: tuple[Sandbox, Path]) -> Iterator[Any]:
    """A client of the sandbox's CloudFormation."""
    with closing(running[0].client("cloudformation")) as client:
        yield client


@pytest.fixture
def run(
    running: tuple[Sandbox, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Runs a command, in a shell that has nothing of AWS and knows where the sandbox is."""
    for name in environment(running[0].endpoints):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(STATE_VARIABLE, str(running[1]))
    monkeypatch.chdir(ROOT)
    for module in ("stacks", "events", "invoke"):  # nobody reads along
        monkeypatch.setattr(f"sandbox.commands.{module}.LOOK_EVERY", 0.02)

    def run_it(*arguments: str) -> Said:
        code = main(list(arguments))
        return Said(code, *capsys.readouterr())

    return run_it


@pytest.fixture
def sandbox(running: tuple[Sandbox, Path]) -> Sandbox:
    """The sandbox with nothing in it."""
    Running.of(running[0]).reset()
    return running[0]


def names(cloudformation: Any) -> list[str]:
    """The stacks that there are."""
    return [each["StackName"] for each in cloudformation.describe_stacks()["Stacks"]]


def write(path: Path, content: Any) -> str:
    """A file with this content; what is not text becomes JSON."""
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


def package(**properties: Any) -> Json:
    """A template with one version in a group that it has as well."""
    return {
        "Resources": {
            "Group": {
                "Type": "AWS::SageMaker::ModelPackageGroup",
                "DeletionPolicy": "Retain",
                "Properties": {"ModelPackageGroupName": "fraud-detection"},
            },
            "Version": {
                "Type": "AWS::SageMaker::ModelPackage",
                "Properties": {
                    "ModelPackageGroupName": {"Fn::GetAtt": ["Group", "ModelPackageGroupArn"]},
                    "InferenceSpecification": {
                        "Containers": [{"Image": IMAGE}],
                        "SupportedContentTypes": ["text/csv"],
                    },
                    **properties,
                },
            },
        }
    }


@contextmanager
def pressed(when: Callable[[], bool]) -> Iterator[None]:
    """Ctrl-C, once something has happened, for whatever the block does meanwhile."""
    over = threading.Event()
    main_thread = threading.get_ident()

    def press() -> None:
        deadline = time.monotonic() + SECONDS
        while not over.wait(0.02) and time.monotonic() < deadline:
            if when():
                signal.pthread_kill(main_thread, signal.SIGINT)
                return

    # Whoever is started in the background of a shell ignores Ctrl-C, and so would this process.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    presser = threading.Thread(target=press)
    presser.start()
    try:
        # What is interrupted in the middle of a call leaves its connection to the end of the process.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            yield
            gc.collect()
    finally:
        over.set()
        presser.join()
        signal.signal(signal.SIGINT, before)


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until it holds."""
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def never_ready(sandbox: Sandbox) -> None:
    """Let validations go on for longer than any test."""
    sandbox.sagemaker.behaviour = Behaviour(describes_until_completed=1_000)


def at_once(sandbox: Sandbox) -> None:
    """Let everything that waits come to its end."""
    sandbox.sagemaker.behaviour = Behaviour(describes_until_completed=0, pending_describes=0)


# --- help -------------------------------------------------------------------------------------------


def examples(text: str) -> list[list[str]]:
    """The examples of a help text, as a shell would split them, without the program itself."""
    block = text.partition("\nexamples:\n")[2].partition("\n\n")[0]
    program = f"  {this_command()} "
    assert all(line.startswith(program) for line in block.splitlines())
    return [shlex.split(line.removeprefix(program)) for line in block.splitlines()]


@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in ("start", "demo")])
def test_the_examples_of_a_command_work_as_they_stand(
    run: Command, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name == "events":
        assert run("invoke", "sam-tests/read.json").code == 1  # there has to be a failure
    if name not in ("deploy", "reset"):  # the others speak of what there is
        assert run("deploy", VERSION, "--stack", "fraud").code == 0
    if name == "delete":
        assert run("deploy", VALIDATED).code == 0
    told = run(name, "--help")
    assert told.code == 0
    found = examples(told.out)
    assert len(found) >= (1 if name == "export" else 2)
    for example in found:
        if "<" in example:
            file = Path(example.pop())
            assert example.pop() == "<"
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(file.read_bytes())))
        said = run(*example)
        assert said.code == 0, (example, said)
        assert said.out or name == "delete", example


@pytest.mark.parametrize("name", ["start", "demo"])
def test_the_examples_of_what_runs_a_sandbox_of_its_own_are_understood(run: Command, name: str) -> None:
    for example in examples(run(name, "--help").out):
        assert parser().parse_args(example).command == name


def test_the_help_lists_every_command_and_explains_the_exit_codes(run: Command) -> None:
    told = run("--help")
    assert told.code == 0
    assert re.findall(r"^    ([a-z]+) ", told.out, re.MULTILINE) == list(COMMANDS)
    for example in examples(told.out):
        parsed = example if example[-1] != "--help" else [*example[:-1], "TEMPLATE"]
        assert parser().parse_args(parsed).command in COMMANDS
    for name in COMMANDS:
        text = run(name, "--help").out
        assert "exit codes:" in text
        assert "a start that runs and events --follow end that way, so theirs is 0\n" in text
        assert ("--json" in text.split("options:")[1].split("examples:")[0]) == (name != "demo")


def test_the_help_loads_nothing_that_takes_long() -> None:
    code = (
        "import sys; from sandbox.__main__ import main; main(['deploy', '--help']); "
        "print(sorted({'boto3', 'botocore', 'yaml', 'flask', 'moto', 'werkzeug'} & sys.modules.keys()))"
    )
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.endswith("\n[]\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "commands:"),
        (("deplo",), "invalid choice: 'deplo'"),
        (("deploy",), "required: TEMPLATE"),
        (
            ("deploy", "--parameters", "A=1", VERSION),
            f"{VERSION} is not of the form NAME=VALUE; a file comes",
        ),
        (("deploy", VERSION, "--parameters", "=1"), "=1 is not of the form NAME=VALUE"),
        (("deploy", VERSION, "--timeout", "0"), "0 is not a number of seconds above 0"),
        (("deploy", VERSION, "--timeout", "soon"), "soon is not a number of seconds"),
        (("start", "--port", "80"), "80 is not a port from 1024 to 65531"),
        (("start", "--port", "x"), "x is not a port"),
        (("start", "--time-scale", "-1"), "-1 is not a number from 0 on"),
        (("start", "--time-scale", "fast"), "fast is not a number from 0 on"),
        (("events", "--follo"), "unrecognized arguments: --follo"),
        (("export", "--account", "--state", "x", f"{ARN}/1"), "not allowed with"),
    ],
)
def test_wrong_usage_is_said_with_the_way_to_the_examples(
    run: Command, arguments: tuple[str, ...], words: str
) -> None:
    said = run(*arguments)
    assert said.code == 2
    assert said.out == ""
    assert words in said.err
    assert "Traceback" not in said.err
    assert "--help" in said.err


# --- deploy -----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("sandbox")
def test_a_stack_is_created_shown_as_it_happens_and_its_outputs_are_the_result(run: Command) -> None:
    said = run("deploy", VERSION, "--stack", "fraud")
    assert said.code == 0
    assert re.fullmatch(
        rf"ModelPackageArn = {ARN}/1\nCreationTime = 20\S+\nModelPackageStatus = Completed\n", said.out
    )
    statuses = re.findall(r"^  \d\d:\d\d:\d\d  (\w+) +(\w+)$", said.err, re.MULTILINE)
    assert statuses[0] == ("CREATE_IN_PROGRESS", "fraud")
    assert statuses[-1] == ("CREATE_COMPLETE", "fraud")
    assert ("CREATE_COMPLETE", "Version") in statuses
    assert said.err.endswith("fraud is CREATE_COMPLETE\n")


@pytest.mark.usefixtures("sandbox")
def test_an_update_keeps_the_parameters_and_tags_that_are_not_given(
    run: Command, cloudformation: Any
) -> None:
    given = ("ApprovalStatus=Approved", "ApprovalDescription=Signed = sealed")
    assert run("deploy", VERSION, "--stack", "fraud", "--parameters", *given, "--tags", "team=a").code == 0
    said = run("deploy", VERSION, "--stack", "fraud", "--parameters", "ApprovalDescription=")
    assert said.code == 0
    assert "These keep their values: GroupName, Image, ModelDataUrl, ApprovalStatus\n" in said.err
    stack = cloudformation.describe_stacks(StackName="fraud")["Stacks"][0]
    values = {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]}
    assert (values["ApprovalStatus"], values["ApprovalDescription"]) == ("Approved", "")
    assert stack["Tags"] == [{"Key": "team", "Value": "a"}]


@pytest.mark.usefixtures("sandbox")
def test_no_change_is_said_and_is_no_failure(run: Command) -> None:
    first = run("deploy", VERSION, "--stack", "fraud")
    again = run("deploy", VERSION, "--stack", "fraud")
    assert (again.code, again.out) == (0, first.out)
    assert again.err == "fraud is CREATE_COMPLETE, and nothing has to be changed\n"
    said = run("deploy", VERSION, "--stack", "fraud", "--json")
    assert (said.code, said.json["changed"], said.err) == (0, False, "")


@pytest.mark.usefixtures("sandbox")
def test_for_scripts_there_is_json_and_nothing_else(run: Command) -> None:
    said = run("deploy", VALIDATED, "--json")
    assert (said.code, said.err) == (0, "")
    result = said.json
    assert result.keys() == {"stack", "stackId", "status", "changed", "outputs", "failures"}
    assert (result["stack"], result["status"]) == ("validated-package", "CREATE_COMPLETE")
    assert (result["changed"], result["failures"]) == (True, [])
    assert result["outputs"]["ModelPackageStatus"] == "Completed"


def test_why_it_failed_comes_last_in_the_handlers_words(run: Command, sandbox: Sandbox) -> None:
    sandbox.sagemaker.behaviour.validation_failures["smoke-test"] = REASON
    said = run("deploy", VALIDATED)
    assert (said.code, said.out) == (1, "")
    last = said.err.splitlines()[-1]
    assert last.startswith("  Package: NotStabilized: CREATE AWS::SageMaker::ModelPackage arn:aws:")
    assert last.endswith(f"the package's status is Failed: validation profile smoke-test: {REASON}")
    assert "RequestToken" not in said.err
    assert "again with --replace" in said.err
    blocked = run("deploy", VALIDATED)
    assert blocked.code == 1
    assert f"{this_command()} delete validated-package\n" in blocked.err
    assert run("deploy", VALIDATED, "--json").json["status"] == "ROLLBACK_COMPLETE"
    failed = run("deploy", VALIDATED, "--replace", "--json")
    assert (failed.code, failed.err) == (1, "")
    (failure,) = failed.json["failures"]
    assert (failure["resource"], failure["status"]) == ("Package", "CREATE_FAILED")
    assert failure["reason"].endswith(REASON)


def test_replace_deletes_first_what_no_update_leads_out_of(run: Command, sandbox: Sandbox) -> None:
    sandbox.sagemaker.behaviour.validation_failures["smoke-test"] = REASON
    assert run("deploy", VALIDATED).code == 1
    # What is wrong with the new deployment is found before anything is deleted.
    assert run("deploy", VALIDATED, "--replace", "--parameters", "Nonsense=1").code == 2
    assert run("status", "validated-package").code == 0
    said = run("deploy", VALIDATED, "--replace", "--parameters", "ValidationProfile=another")
    assert said.code == 0
    assert said.err.startswith("validated-package is ROLLBACK_COMPLETE and is deleted first\n")
    # A stack that can be updated is updated.
    again = run("deploy", VALIDATED, "--replace", "--tags", "team=a")
    assert (again.code, "deleted first" in again.err) == (0, False)


@pytest.mark.usefixtures("sandbox")
def test_a_failed_update_tells_of_that_update_only(run: Command, tmp_path: Path) -> None:
    good, bad = package(), package(Domian="OTHER")
    assert run("deploy", write(tmp_path / "t.json", good), "--stack", "fraud").code == 0
    said = run("deploy", write(tmp_path / "t.json", bad), "--stack", "fraud")
    assert said.code == 1
    assert "CREATE_COMPLETE" not in said.err
    assert said.err.splitlines()[-3:] == [
        "fraud is UPDATE_ROLLBACK_COMPLETE",
        "Why it failed:",
        "  Version: Properties validation failed for resource Version with message: "
        "[Encountered unsupported property Domian]",
    ]
    status = run("status", "fraud", "--json").json
    assert [each["resource"] for each in status["lastFailures"]] == ["Version"]


@pytest.mark.usefixtures("sandbox")
def test_what_cloudformation_itself_refuses_is_told_as_well(run: Command, tmp_path: Path) -> None:
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "models-1"}}
    template = write(tmp_path / "t.json", {"Resources": {"Bucket": bucket}})
    assert run("deploy", template, "--stack", "first").code == 0
    taken = run("deploy", template, "--stack", "second")
    assert taken.code == 1
    assert re.search(r"^  Bucket: /Resources/Bucket: .*already exists", taken.err.splitlines()[-3])
    circle = {
        name: {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": {"Ref": other}}}
        for name, other in (("A", "B"), ("B", "A"))
    }
    said = run("deploy", write(tmp_path / "t.json", {"Resources": circle}), "--stack", "circle")
    assert said.code == 1
    assert said.err.splitlines()[-1] == "  circle: Circular dependency detected among resources: A, B"


@pytest.mark.usefixtures("sandbox")
def test_a_template_too_large_for_a_request_is_deployed_all_the_same(run: Command, tmp_path: Path) -> None:
    large = write(tmp_path / "large.json", {**package(), "Metadata": {"Notes": "x" * 60_000}})
    assert run("deploy", large).code == 0
    too_large = write(tmp_path / "large.json", {**package(), "Metadata": {"Notes": "x" * 1_000_000}})
    said = run("deploy", too_large, "--stack", "other")
    assert said.code == 2
    assert "CloudFormation takes 1,000,000" in said.err


@pytest.mark.usefixtures("sandbox")
def test_a_stack_of_which_there_is_only_a_change_set_is_a_dead_end(
    run: Command, cloudformation: Any, tmp_path: Path
) -> None:
    cloudformation.create_change_set(
        StackName="fraud", ChangeSetName="first", ChangeSetType="CREATE", TemplateBody=json.dumps(package())
    )
    template = write(tmp_path / "t.json", package())
    assert "fraud is REVIEW_IN_PROGRESS" in run("deploy", template, "--stack", "fraud").err
    assert run("deploy", template, "--stack", "fraud", "--replace").code == 0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "There is no template at"),
        ("", "is empty"),
        (" \n", "is empty"),
        (b"Resources: \xff", "is not text in UTF-8: line 1, byte 12"),
        ("Resources:\n  A: [1\n", "is not YAML: line 3, column 1: expected ',' or ']'"),
        ("Resources:\n  A: \x07\n", "is not YAML: line 2, column 6: a character that may not be there"),
        ("Resources: {A: {Type: x}}\nDay: 2026-13-41", "is not YAML: month must be in 1..12"),
        ('{"Resources": {"A": }}', "is not JSON: line 1, column 21: Expecting value"),
        ('{"Resources":\n' + '{"a":' * 100_000, "is nested too deeply to be read"),
        ("Resources:\n " + "[\n " * 20_000, "is nested too deeply"),
        ("- a list", "is no template: it is a list, not a mapping"),
        ("a text", "is no template: it is a text, not a mapping"),
        ("12", "is no template: it is a single value, not a mapping"),
        ("Parameters: {}", "is no template: it has no Resources"),
        ("Resources: {}", "is no template: it has no Resources"),
        ("Resources: [A]", "is no template: it has no Resources"),
        ("Resources: {A: {Tipe: x}}", "the resource A has no Type"),
        ("Resources: {A: []}", "the resource A has no Type"),
        ("Resources: {A: {Type: x}}\nParameters: [A]", "Parameters has to be a mapping"),
        ("Resources: {A: {Type: 'AWS::No::Such'}}", "Unrecognized resource types: [AWS::No::Such]"),
        (
            "Parameters: {Name: {Description: Its name}}\nResources: {A: {Type: 'AWS::SNS::Topic'}}",
            "that it has no defaults for:\n  Name: Its name\nGive them with --parameters Name=...",
        ),
    ],
)
def test_a_template_that_cannot_be_used_is_refused_before_anything_is_created(
    run: Command, cloudformation: Any, tmp_path: Path, content: str | bytes | None, words: str
) -> None:
    before = names(cloudformation)
    path = tmp_path / "template.yaml"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    said = run("deploy", str(path))
    assert (said.code, said.out) == (2, "")
    assert words in said.err
    assert names(cloudformation) == before


TOPIC = "{Type: 'AWS::SNS::Topic', Properties: {TopicName: %s}}"


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("!Ref Nope", "Nope"),
        ("{Ref: Nope}", "Nope"),
        ("!Ref AWS::Nope", "AWS::Nope"),
        ("!GetAtt Nope.Arn", "Nope"),
        ("!GetAtt [Nope, Arn]", "Nope"),
        ("{'Fn::GetAtt': [Nope, Arn]}", "Nope"),
        ("!Sub 'a-${Nope}'", "Nope"),
        ("!Sub 'a-${Nope.Arn}'", "Nope"),
        ("!Sub ['${Own}-${Nope}', {Own: 1}]", "Nope"),
        ("!Sub ['${Own}', {Own: !Ref Nope}]", "Nope"),
        ("!Join ['-', [a, !Sub '${Nope}']]", "Nope"),
        ("!If [Always, !Ref Nope, b]", "Nope"),
    ],
)
def test_a_name_that_nothing_has_is_refused_before_anything_is_created(
    run: Command, cloudformation: Any, tmp_path: Path, value: str, name: str
) -> None:
    before = names(cloudformation)
    path = write(tmp_path / "t.yaml", f"Resources: {{A: {TOPIC % value}}}")
    said = run("deploy", path)
    assert (said.code, said.out) == (2, "")
    place = f"{path} has no parameter and no resource {name}, named at /Resources/A/Properties/TopicName"
    assert said.err.startswith(place)
    assert names(cloudformation) == before


def test_a_name_that_is_nearly_right_is_said_with_the_right_one(run: Command, tmp_path: Path) -> None:
    output = "Outputs: {Arn: {Value: !Ref Topik}}"
    said = run("deploy", write(tmp_path / "t.yaml", f"Resources: {{Topic: {TOPIC % 'a'}}}\n{output}"))
    assert said.code == 2
    assert said.err.endswith("no resource Topik, named at /Outputs/Arn/Value; there is Topic\n")


@pytest.mark.parametrize(
    "template",
    [
        f"Resources: {{A: {TOPIC % '!Ref AWS::StackName'}, B: {TOPIC % '!GetAtt A.TopicName'}}}",
        "Parameters: {P: {Type: String}}\nResources: {A: %s}" % (TOPIC % "!Sub '${P}-${AWS::Region}'"),
        "Resources: {A: %s}" % (TOPIC % "!Sub ['${Own}-${!Nope}', {Own: a}]"),
        "Resources: {A: %s}" % (TOPIC % "{Ref: Nope, Other: 1}"),
        "Resources: {A: {Type: 'AWS::SNS::Topic', Metadata: &a [*a]}}",  # and nobody looks for ever
        "Transform: 'AWS::Serverless-2016-10-31'\nResources: {A: %s}" % (TOPIC % "!Ref Nope"),
        "Resources: {A: {Type: 'My::Own::Thing::MODULE'}, B: %s}" % (TOPIC % "!Ref AThing"),
        "Resources: {'Fn::ForEach::Loop': [X, [a], {}], B: %s}" % (TOPIC % "!Ref TopicA"),
        "Resources: {A: %s}" % (TOPIC % "[{'Fn::Transform': {Name: M}}, !Ref Nope]"),
    ],
)
def test_what_may_be_there_in_the_end_is_not_refused(tmp_path: Path, template: str) -> None:
    assert templates.read(write(tmp_path / "t.yaml", template)).body == template


def test_a_file_that_is_none_is_said_so(run: Command, tmp_path: Path) -> None:
    assert "is a folder, not a template" in run("deploy", str(tmp_path)).err
    assert "cannot be read" in run("deploy", "with\0zero").err
    assert f"there is {VERSION}" in run("deploy", VERSION.replace("registered", "registred")).err


@pytest.mark.usefixtures("sandbox")
def test_templates_may_have_short_tags_and_come_from_stdin(
    run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = (
        b"\xef\xbb\xbfResources: {A: {Type: 'AWS::SNS::Topic', Properties: {TopicName: !Join ['-', [a, b]]}}}"
    )
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(body)))
    assert "No stack can be named after stdin" in run("deploy", "-").err
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(body)))
    assert run("deploy", "-", "--stack", "tags").code == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--parameters", "GroupNam=a"), "has no parameter GroupNam; it has GroupName\nIts parameters: Gr"),
        (("--parameters", "Xyz=a", "Zyx=a"), "has no parameter Zyx\n"),
        (("--parameters", "GroupName=a", "GroupName=b"), "The parameter GroupName is given twice"),
        (("--tags", "a=1", "a=2"), "The tag a is given twice"),
        (("--tags", "aws:a=1"), "refuses the template or its parameters"),
        (("--parameters", "ApprovalStatus=MySecret"), "'ApprovalStatus' is not in AllowedValues: ['Pending"),
        (("--stack", "1st"), "1st is not a name for a stack"),
        (("--stack", "a" * 129), "is not a name for a stack"),
    ],
)
def test_parameters_tags_and_names_that_cannot_be_used_are_refused(
    run: Command, cloudformation: Any, arguments: tuple[str, ...], words: str
) -> None:
    before = names(cloudformation)
    said = run("deploy", VERSION, *arguments)
    assert (said.code, said.out) == (2, "")
    assert words in said.err
    assert "MySecret" not in said.err
    assert names(cloudformation) == before


def in_progress(sandbox: Sandbox, stack: str) -> Callable[[], bool]:
    """Whether the handlers of a stack have begun to wait."""

    def look() -> bool:
        return any(
            stack in (each["stackId"] or "") and each["status"] == "IN_PROGRESS"
            for each in sandbox.invocations()
        )

    return look


def test_interrupted_it_says_what_goes_on_and_what_can_be_done(run: Command, sandbox: Sandbox) -> None:
    never_ready(sandbox)
    with pressed(in_progress(sandbox, "validated-package")):
        said = run("deploy", VALIDATED)
    assert (said.code, said.out) == (130, "")
    told = said.err[said.err.index("Interrupted.") :].splitlines()
    assert told == [
        "Interrupted. validated-package is CREATE_IN_PROGRESS and goes on by itself. See it, or delete it:",
        f"    {this_command()} status validated-package",
        f"    {this_command()} delete validated-package",
    ]
    busy = run("deploy", VALIDATED)
    assert (busy.code, "something else is under way" in busy.err) == (1, True)
    refused = run("reset")
    assert (refused.code, "In progress: validated-package" in refused.err) == (1, True)
    assert run("delete", "validated-package").code == 0
    at_once(sandbox)
    wait_for(lambda: sandbox.sagemaker.packages == [])  # what the creation had begun is deleted, too


def test_what_takes_too_long_is_not_waited_for(run: Command, sandbox: Sandbox) -> None:
    never_ready(sandbox)
    said = run("deploy", VALIDATED, "--timeout", "0.5")
    assert said.code == 4
    assert (
        "It is CREATE_IN_PROGRESS after 0.5 s. validated-package is CREATE_IN_PROGRESS and goes on"
        in said.err
    )
    at_once(sandbox)
    wait_for(
        lambda: run("status", "validated-package").out.startswith("validated-package is CREATE_COMPLETE")
    )
    assert run("delete", "validated-package").code == 0


# --- progress ---------------------------------------------------------------------------------------


def test_on_a_terminal_a_line_says_what_is_waited_for(
    run: Command, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr("sandbox.commands.stacks.PROGRESS_EVERY", 0.0)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    sandbox.sagemaker.behaviour = Behaviour(describes_until_completed=5)
    said = run("deploy", VALIDATED)
    assert said.code == 0
    shown = said.err.split("\r")
    assert [
        line
        for line in shown
        if re.fullmatch(
            r"  Package: CREATE, \d+ s so far, the package is (Pending|InProgress), next look in \d+ s *",
            line,
        )
    ]
    # Every such line is taken away before something else is printed.
    assert all(line.strip() == "" for line in re.findall(r"\r([^\r\n]*)\r(?=  \d\d:|valid)", said.err))
    assert "\x1b" not in said.err
    quiet = run("deploy", VALIDATED, "--tags", "a=1", "--json")
    assert (quiet.code, quiet.err) == (0, "")


def test_elsewhere_there_is_no_such_line(run: Command, sandbox: Sandbox) -> None:
    sandbox.sagemaker.behaviour = Behaviour(describes_until_completed=5)
    said = run("deploy", VALIDATED)
    assert "\r" not in said.err
    assert "next look" not in said.err


def test_the_line_is_as_long_as_the_terminal_at_most(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with common.Progress() as progress:
        progress.show("x" * 80)
        progress.show("y")
    written = capsys.readouterr().err
    assert written == f"\r{'x' * 29}\ry{' ' * 28}\r \r"


# --- delete -----------------------------------------------------------------------------------------


def test_a_stack_is_deleted_and_its_package_with_it(run: Command, sandbox: Sandbox) -> None:
    assert run("deploy", VERSION, "--stack", "fraud").code == 0
    said = run("delete", "fraud")
    assert (said.code, said.out) == (0, "")
    assert "DELETE_SKIPPED                Group" in said.err
    assert said.err.endswith(
        "fraud is DELETE_COMPLETE\n"
        "These stay (DeletionPolicy or UpdateReplacePolicy: Retain, or --retain):\n"
        f"  Group  {GROUP}\n"
        "Their names stay taken. To forget everything in this sandbox:\n"
        f"    {this_command()} reset\n"
    )
    assert sandbox.sagemaker.packages == []
    gone = run("delete", "fraud")
    assert (gone.code, gone.err) == (2, "There is no stack fraud. Stacks in this sandbox: none\n")


def test_what_cannot_be_deleted_can_be_left_behind(run: Command, sandbox: Sandbox, tmp_path: Path) -> None:
    assert run("deploy", write(tmp_path / "t.json", package()), "--stack", "fraud").code == 0
    fault = Fault("AccessDeniedException", "not allowed", operation="DeleteModelPackage", times=None)
    sandbox.sagemaker.behaviour.faults = [fault]
    said = run("delete", "fraud")
    assert said.code == 1
    assert f"    {this_command()} delete fraud --retain Version\n" in said.err
    assert said.err.splitlines()[-1].startswith(
        "  Version: AccessDenied: DELETE AWS::SageMaker::ModelPackage"
    )
    failed = run("delete", "fraud", "--json")
    assert (failed.code, failed.err, failed.json["status"]) == (1, "", "DELETE_FAILED")
    assert [each["resource"] for each in failed.json["failures"]] == ["Version"]
    done = run("delete", "fraud", "--retain", "Version", "--json")
    assert (done.code, done.json["status"]) == (0, "DELETE_COMPLETE")
    assert {each["resource"] for each in done.json["retained"]} == {"Group", "Version"}
    assert len(sandbox.sagemaker.packages) == 1


@pytest.mark.usefixtures("sandbox")
def test_where_nothing_is_retained_nothing_stays(run: Command) -> None:
    assert run("deploy", VALIDATED).code == 0
    said = run("delete", "validated-package")
    assert (said.code, said.err.splitlines()[-1]) == (0, "validated-package is DELETE_COMPLETE")
    assert run("deploy", VALIDATED).code == 0
    assert run("delete", "validated-package", "--json").json["retained"] == []


def test_what_a_stack_has_let_go_of_in_all_its_life_stays(run: Command, sandbox: Sandbox) -> None:
    assert run("deploy", VERSION, "--stack", "fraud").code == 0
    replaced = run("deploy", VERSION, "--stack", "fraud", "--parameters", f"Image={IMAGE}")
    assert f"ModelPackageArn = {ARN}/2\n" in replaced.out
    fault = Fault("AccessDeniedException", "not allowed", operation="DeleteModelPackage", times=None)
    sandbox.sagemaker.behaviour.faults = [fault]
    version = {"resource": "Version", "physicalId": f"{ARN}/1"}
    group = {"resource": "Group", "physicalId": GROUP}
    failed = run("delete", "fraud")  # in which the group is left, and the stack goes on to be there
    assert (failed.code, "These stay" in failed.err) == (1, False)
    assert run("delete", "fraud", "--json").json["retained"] == [version, group]
    sandbox.sagemaker.behaviour.faults = []
    done = run("delete", "fraud", "--json")
    assert (done.code, done.err, done.json["retained"]) == (0, "", [version, group])


@pytest.mark.usefixtures("sandbox")
def test_a_name_that_is_taken_is_said_with_what_can_be_done(run: Command) -> None:
    assert run("deploy", VERSION, "--stack", "fraud").code == 0
    assert run("delete", "fraud").code == 0
    taken = run("deploy", VERSION, "--stack", "fraud")
    assert taken.code == 1
    why, *hint = taken.err.splitlines()[-3:]
    assert f"Model Package Group already exists: {GROUP}" in why
    assert hint == [
        "What has that name already may be what a deleted stack has retained. Give another name, or forget "
        "everything in this sandbox:",
        f"    {this_command()} reset",
    ]
    assert run("deploy", VERSION, "--stack", "other", "--parameters", "GroupName=churn").code == 0
    assert run("reset").code == 0
    assert run("deploy", VERSION, "--stack", "fraud").code == 0


@pytest.mark.usefixtures("sandbox")
def test_what_cloudformation_does_not_delete_is_said_in_its_words(run: Command, tmp_path: Path) -> None:
    template = package()
    template["Outputs"] = {"Arn": {"Value": {"Ref": "Version"}, "Export": {"Name": "the-arn"}}}
    assert run("deploy", write(tmp_path / "t.json", template), "--stack", "fraud").code == 0
    user = {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Fn::ImportValue": "the-arn"}}}
    assert run("deploy", write(tmp_path / "u.json", {"Resources": {"Topic": user}})).code == 0
    said = run("delete", "fraud")
    assert (said.code, said.err) == (
        1,
        "DeleteStack was refused: Export the-arn is imported by stack u\n",
    )


def test_an_interrupted_deletion_goes_on(
    run: Command, sandbox: Sandbox, cloudformation: Any, tmp_path: Path
) -> None:
    assert run("deploy", write(tmp_path / "t.json", package()), "--stack", "fraud").code == 0
    sandbox.sagemaker.behaviour = Behaviour(delete_describes=1_000)
    with pressed(in_progress(sandbox, "fraud")):
        said = run("delete", "fraud")
    assert said.code == 130
    assert "Interrupted. fraud is DELETE_IN_PROGRESS and goes on by itself" in said.err
    late = run("delete", "fraud", "--timeout", "0.1")
    assert (late.code, "It is DELETE_IN_PROGRESS after 0.1 s" in late.err) == (4, True)
    sandbox.sagemaker.reset()  # so it is gone at the next look
    wait_for(lambda: names(cloudformation) == [])
    deletions = [
        each for each in sandbox.invocations() if each["action"] == "DELETE" and not each["callback"]
    ]
    assert len(deletions) == 1


# --- status -----------------------------------------------------------------------------------------


def test_status_shows_stacks_and_packages_by_group(run: Command, sandbox: Sandbox, tmp_path: Path) -> None:
    nothing = run("status")
    assert nothing.code == 0
    assert (
        f"none; deploy one:\n    {this_command()} deploy {VERSION}\npackages\n  none\npage\n" in nothing.out
    )
    life_cycle = {"Stage": "Development", "StageStatus": "InProgress"}
    secret = {"owner": "somebody-in-particular"}
    template = package(ModelLifeCycle=life_cycle, CustomerMetadataProperties=secret)
    assert run("deploy", write(tmp_path / "t.json", template), "--stack", "fraud").code == 0
    assert run("deploy", VALIDATED).code == 0
    said = run("status")
    assert said.code == 0
    for line in (
        r"  fraud              CREATE_COMPLETE",
        r"  validated-package  CREATE_COMPLETE",
        r"  fraud-detection",
        r"    1  Completed  PendingManualApproval  Development/InProgress",
        r"  in no group",
        r"    validated-package-Package-\w+  Completed",
        rf"  {sandbox.page}",
    ):
        assert re.search(rf"^{line}$", said.out, re.MULTILINE), (line, said.out)
    whole = run("status", "--json").json
    assert whole.keys() == {"page", "endpoints", "stacks", "groups"}
    assert whole["groups"][0]["packages"][0]["arn"] == f"{ARN}/1"
    assert [each["stack"] for each in whole["stacks"]] == ["fraud", "validated-package"]
    assert "somebody-in-particular" not in said.out + json.dumps(whole) + run("status", "fraud").out


def test_status_of_a_stack_shows_resources_outputs_and_the_last_failure(
    run: Command, sandbox: Sandbox
) -> None:
    assert run("deploy", VERSION, "--stack", "fraud").code == 0
    good = run("status", "fraud")
    assert "last failure" not in good.out
    assert re.search(rf"^  Version  CREATE_COMPLETE  AWS::SageMaker::ModelPackage  +{ARN}/1$", good.out, re.M)
    assert "outputs\n  ModelPackageArn = " in good.out
    fault = Fault("AccessDeniedException", "not allowed", operation="UpdateModelPackage", times=None)
    sandbox.sagemaker.behaviour.faults = [fault]
    failed = run("deploy", VERSION, "--stack", "fraud", "--parameters", "ApprovalStatus=Approved")
    assert failed.code == 1
    bad = run("status", "fraud")
    assert re.search(
        r"^last failure\n  \d\d:\d\d:\d\d Version: AccessDenied: UPDATE .* not allowed", bad.out, re.M
    )
    whole = run("status", "fraud", "--json").json
    assert whole["outputs"]["ModelPackageArn"] == f"{ARN}/1"
    assert {each["resource"]: each["physicalId"] for each in whole["resources"]}["Version"] == f"{ARN}/1"
    assert whole["lastFailures"][0]["reason"].startswith("AccessDenied: UPDATE")
    assert run("status", "frau").code == 2


# --- events -----------------------------------------------------------------------------------------


def test_events_are_shown_with_their_calls_delays_and_messages(run: Command, sandbox: Sandbox) -> None:
    assert run("events").err == "No events yet\n"
    sandbox.sagemaker.behaviour.validation_failures["smoke-test"] = REASON
    assert run("deploy", VERSION, "--stack", "fraud").code == 0
    assert run("deploy", VALIDATED).code == 1
    said = run("events")
    assert said.code == 0
    assert re.search(
        r"^\d\d:\d\d:\d\d  CREATE +fraud/Version +SUCCESS +\d+ ms  CreateModelPackage, Desc", said.out, re.M
    )
    assert re.search(
        r"  CREATE +validated-package/Package +IN_PROGRESS  next look after 0.02 s  \d+ ms  Create", said.out
    )
    assert re.search(
        r"  CREATE, again  validated-package/Package  FAILED .*\n    NotStabilized: CREATE ", said.out
    )
    own = run("events", "fraud", "--json").events
    assert {each["stack"] for each in own} == {"fraud"}
    failed = run("events", "--failed", "--json").events
    assert [(each["logicalId"], each["errorCode"]) for each in failed] == [("Package", "NotStabilized")]
    none = run("events", "fraud", "--failed")
    assert (none.code, none.out, none.err) == (0, "", "No such events\n")
    assert run("events", "nothing").code == 2
    # A stack that has been deleted has had its events all the same.
    assert run("delete", "validated-package").code == 0
    assert run("events", "validated-package").code == 0


@pytest.mark.usefixtures("sandbox")
def test_older_events_are_counted(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.page.snapshot.MAX_EVENTS", 2)
    for _ in range(3):
        assert run("invoke", "sam-tests/read.json").code == 1
    said = run("events")
    assert (said.out.count("NotFound"), said.err) == (2, "Older events, which are not shown: 1\n")


def test_events_are_followed_until_ctrl_c(run: Command, sandbox: Sandbox) -> None:
    def invoke() -> bool:
        with closing(sandbox.client("lambda")) as client:
            event = (ROOT / "sam-tests" / "read.json").read_bytes()
            client.invoke(FunctionName="TestEntrypoint", Payload=event)["Payload"].close()
        return len(sandbox.invocations()) > 5

    with pressed(invoke):
        said = run("events", "--follow", "--json")
    assert (said.code, said.err) == (0, "")
    ids = [each["id"] for each in said.events]
    assert 1 < len(ids) == len(set(ids))
    assert all(each["status"] == "FAILED" and not each["running"] for each in said.events)


# --- invoke -----------------------------------------------------------------------------------------


def event(action: str = "CREATE", **model: Any) -> Json:
    """An event for TestEntrypoint, about an unversioned package that is validated."""
    template = yaml.safe_load(re.sub(r"!\w+ (\w+)", r"\1", (ROOT / VALIDATED).read_text()))
    properties = template["Resources"]["Package"]["Properties"]
    properties["InferenceSpecification"]["Containers"][0]["Image"] = IMAGE
    properties["ValidationSpecification"]["ValidationRole"] = "arn:aws:iam::123456789012:role/validation"
    properties["ValidationSpecification"]["ValidationProfiles"][0]["ProfileName"] = "smoke-test"
    return {
        "credentials": {"accessKeyId": "a", "secretAccessKey": "b", "sessionToken": "c"},
        "action": action,
        "region": "us-east-1",
        "request": {
            "clientRequestToken": "4b90a7e4-b790-456b-a937-0cfdfa211dfe",
            "desiredResourceState": model or properties,
            "logicalResourceIdentifier": "Package",
        },
        "callbackContext": None,
    }


def production(given: Json) -> Json:
    """The same event as CloudFormation sends it."""
    return {
        "action": given["action"],
        "awsAccountId": "123456789012",
        "bearerToken": given["request"]["clientRequestToken"],
        "region": given["region"],
        "resourceType": "AWS::SageMaker::ModelPackage",
        "requestData": {
            "callerCredentials": given["credentials"],
            "logicalResourceId": "Package",
            "resourceProperties": given["request"]["desiredResourceState"],
        },
        "callbackContext": None,
    }


@pytest.mark.usefixtures("sandbox")
def test_the_answer_to_an_event_is_printed(run: Command, tmp_path: Path) -> None:
    first = run("invoke", write(tmp_path / "event.json", event()))
    assert first.code == 0
    assert first.json["status"] == "IN_PROGRESS"
    assert "the same command with --until-done" in first.err
    assert run("invoke", "sam-tests/list.json", "--json").out.count("\n") == 1
    failed = run("invoke", "sam-tests/read.json")
    assert (failed.code, failed.json["errorCode"]) == (1, "NotFound")
    assert failed.err == f"FAILED NotFound: {failed.json['message']}\n"


@pytest.mark.parametrize("kind", [dict, production])
def test_until_done_looks_again_as_cloudformation_does(
    run: Command, sandbox: Sandbox, tmp_path: Path, kind: Callable[[Json], Json]
) -> None:
    said = run("invoke", write(tmp_path / "event.json", kind(event())), "--until-done")
    assert (said.code, said.json["status"]) == (0, "SUCCESS")
    assert said.err == (
        "look 1: IN_PROGRESS, the next one in 0.02 s\n"
        "look 2: IN_PROGRESS, the next one in 0.04 s\n"
        "look 3: SUCCESS\n"
    )
    function = "TestEntrypoint" if kind is dict else "TypeFunction"
    assert [each["function"] for each in sandbox.invocations()] == [function] * 3
    arn = said.json["resourceModel"]["ModelPackageArn"]
    gone = kind(event("DELETE", ModelPackageArn=arn))
    quiet = run("invoke", write(tmp_path / "event.json", gone), "--until-done", "--json")
    assert (quiet.code, quiet.json["status"], quiet.err) == (0, "SUCCESS", "")
    assert sandbox.sagemaker.packages == []


def test_until_done_ends_with_a_failure_a_timeout_or_ctrl_c(
    run: Command, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "event.json", event())
    sandbox.sagemaker.behaviour.validation_failures["smoke-test"] = REASON
    failed = run("invoke", path, "--until-done")
    assert (failed.code, failed.json["status"]) == (1, "FAILED")
    assert failed.err.splitlines()[-1].endswith(REASON)
    assert run("reset").code == 0
    never_ready(sandbox)
    late = run("invoke", path, "--until-done", "--timeout", "0.3")
    assert (late.code, late.out) == (4, "")
    assert late.err.endswith("It is not over after 0.3 s, and nobody looks again\n")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with pressed(lambda: len(sandbox.invocations()) > 7):
        interrupted = run("invoke", path, "--until-done")
    assert (interrupted.code, interrupted.out) == (130, "")
    assert "Interrupted: the handlers are not asked again" in interrupted.err
    assert re.search(r"\r  \d s so far, next look in \d s", interrupted.err)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "There is no event file at"),
        ("", "is empty"),
        ('{"action": READ}', "is not JSON: line 1, column 12"),
        ("[1]", "is no event: a JSON object with `request`"),
        ('{"action": "READ"}', "is no event"),
        ('{"request": "x"}', "is no event"),
    ],
)
def test_a_file_that_is_no_event_is_refused(
    run: Command, sandbox: Sandbox, tmp_path: Path, content: str | None, words: str
) -> None:
    path = tmp_path / "event.json"
    if content is not None:
        path.write_text(content)
    said = run("invoke", str(path))
    assert (said.code, said.out) == (2, "")
    assert words in said.err
    assert sandbox.invocations() == []


def test_a_function_that_breaks_or_is_missing_is_said_so(
    run: Command, fake_sandbox: Sandbox, tmp_path: Path
) -> None:
    with Note(tmp_path / "state") as note:
        note.write(Running.of(fake_sandbox))
        given = event(Behave="raise")
        broken = write(tmp_path / "production.json", production(given))
        said = run("invoke", broken, "--state", str(note.path))
        assert (said.code, said.out) == (1, "")
        assert said.err == "The function failed: LookupError: the handler broke\n"
        said = run("invoke", write(tmp_path / "test.json", given), "--state", str(note.path))
        assert (said.code, said.out) == (1, "")
        assert said.err.startswith("Invoke was refused: Function not found: arn:aws:lambda:")


# --- export -----------------------------------------------------------------------------------------


def test_export_reads_from_the_running_sandbox_through_its_handlers(run: Command, sandbox: Sandbox) -> None:
    assert run("deploy", VERSION, "--stack", "fraud").code == 0
    said = run("export", f"{ARN}/1")
    assert (said.code, said.err) == (0, "")
    (resource,) = yaml.safe_load(said.out)["Resources"].values()
    assert resource["Properties"]["Domain"] == "MACHINE_LEARNING"
    assert run("export", f"{ARN}/1", "--json").json["Resources"].popitem()[1] == resource
    assert [each["action"] for each in sandbox.invocations()][-2:] == ["READ", "READ"]
    missing = run("export", f"{ARN}/2")
    assert (missing.code, missing.out) == (1, "")
    assert missing.err.startswith("NotFound: READ AWS::SageMaker::ModelPackage")


def test_export_never_reaches_an_account_by_accident(
    run: Command, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("deploy", VERSION, "--stack", "fraud").code == 0
    # A shell for an account: nothing of it is used.
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER", "https://sagemaker.invalid")
    monkeypatch.setenv("AWS_PROFILE", "production")
    assert run("export", f"{ARN}/1").code == 0
    assert sandbox.invocations()[-1]["action"] == "READ"


def test_export_follows_the_variables_that_start_prints(
    run: Command, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert run("deploy", VERSION, "--stack", "fraud").code == 0
    for name, value in environment(sandbox.endpoints).items():
        monkeypatch.setenv(name, value)
    for name in CREDENTIALS:  # an account's, which stay at home
        monkeypatch.setenv(name.upper(), "an-accounts-own")
    monkeypatch.setenv(STATE_VARIABLE, str(tmp_path / "nothing"))
    calls = len(sandbox.sagemaker.calls)
    assert run("export", f"{ARN}/1").code == 0
    assert len(sandbox.sagemaker.calls) > calls
    # A sandbox that is named is the one that is meant.
    assert run("export", f"{ARN}/1", "--state", str(tmp_path / "nothing")).code == 3


@pytest.mark.parametrize(
    "arn", ["fraud-detection/1", f"{ARN}/1/2", ARN.replace("model-package", "model"), ""]
)
def test_what_is_no_arn_of_a_package_is_refused(run: Command, arn: str) -> None:
    said = run("export", arn)
    assert said.code == 2
    assert "is not the ARN of a model package" in said.err


# --- reset ------------------------------------------------------------------------------------------


def test_reset_forgets_everything_without_a_handler_and_says_what(run: Command, sandbox: Sandbox) -> None:
    assert run("deploy", VERSION, "--stack", "fraud").code == 0
    sandbox.sagemaker.behaviour.tags_page = 1
    said = run("reset")
    assert (said.code, said.err) == (0, "")
    assert said.out == (
        "Forgotten: 1 stack (fraud), 1 group (fraud-detection), 1 package, 1 handler event; "
        "SageMaker behaves by its defaults again\n"
    )
    assert sandbox.invocations() == []
    assert sandbox.sagemaker.behaviour == Behaviour()
    assert run("status", "--json").json["stacks"] == []
    assert run("reset", "--json").json == {
        "stacks": [],
        "groups": [],
        "packages": 0,
        "events": 0,
        "behaviour": False,
        "inProgress": [],
    }
    # All names are free again.
    assert run("deploy", VERSION, "--stack", "fraud").code == 0
    assert run("reset").out == (
        "Forgotten: 1 stack (fraud), 1 group (fraud-detection), 1 package, 1 handler event\n"
    )


def test_a_forced_reset_says_that_handlers_go_on(run: Command, sandbox: Sandbox) -> None:
    assert "handlers of the forgotten stack may go on" in " ".join(run("reset", "--help").out.split())
    never_ready(sandbox)
    assert run("deploy", VALIDATED, "--timeout", "0.3").code == 4
    assert run("reset").code == 1
    said = run("reset", "--force")
    assert said.code == 0
    assert said.out.startswith("Forgotten: 1 stack (validated-package), 0 groups, 1 package, ")
    assert said.err.startswith("In progress were: validated-package. Handlers that were asked before may ")
    wait_for(lambda: [each["status"] for each in sandbox.invocations()][-1:] == ["FAILED"])
    assert "CREATE, again  validated-package/Package" in run("events", "validated-package", "--failed").out
    assert run("reset", "--force").err == ""
    never_ready(sandbox)
    assert run("deploy", VALIDATED, "--timeout", "0.3").code == 4
    quiet = run("reset", "--force", "--json")
    assert (quiet.code, quiet.err, quiet.json["inProgress"]) == (0, "", ["validated-package"])
    wait_for(lambda: [each["status"] for each in sandbox.invocations()][-1:] == ["FAILED"])


def test_whoever_stops_reading_gets_no_trace(run: Command) -> None:
    assert run("status").code == 0
    read, write_to = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "sandbox", "status"]
    try:
        done = subprocess.run(command, stdout=write_to, stderr=subprocess.PIPE, check=False)  # noqa: S603
    finally:
        os.close(write_to)
    assert (done.returncode, done.stderr) == (141, b"")


# --- finding the sandbox ----------------------------------------------------------------------------

ANY_COMMAND = [
    ("deploy", VERSION),
    ("delete", "fraud"),
    ("status",),
    ("events",),
    ("invoke", "sam-tests/list.json"),
    ("export", f"{ARN}/1"),
    ("reset",),
]


@pytest.mark.parametrize("arguments", ANY_COMMAND, ids=lambda arguments: arguments[0])
def test_without_a_sandbox_every_command_says_how_to_start_one(
    run: Command, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    state = tmp_path / "state"
    said = run(*arguments, "--state", str(state))
    assert (said.code, said.out) == (3, "")
    assert said.err == (
        f"No sandbox is running (nothing in {state}). Start one in another terminal:\n"
        f"    {this_command()} start --state {state}\n"
    )
    # A file that was left behind is no sandbox.
    state.write_text(json.dumps(GONE.as_json()))
    assert run(*arguments, "--state", str(state)).code == 3


GONE = Running(
    process=os.getpid(),
    endpoints=dict.fromkeys(
        ("sagemaker", "functions", "cloudformation", "cloudcontrol"), "http://127.0.0.1:9"
    ),
    page="http://127.0.0.1:9",
    logs="logs",
    time_scale=1.0,
)


@pytest.mark.parametrize("arguments", ANY_COMMAND, ids=lambda arguments: arguments[0])
def test_a_part_that_does_not_answer_is_said_so(
    run: Command, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    with Note(tmp_path / "state") as note:
        note.write(GONE)
        said = run(*arguments, "--state", str(note.path))
    assert (said.code, said.out) == (3, "")
    assert "does not answer" in said.err
    assert "logs" in said.err


def test_what_needs_cloudformation_says_so_and_the_rest_works(
    run: Command, sandbox: Sandbox, tmp_path: Path
) -> None:
    running = Running.of(sandbox)
    endpoints = {part: url for part, url in running.endpoints.items() if part != "cloudformation"}
    with Note(tmp_path / "state") as note:
        note.write(replace(running, endpoints=endpoints))
        state = ("--state", str(note.path))
        said = run("deploy", VERSION, *state)
        assert (said.code, said.out) == (3, "")
        assert "The running sandbox has no cloudformation" in said.err
        assert run("status", *state).code == 0
        assert run("invoke", "sam-tests/read.json", *state).code == 1
        assert run("reset", *state).out == "Forgotten: 0 stacks, 0 groups, 0 packages, 1 handler event\n"
        note.write(replace(running, page=None))
        assert "started without the page" in run("events", *state).err


def test_a_sandbox_that_is_just_being_started_is_said_so(run: Command, tmp_path: Path) -> None:
    with Note(tmp_path / "state") as note:
        words = "just being started or stopped"
        said = run("status", "--state", str(tmp_path / "state"))
        assert (said.code, said.err) == (3, f"The sandbox is {words}: try again in a moment\n")
        again = run("start", "--state", str(note.path))
        assert (again.code, words in again.err) == (1, True)
        note.write(GONE)
        note.clear()
        assert run("status", "--state", str(note.path)).err == said.err
    assert not (tmp_path / "state").exists()


def test_a_state_that_is_none_is_said_so(run: Command, tmp_path: Path) -> None:
    with Note(tmp_path / "state") as note:
        note.path.write_text('{"a": 1}')
        said = run("status", "--state", str(note.path))
    assert (said.code, said.err) == (2, f"{tmp_path / 'state'} is not the state of a sandbox\n")
