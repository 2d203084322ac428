"""`export`: writes a template that deploys to a package like a live one.

The package is read through the handlers: those of a running sandbox, or those in this process, with the
credentials and the endpoint of the environment, which may be an account's. What belongs to the service, or
was derived from what the template has, is left out, so that the template deploys to an equal package.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import re
import urllib.parse
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any

from sandbox.commands import arguments
from sandbox.commands.errors import UsageError
from sandbox.commands.output import Json, print_json, report
from sandbox.shared.credentials import Credentials
from sandbox.shared.exit_codes import DONE
from sandbox.shared.processes import SandboxError
from sandbox.shared.settings import ACCOUNT, REGION, TYPE_NAME, top_level
from sandbox.state_file import INVOKE_TIMEOUT_SECONDS

LOGICAL_ID = "ModelPackage"
_PACKAGE_ARN = re.compile(r"arn:aws[a-z-]*:sagemaker:[a-z0-9-]+:\d{12}:model-package/[^/]+(?:/\d+)?")
_MODEL_ARN = re.compile(r"arn:aws[a-z-]*:sagemaker:[a-z0-9-]+:\d{12}:model/[^/]+")
# The variables that botocore follows for SageMaker, the first one first.
ENDPOINT_VARIABLES = ("AWS_ENDPOINT_URL_SAGEMAKER", "AWS_ENDPOINT_URL")
LOCAL_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
# Members that the service fills in, at any depth.
_FILLED_IN = frozenset({"ImageDigest", "ModelDataETag", "ETag", "ManifestEtag"})
# Maps, whose keys are the user's and no members.
_MAPS = frozenset({"CustomerMetadataProperties", "Environment"})
_INSTANCE_TYPES = ("SupportedTransformInstanceTypes", "SupportedRealtimeInferenceInstanceTypes")
# What the service reports for a property that was not set.
_DEFAULTS: Json = {"CertifyForMarketplace": False}

HELP = arguments.Help(
    summary="write a template that deploys to a package like a live one",
    explanation=(
        "Reads a package through the handlers and prints a template (YAML) that deploys to an "
        "equal one, without what belongs to the service, and without an InferenceSpecification that "
        "SageMaker fills in again from a model, a package or, where it cannot be given, an algorithm. It is "
        "read from the running sandbox or, in a shell that has exported the variables which 'start' prints, "
        "from the sandbox they "
        "name. A package in an account is read with --account only, with the credentials of the "
        "environment, and at its endpoint if it names one."
    ),
    examples=[f"export arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/fraud-detection/1"],
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("arn", metavar="ARN", help="the package's ARN")
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--account", action="store_true", help="read from the account of the environment's credentials"
    )
    arguments.add_state(source)
    arguments.add_json(parser, "the template")


def run(options: argparse.Namespace) -> int:
    """Print the template of a live package and return the exit code.

    Raises:
        UsageError: the argument is not the ARN of a model package.
        SandboxError: the package cannot be read.
    """
    if not _PACKAGE_ARN.fullmatch(options.arn):
        raise UsageError(
            f"{options.arn} is not the ARN of a model package: "
            "arn:aws:sagemaker:REGION:ACCOUNT:model-package/NAME or .../GROUP/VERSION"
        )
    read = read_with_environment if options.account else _sandbox_reader(options)
    model = read(options.arn)
    source = source_of_specification(model, read)
    if source:
        report(f"InferenceSpecification is left out: SageMaker fills it in from {source}")
        del model["InferenceSpecification"]
    template = make_template(model, _callers_account() if options.account else ACCOUNT)
    if options.json:
        print_json(template)
    else:
        print(to_yaml(template), end="", flush=True)
    return DONE


def read_with_environment(arn: str) -> Json:
    """Return the model of a package, read with the environment's credentials and endpoint.

    Raises:
        SandboxError: there are no credentials, or the package cannot be read.
    """
    import boto3

    session = boto3.session.Session()
    credentials = session.get_credentials()
    if credentials is None:
        raise SandboxError(
            "There are no credentials in the environment, in the files of the AWS CLI, or of a role: "
            "--account needs those of the package's account"
        )
    frozen = credentials.get_frozen_credentials()
    region = session.region_name or os.environ.get("AWS_REGION")
    return _read_in_process(_read_event(arn, region, frozen.access_key, frozen.secret_key, frozen.token))


def source_of_specification(model: Mapping[str, Any], read: Callable[[str], Json]) -> str | None:
    """Return what a package's InferenceSpecification was filled in from; None if it is to be kept.

    A specification in the template deploys to an equal package whether it was given or filled in, so it is
    kept beside algorithms unless it cannot have been given. Beside the ARN of a model or a package it is left
    out, as SageMaker's clients do, unless it differs from what the service fills in. `read` returns the model
    of another package.
    """
    specification = model.get("InferenceSpecification")
    uri = str(model.get("SourceUri"))
    if not specification:
        return None
    if "SourceAlgorithmSpecification" in model:
        is_given = "ModelPackageGroupName" in model or not _has_members_of_versions(specification)
        return None if is_given else "SourceAlgorithmSpecification"
    if _PACKAGE_ARN.fullmatch(uri):
        its_own = None
        with contextlib.suppress(SandboxError):  # it may be gone, or another account's
            its_own = read(uri).get("InferenceSpecification")
        if its_own:
            is_same = _without_filled_in(its_own) == _without_filled_in(specification)
            return f"SourceUri {uri}" if is_same else None
    elif not _MODEL_ARN.fullmatch(uri):
        return None
    # The service takes a source and a specification in two calls only.
    if model.get("LastModifiedTime") == model.get("CreationTime"):
        return f"SourceUri {uri}"
    # One that the service fills in has all instance types.
    may_be_filled_in = all(specification.get(name) for name in _INSTANCE_TYPES)
    return f"SourceUri {uri}, with which it could not be compared" if may_be_filled_in else None


def make_template(model: Mapping[str, Any], account: str | None = None) -> Json:
    """Return the template for a model; without outputs, which an import cannot add.

    The group of a version is its ARN unless it is in `account`, where the template is to be deployed.
    """
    left_out = top_level("readOnlyProperties") | top_level("deprecatedProperties")
    properties = {
        name: value if name in _MAPS else _without_filled_in(value)
        for name, value in model.items()
        if name not in left_out and value not in ([], {}) and _DEFAULTS.get(name) != value
    }
    # An unversioned package's name is taken as long as the package exists: another one is generated.
    properties.pop("ModelPackageName", None)
    if "ModelPackageGroupName" in properties and account not in (
        None,
        model["ModelPackageArn"].split(":")[4],
    ):
        version = model["ModelPackageArn"].replace(":model-package/", ":model-package-group/", 1)
        properties["ModelPackageGroupName"] = version.rsplit("/", 1)[0]
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"Exported from {model['ModelPackageArn']}",
        "Resources": {
            LOGICAL_ID: {
                "Type": TYPE_NAME,
                "UpdateReplacePolicy": "Retain",
                "DeletionPolicy": "Retain",
                "Properties": properties,
            }
        },
    }


def to_yaml(document: Mapping[str, Any]) -> str:
    """Return a document as YAML that every reader of it reads alike."""
    import yaml

    class Dumper(yaml.SafeDumper):
        """Quotes every string: 1e3 and 0o17 are numbers to other readers of YAML than Python's.

        It writes no aliases, which CloudFormation refuses.
        """

        def ignore_aliases(self, _data: Any) -> bool:
            return True

    Dumper.add_representer(
        str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"')
    )
    return yaml.dump(document, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=110)


def _sandbox_reader(options: argparse.Namespace) -> Callable[[str], Json]:
    """Return what reads from the sandbox that --state, the shell's variables or the state file names."""
    endpoint = next((os.environ[name] for name in ENDPOINT_VARIABLES if os.environ.get(name)), "")
    if options.state is None and urllib.parse.urlsplit(endpoint).hostname in LOCAL_HOSTS:
        # The shell may have credentials of an account, which are not sent here.
        credentials = Credentials.of_shell() or Credentials.new()
        return lambda arn: _read_in_process(_read_event(arn, None, *credentials.of_caller().values()))
    sandbox = arguments.sandbox_of(options)

    def read(arn: str) -> Json:
        event = json.dumps(_read_event(arn, None, *sandbox.credentials.of_caller().values()))
        with closing(sandbox.client("lambda", read_timeout=INVOKE_TIMEOUT_SECONDS)) as client:
            response = client.invoke(FunctionName="TypeFunction", Payload=event)
            with response["Payload"] as payload:
                return _model(json.loads(payload.read()))

    return read


