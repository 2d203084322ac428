"""Packages of two versions of the type, of which one is built, and their registration."""

from __future__ import annotations

import zipfile
from contextlib import closing
from dataclasses import dataclass
from io import BytesIO
from typing import Self

from sandbox.commands.demo_registry import TYPE, without_newer
from sandbox.local_aws import Sandbox

BUCKET = "registered"


@dataclass(frozen=True)
class Packages:
    """Two schema handler packages with this commit's handlers: the older one's schema lacks a property."""

    older: bytes
    newer: bytes

    @classmethod
    def of(cls, newer: bytes, schema_file: str) -> Self:
        """Return a package, and the same with the older schema."""
        older = BytesIO()
        with zipfile.ZipFile(BytesIO(newer)) as given, zipfile.ZipFile(older, "w") as made:
            for name in given.namelist():
                content = given.read(name)
                made.writestr(name, without_newer(content.decode()) if name == schema_file else content)
        return cls(older.getvalue(), newer)


def versions_run(sandbox: Sandbox) -> list[str]:
    """Return the numbers of the versions whose handlers have run, oldest first, by the names of functions."""
    names = (str(each["function"]) for each in sandbox.invocations())
    # After a reset there is one more number at the end.
    return [name.removeprefix(f"{TYPE.in_arn}-us-east-1-")[:8] for name in names]


def register(sandbox: Sandbox, package: bytes) -> str:
    """Register a package as the default version of the type, and return the version's ARN."""
    with (
        closing(sandbox.client("s3", endpoint_url=sandbox.endpoints["cloudformation"])) as s3,
        closing(sandbox.client("cloudformation")) as registry,
    ):
        s3.create_bucket(Bucket=BUCKET)
        s3.put_object(Bucket=BUCKET, Key=f"{TYPE.hyphenated}.zip", Body=package)
        location = f"s3://{BUCKET}/{TYPE.hyphenated}.zip"
        token = registry.register_type(Type="RESOURCE", TypeName=TYPE.name, SchemaHandlerPackage=location)[
            "RegistrationToken"
        ]
        registration = registry.describe_type_registration(RegistrationToken=token)
        assert registration["ProgressStatus"] == "COMPLETE", registration
        arn = registration["TypeVersionArn"]
        registry.set_type_default_version(Arn=arn)
    return arn
