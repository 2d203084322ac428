"""Small schema handler packages, made in memory: a handler is one function, which keeps things in files."""

from __future__ import annotations

import io
import itertools
import json
import textwrap
import zipfile
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from sandbox.local_aws import Sandbox
from sandbox.shared.settings import REGION
from tests.sandbox.helpers import until

TYPE = "Acme::Test::Thing"
BUCKET = "packages"
Json = dict[str, Any]

# `Gate` names a file: the handler waits for it. `Fails` is the action that fails, but not in a version called
# tolerant.
HANDLERS = """
import json
import time
from pathlib import Path

VERSION, STORE = {version!r}, Path({store!r})


def resource(event, context):
    data, action = event["requestData"], event["action"]
    model = data["resourceProperties"]
    folder = STORE / event["region"]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{{model.get('Name')}}.json"
    entry = {{
        "version": VERSION,
        "action": action,
        "name": model.get("Name"),
        "region": event["region"],
        "number": event["resourceTypeVersion"],
        "callback": bool(event.get("callbackContext")),
        "logGroup": data.get("providerLogGroupName"),
    }}
    with (STORE / "log").open("a") as log:
        log.write(json.dumps(entry) + "\\n")
    if action == "LIST":
        models = [json.loads(each.read_text()) for each in sorted(folder.glob("*.json"))]
        return {{"status": "SUCCESS", "resourceModels": models}}
    if action != "CREATE" and not path.exists():
        return {{"status": "FAILED", "errorCode": "NotFound", "message": "there is no such thing"}}
    if model.get("Fails") == action and not VERSION.startswith("tolerant"):
        return {{"status": "FAILED", "errorCode": "GeneralServiceException", "message": "it fails as asked"}}
    if action in ("CREATE", "UPDATE"):
        if action == "CREATE" and not event.get("callbackContext"):
            if path.exists():
                return {{"status": "FAILED", "errorCode": "AlreadyExists", "message": "there is one"}}
        live = json.loads(path.read_text()) if path.exists() else {{}}
        model = {{**live, **{{name: value for name, value in model.items() if value is not None}}}}
        model["MadeBy" if action == "CREATE" else "ChangedBy"] = VERSION
        path.write_text(json.dumps(model))
        gate = model.get("Gate")
        if gate and not Path(gate).exists():
            context = {{"waits": True}}
            answer = {{"status": "IN_PROGRESS", "callbackDelaySeconds": 1, "callbackContext": context}}
            return {{**answer, "resourceModel": model}}
        return {{"status": "SUCCESS", "resourceModel": model}}
    if action == "DELETE":
        path.unlink()
        return {{"status": "SUCCESS"}}
    return {{"status": "SUCCESS", "resourceModel": json.loads(path.read_text())}}
"""


def schema(type_name: str = TYPE, **more: Any) -> Json:
    """The schema of a thing, with other members added or, if they are None, left out."""
    text = {"type": "string"}
    properties = {
        **dict.fromkeys(("Name", "Colour", "Gate", "Fails", "MadeBy", "ChangedBy"), text),
        "Size": {"type": "integer"},
    }
    content = {
        "typeName": type_name,
        "description": "A thing of the tests",
        "properties": properties,
        "additionalProperties": False,
        "required": ["Name"],
        "readOnlyProperties": ["/properties/MadeBy", "/properties/ChangedBy"],
        "createOnlyProperties": ["/properties/Name"],
        "primaryIdentifier": ["/properties/Name"],
        "handlers": {name: {"permissions": []} for name in ("create", "read", "update", "delete", "list")},
        **more,
    }
    return {name: value for name, value in content.items() if value is not None}


def settings(type_name: str | None = TYPE, **more: Any) -> Json:
    """The settings of a package, which may name another type than its schema, or none."""
    content = {
        "artifact_type": "RESOURCE",
        "typeName": type_name,
        "language": "python312",
        "runtime": "python3.12",
        "entrypoint": "thing.resource",
        "settings": {"protocolVersion": "2.0.0"},
        **more,
    }
    return {name: value for name, value in content.items() if value is not None}


