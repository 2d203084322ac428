"""`demo`: deploys the examples in a sandbox of its own, and checks every step.

Every step prints what it is about to show, then stack events and SageMaker calls as they happen; it fails
when something else happens. `make demo` is this command.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from sandbox.commands import arguments
from sandbox.commands.demo_steps import Demo, StepFailed, check
from sandbox.commands.deployment import problems_of_file
from sandbox.commands.errors import UsageError
from sandbox.commands.lint import Problem
from sandbox.commands.output import print_json, print_result, report
from sandbox.local_aws import Sandbox
from sandbox.shared.exit_codes import USAGE
from sandbox.shared.settings import ACCOUNT, EXAMPLES, REGION
from sandbox.state_file import short_path

ATTRIBUTES = ("ModelPackageArn", "CreationTime", "ModelPackageStatus")
REPOSITORY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/fraud"
DEPLOYED = (EXAMPLES / "registered-version.yaml", EXAMPLES / "validated-package.yaml")
BROKEN_IMAGE = f"{REPOSITORY}:broken"
REASON = "ClientError: the container exited with status 1 before it answered a ping"

HELP = arguments.Help(
    summary="deploy the examples in a sandbox of its own, showing and checking what happens",
    explanation=(
        "Starts a sandbox of its own, deploys the examples in it through CloudFormation to the "
        "handlers, shows stack events and SageMaker calls in the order in which they happen, checks that "
        "what happens is what was announced, and stops. With --template it deploys and deletes that "
        "template instead. Before that the templates are linted by the rules of editors/rules, and an "
        "error ends the command. With --registry it registers the type under a name of its own, by cfn "
        "submit and the AWS CLI, upgrades it, goes back and removes it. It needs no running sandbox and "
        "touches none."
    ),
    examples=[
        "demo",
        "demo --template examples/registered-version.yaml --parameters GroupName=churn",
        "demo --registry",
    ],
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument("--template", type=Path, help="deploy and delete this template instead")
    chosen.add_argument(
        "--registry",
        action="store_true",
        help="register, upgrade and remove the type under a name of its own",
    )
    parser.add_argument(
        "--parameters",
        nargs="*",
        action="extend",
        default=[],
        type=arguments.pair,
        metavar="NAME=VALUE",
        help="parameters for it",
    )
    arguments.add_json(parser, "the steps at the end, with their lines")
    parser.add_argument(
        "--no-lint", action="store_true", help="deploy without asking the rules of editors/rules"
    )


def run(options: argparse.Namespace) -> int:
    """Deploy the examples, or one template, and return the exit code.

    Raises:
        UsageError: the template does not exist or is none, or there are parameters without a template.
    """
    from sandbox.sagemaker import Behaviour

    template, parameters = options.template, arguments.unique(options.parameters, "parameter")
    if template is not None and not template.is_file():
        raise UsageError(f"There is no template at {template}")
    if parameters and template is None:
        raise UsageError("Parameters need a template of your own: the examples have their own")
    if options.registry:
        from sandbox.commands.demo_registry import show_registry

        return show_registry(print_result, as_json=options.json)
    files = [template] if template else DEPLOYED
    problems = [] if options.no_lint else _problems(files, parameters, quiet=options.json)
    found = {"problems": [each.as_json() for each in problems]}
    if any(each.is_error for each in problems):
        if options.json:
            print_json({"ok": False, "steps": [], **found})
        else:
            report("Nothing was started. --no-lint deploys it nevertheless")
        return USAGE
    print_line: Callable[[str], None] = (lambda _: None) if options.json else print_result
    print_line("Starting SageMaker, the Invoke API and CloudFormation on this machine ...")
    with Sandbox() as sandbox:
        # Three polls until a validation has ended: after 1, 2 and 4 seconds.
        sandbox.sagemaker.behaviour = Behaviour(describes_until_completed=2, pending_describes=1)
        for part, endpoint in sandbox.endpoints.items():
            print_line(f"   {part:15} {endpoint}")
        demo = Demo(sandbox, print_line)
        code = deploy_template(demo, template, parameters) if template else deploy_examples(demo)
        if options.json:
            print_json({**demo.as_json(), **found})
        return code


def _problems(files: Sequence[Path], parameters: Mapping[str, str], *, quiet: bool) -> list[Problem]:
    """Return what the rules say of templates, and report it unless that is not wanted."""
    found = []
    for file in files:
        template, problems = problems_of_file(short_path(file), parameters)
        for each in problems if not quiet else ():
            report(each.text(template.file))
        found += problems
    return found


def deploy_examples(demo: Demo) -> int:
    """Deploy the examples, from the first version to the last delete; return the exit code."""
    version, package = DEPLOYED
    first: dict[str, str] = {}

    with demo.step("Register a version in a group: registered-version.yaml"):
        status = demo.deploy("registered-version", version)
        first = demo.outputs("registered-version")
        check(status == "CREATE_COMPLETE", f"the stack is {status}")
        check(set(ATTRIBUTES) <= first.keys(), "an attribute is missing from the outputs")
        check(first["ModelPackageStatus"] == "Completed", "the version is not complete")

    with demo.step("Approve it by a parameter: updated in place, the same version"):
        approved = {"ApprovalStatus": "Approved", "ApprovalDescription": "Within the loss budget"}
        status = demo.deploy("registered-version", version, approved)
        after = demo.outputs("registered-version")
        check(status == "UPDATE_COMPLETE", f"the stack is {status}")
        check(after["ModelPackageArn"] == first.get("ModelPackageArn"), "the version was replaced")
        check(demo.package(after["ModelPackageArn"])["ModelApprovalStatus"] == "Approved", "not approved")

    with demo.step("Change the container: another model, so a new version; the old one is retained"):
        image = {"Image": f"{REPOSITORY}:1.5.0"}
        status = demo.deploy("registered-version", version, image)
        after = demo.outputs("registered-version")
        check(status == "UPDATE_COMPLETE", f"the stack is {status}")
        check(after["ModelPackageArn"] != first.get("ModelPackageArn"), "the version was not replaced")
        check(first.get("ModelPackageArn") in demo.packages(), "the old version is gone")

    with demo.step(
        "An unversioned package, validated before it is complete, with tags: validated-package.yaml"
    ):
        status = demo.deploy("validated-package", package)
        after = demo.outputs("validated-package")
        check(status == "CREATE_COMPLETE", f"the stack is {status}")
        check(set(ATTRIBUTES) <= after.keys(), "an attribute is missing from the outputs")

    with demo.step("A package whose validation fails: rolled back, with SageMaker's reason in the events"):
        left = demo.packages()
        demo.sandbox.sagemaker.behaviour.validation_failures[BROKEN_IMAGE] = REASON
        status = demo.deploy("broken-package", package, {"Image": BROKEN_IMAGE})
        check(status == "ROLLBACK_COMPLETE", f"the stack is {status}")
        check(
            any(REASON in reason for reason in demo.reasons("broken-package")), "the events lack the reason"
        )
        check(demo.packages() == left, "the failed package was left behind")

    for stack in ("broken-package", "validated-package", "registered-version"):
        with demo.step(f"Delete the stack {stack}"):
            status = demo.delete(stack)
            check(status == "DELETE_COMPLETE", f"the stack is {status}")

    with demo.step("What is left is what the template retains: the version that was replaced"):
        left = demo.packages()
        for arn in left:
            demo.print_line(f"   left    {arn}")
        check(left == [first.get("ModelPackageArn")], "something else is left")
    return demo.summary()


def deploy_template(demo: Demo, template: Path, parameters: Mapping[str, str] | None = None) -> int:
    """Deploy a template, show its outputs and delete it; return the exit code."""
    with demo.step(f"Deploy {template}"):
        status = _deploy_own(demo, template, parameters)
        demo.outputs("own-template")
        check(status == "CREATE_COMPLETE", f"the stack is {status}")
    if demo.stacks.find("own-template"):  # a template that is refused makes none
        with demo.step("Delete the stack"):
            status = demo.delete("own-template")
            check(status == "DELETE_COMPLETE", f"the stack is {status}")
    return demo.summary()


def _deploy_own(demo: Demo, template: Path, parameters: Mapping[str, str] | None) -> str:
    from botocore.exceptions import ClientError

    try:
        return demo.deploy("own-template", template, parameters)
    except ClientError as error:
        hint = '. Give it with PARAMETERS="Name=value"' if "must have values" in str(error) else ""
        raise StepFailed(f"{error}{hint}") from error
