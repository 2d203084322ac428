"""From a live package to a template: `python -m sandbox export ARN`.

The package is read through the handlers: those of a running sandbox, or those in this process, with the
credentials and the endpoint of the environment, which may be an account's. What belongs to the service is
left out, so that the template deploys to an equal package.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
from collections.abc import Mapping
from typing import Any

import yaml

from sandbox.shared.processes import SandboxError
from sandbox.shared.settings import CREDENTIALS, TYPE_NAME, top_level

# The service fills these in, wherever they stand in a specification.
_FILLED_IN = frozenset({"ImageDigest", "ModelDataETag", "ETag", "ManifestEtag"})
# What the service reports for a package that was given nothing; in a template it would say nothing.
_DEFAULTS: dict[str, Any] = {"CertifyForMarketplace": False}
LOGICAL_ID = "ModelPackage"


def from_environment(arn: str) -> dict[str, Any]:
    """The model of a package, read with the environment's credentials; SandboxError when that fails."""
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
    return _read_here(_event(arn, region, frozen.access_key, frozen.secret_key, frozen.token))


def from_local_endpoint(arn: str) -> dict[str, Any]:
    """The same from the sandbox whose endpoint the environment names, without any credentials of it."""
    return _read_here(_event(arn, None, *CREDENTIALS.values()))


def through(client: Any, arn: str) -> dict[str, Any]:
    """The model of a package, from the handlers behind an Invoke API."""
    event = _event(arn, None, *CREDENTIALS.values())
    answered = client.invoke(FunctionName="TypeFunction", Payload=json.dumps(event))
    with answered["Payload"] as payload:
        return _model(json.loads(payload.read()))


def _read_here(event: dict[str, Any]) -> dict[str, Any]:
    from aws_sagemaker_modelpackage.handlers import resource

    # The library prints a trace of every failure; its message is told below.
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        answer = resource(event, None)
    return _model(answer)


def _event(arn: str, region: str | None, key: str, secret: str, token: str | None) -> dict[str, Any]:
    parts = arn.split(":")
    return {
        "action": "READ",
        "awsAccountId": parts[4] if len(parts) > 5 else "",
        "bearerToken": "export",
        "region": (parts[3] if len(parts) > 5 else "") or region,
        "resourceType": TYPE_NAME,
        "requestData": {
            "callerCredentials": {"accessKeyId": key, "secretAccessKey": secret, "sessionToken": token},
            "resourceProperties": {"ModelPackageArn": arn},
        },
    }


def _model(answer: Mapping[str, Any]) -> dict[str, Any]:
    """The model in an answer of read; SandboxError, with the handler's words, when there is none."""
    if answer.get("status") != "SUCCESS":
        code = answer.get("errorCode") or answer.get("errorType")
        raise SandboxError(f"{code}: {answer.get('message') or answer.get('errorMessage')}")
    model: dict[str, Any] = answer["resourceModel"]
    return model


def template(model: Mapping[str, Any]) -> dict[str, Any]:
    """The template of a package, from what read returns; without outputs, which an import cannot add."""
    left_out = top_level("readOnlyProperties") | top_level("deprecatedProperties")
    properties = {
        name: _given(value)
        for name, value in model.items()
        if name not in left_out and value not in ([], {}) and _DEFAULTS.get(name) != value
    }
    # An unversioned package's name is taken as long as the package is there: another is generated.
    properties.pop("ModelPackageName", None)
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


def _given(value: Any) -> Any:
    """A value without what the service filled in."""
    if isinstance(value, Mapping):
        return {
            name: _given(item)
            for name, item in value.items()
            if name not in _FILLED_IN
            and not (name == "IsCheckpoint" and item is False)
            and not (name == "KmsKeyId" and item == "")
        }
    if isinstance(value, list):
        return [_given(item) for item in value]
    return value


class _Dumper(yaml.SafeDumper):
    """Writes every text in quotes: 1e3 and 0o17 are numbers to other readers of YAML than Python's."""

    def represent_text(self, text: str) -> yaml.ScalarNode:
        """A text as a scalar that no reader takes for anything else."""
        return self.represent_scalar("tag:yaml.org,2002:str", text, style='"')


_Dumper.add_representer(str, _Dumper.represent_text)


def as_yaml(document: Mapping[str, Any]) -> str:
    """A template as YAML that every reader of it reads alike."""
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


def export(arn: str) -> str:
    """The template of a live package, read with the environment's credentials and endpoint, as YAML."""
    return as_yaml(template(from_environment(arn)))