def zipped(members: Mapping[str, bytes | str], **options: Any) -> bytes:
    """A zip file with these members."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return data.getvalue()


def package_of(
    handlers: bytes | Mapping[str, bytes | str] | str,
    /,
    *,
    type_name: str = TYPE,
    config: Any = None,
    definition: Any = None,
    **schema_members: Any,
) -> bytes:
    """A package with these handlers: a module's code, a zip's members or a zip; text for JSON as it is."""
    if isinstance(handlers, str):
        handlers = {"thing.py": handlers}
    made = schema(type_name, **schema_members) if definition is None else definition
    given = settings(type_name) if config is None else config
    return zipped(
        {
            ".rpdk-config": given if isinstance(given, (str, bytes)) else json.dumps(given),
            "schema.json": made if isinstance(made, (str, bytes)) else json.dumps(made),
            "ResourceProvider.zip": handlers if isinstance(handlers, bytes) else zipped(handlers),
        }
    )


class Packages:
    """Packages of versions, whose handlers keep things and a log in one folder."""

    def __init__(self, store: Path) -> None:
        self.store = store
        store.mkdir(parents=True, exist_ok=True)

    def build(self, version: str = "one", type_name: str = TYPE, **schema_members: Any) -> bytes:
        """A package whose handlers say which version they are."""
        code = textwrap.dedent(HANDLERS).format(version=version, store=str(self.store))
        return package_of(code, type_name=type_name, **schema_members)

    def log(self) -> list[Json]:
        """What the handlers were asked, oldest first."""
        path = self.store / "log"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def handled(self) -> list[tuple[str, str]]:
        """Version and action of the first invocation of each operation."""
        return [(each["version"], each["action"]) for each in self.log() if not each["callback"]]

    def things(self, region: str = REGION) -> dict[str, Json]:
        """The things in a region, by name."""
        folder = self.store / region
        return {path.stem: json.loads(path.read_text()) for path in folder.glob("*.json")}

    def gate(self, name: str = "gate") -> Path:
        """A file that handlers wait for."""
        return self.store / name


class Registry:
    """The registry's client in one region, with uploads and the waiting done."""

    _numbers = itertools.count(1)

    def __init__(self, sandbox: Sandbox, region: str = REGION) -> None:
        self.client: Any = sandbox.client("cloudformation", region_name=region)
        endpoint = sandbox.endpoints["cloudformation"]
        self._s3 = sandbox.client("s3", endpoint_url=endpoint, region_name=REGION)
        self.folder = Path(sandbox._folder)

    def close(self) -> None:
        self.client.close()
        self._s3.close()

    def upload(self, data: bytes) -> str:
        """Put a package into S3 and return its address."""
        self._s3.create_bucket(Bucket=BUCKET)
        key = f"thing-{next(self._numbers)}.zip"
        self._s3.put_object(Bucket=BUCKET, Key=key, Body=data)
        return f"s3://{BUCKET}/{key}"

    def begin(self, data: bytes | str, type_name: str = TYPE, **more: Any) -> str:
        """Ask for a registration and return its token; a package, or its address."""
        address = data if isinstance(data, str) else self.upload(data)
        answer = self.client.register_type(TypeName=type_name, SchemaHandlerPackage=address, **more)
        return str(answer["RegistrationToken"])

    def wait(self, token: str) -> Json:
        """Poll until a registration has ended and return its description."""

        def ended() -> Json | None:
            answer = self.client.describe_type_registration(RegistrationToken=token)
            return {**answer} if answer["ProgressStatus"] != "IN_PROGRESS" else None

        return until(ended) or {}

    def register(self, data: bytes | str, type_name: str = TYPE, **more: Any) -> str:
        """Register a version, which must succeed, and return its ARN."""
        ended = self.wait(self.begin(data, type_name, **more))
        assert ended["ProgressStatus"] == "COMPLETE", ended
        return str(ended["TypeVersionArn"])

    def refusal(self, data: bytes | str, type_name: str = TYPE) -> str:
        """Register a version, which must fail, and return the reason."""
        token = self.begin(data, type_name)
        ended = self.wait(token)
        assert ended["ProgressStatus"] == "FAILED", ended
        assert (
            self.client.list_type_versions(Type="RESOURCE", TypeName=type_name)["TypeVersionSummaries"] == []
        )
        first, _, reason = ended["Description"].partition("\n")
        assert first == (
            "Deployment is currently in VALIDATION_STAGE of status FAILED; Next is DEPLOY_STAGE with status "
            "CANCELLED"
        )
        prefix = f"Deployment failed with error. Error message: [{token}] "
        assert reason.startswith(prefix)
        return str(reason.removeprefix(prefix))

    def set_default(self, arn: str) -> None:
        self.client.set_type_default_version(Arn=arn)

    def deregister(self, type_name: str = TYPE) -> None:
        """Deregister a type with its only version."""
        self.client.deregister_type(Type="RESOURCE", TypeName=type_name)

    def versions(self, type_name: str = TYPE, **more: Any) -> dict[str, bool]:
        """The versions by number, and whether each is the default one."""
        answer = self.client.list_type_versions(Type="RESOURCE", TypeName=type_name, **more)
        return {each["VersionId"]: each["IsDefaultVersion"] for each in answer["TypeVersionSummaries"]}


def closing_registry(sandbox: Sandbox, region: str = REGION) -> Any:
    """A registry's client that is closed at the end of its `with` block."""
    return closing(Registry(sandbox, region))