def _callers_account() -> str:
    """Return the account of the environment's credentials; empty if it cannot be known."""
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        with closing(boto3.session.Session().client("sts")) as client:
            return str(client.get_caller_identity()["Account"])
    except (BotoCoreError, ClientError):
        return ""


def _has_members_of_versions(specification: Mapping[str, Any]) -> bool:
    """Return whether a specification has what an unversioned package cannot be given."""
    return any(
        container.get(name)
        for container in specification["Containers"]
        for name in ("Environment", "ModelDataSource")
    )


def _read_in_process(event: Json) -> Json:
    from aws_sagemaker_modelpackage.handlers import resource

    # The library prints a trace of every failure; its message is in the answer.
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        answer = resource(event, None)
    return _model(answer)


def _read_event(arn: str, region: str | None, key: str, secret: str, token: str | None) -> Json:
    parts = arn.split(":")
    return {
        "action": "READ",
        "awsAccountId": parts[4],
        "bearerToken": "export",
        "region": parts[3] or region,
        "resourceType": TYPE_NAME,
        "requestData": {
            "callerCredentials": {"accessKeyId": key, "secretAccessKey": secret, "sessionToken": token},
            "resourceProperties": {"ModelPackageArn": arn},
        },
    }


def _model(answer: Mapping[str, Any]) -> Json:
    if answer.get("status") != "SUCCESS":
        code = answer.get("errorCode") or answer.get("errorType")
        raise SandboxError(f"{code}: {answer.get('message') or answer.get('errorMessage')}")
    model: Json = answer["resourceModel"]
    return model


def _without_filled_in(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            name: item if name in _MAPS else _without_filled_in(item)
            for name, item in value.items()
            if name not in _FILLED_IN
            and not (name == "IsCheckpoint" and item is False)
            and not (name == "KmsKeyId" and item == "")
        }
    if isinstance(value, list):
        return [_without_filled_in(item) for item in value]
    return value
