"""From a live package to a template: `python -m sandbox export ARN`.

The package is read through the handlers, with the credentials and the endpoint of the environment, so it
works against the sandbox and against an account. What belongs to the service is left out, so that the
template deploys to an equal package.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Mapping
from typing import Any

import yaml

from sandbox.children import SandboxError
from sandbox.schema import TYPE_NAME, top_level

# The service fills these in, wherever they stand in a specification.
_FILLED_IN = frozenset({"ImageDigest", "ModelDataETag", "ETag", "ManifestEtag"})
# What the service reports for a package that was given nothing; in a template it would say nothing.
_DEFAULTS: dict[str, Any] = {"CertifyForMarketplace": False}
LOGICAL_ID = "ModelPackage"


def read(arn: str) -> dict[str, Any]:
    """The model of a package, from the read handler; SandboxError, with its words, when it fails."""
    import boto3

    from aws_sagemaker_modelpackage.handlers import resource

    session = boto3.session.Session()
    credentials = session.get_credentials()
    if credentials is None:
        raise SandboxError("There are no credentials: export those that `python -m sandbox start` prints")
    frozen = credentials.get_frozen_credentials()
    parts = arn.split(":")
    event = {
        "action": "READ",
        "awsAccountId": parts[4] if len(parts) > 5 else "",
        "bearerToken": "export",
        "region": (parts[3] if len(parts) > 5 else "") or session.region_name or os.environ.get("AWS_REGION"),
        "resourceType": TYPE_NAME,
        "requestData": {
            "callerCredentials": {
                "accessKeyId": frozen.access_key,
                "secretAccessKey": frozen.secret_key,
                "sessionToken": frozen.token,
            },
            "resourceProperties": {"ModelPackageArn": arn},
        },
    }
    # The library prints a trace of every failure; its message is told below.
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        answer = resource(event, None)
    if answer["status"] != "SUCCESS":
        raise SandboxError(f"{answer['errorCode']}: {answer['message']}")
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


def export(arn: str) -> str:
    """The template of a live package, as YAML."""
    return yaml.dump(template(read(arn)), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
