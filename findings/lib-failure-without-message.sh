#!/usr/bin/env bash
# A subclass of the support library's NotFound is reported as InternalFailure, with no message or a wrong one.
#
# Packages: cloudformation-cli-python-lib 2.1.20, boto3 1.44.5.
# Expected: as with any hierarchy of exceptions, `class GroupNotFound(exceptions.NotFound)` is a NotFound; and
#   an exception that the library does not know leaves its text in the event, as the library's own do.
# Behaviour: the error code is looked up by the exact name of the raised class, so creating the subclass raises
#   KeyError. Whatever is not the library's own then becomes InternalFailure: with an empty message in
#   production, and with "Uninitialized" in the entry point for tests.
# Seen: NotFound -> NotFound, "Resource of type 'Acme::Demo::Thing' with identifier 'a' was not found.";
#   its subclass -> InternalFailure, '' (test_entrypoint: 'Uninitialized')
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --disable-pip-version-check -qq \
    'cloudformation-cli-python-lib==2.1.20' 'boto3==1.44.5'
cd "$work"

"$work/venv/bin/python" - <<'PYTHON'
import contextlib
import io
import logging

from cloudformation_cli_python_lib import Action, Resource, exceptions
from cloudformation_cli_python_lib.interface import BaseModel

logging.disable()  # the library logs, or prints, the traceback


class Model(BaseModel):
    @classmethod
    def _deserialize(cls, json_data):
        return cls() if json_data else None


class GroupNotFound(exceptions.NotFound):
    """No group of that name."""


resource = Resource("Acme::Demo::Thing", Model)
credentials = {"accessKeyId": "key", "secretAccessKey": "secret", "sessionToken": "token"}
production = {
    "awsAccountId": "123456789012",
    "bearerToken": "request",
    "region": "us-east-1",
    "action": "READ",
    "resourceType": "Acme::Demo::Thing",
    "requestData": {"callerCredentials": credentials, "resourceProperties": {}},
}
test = {
    "credentials": credentials,
    "region": "us-east-1",
    "action": "READ",
    "request": {"clientRequestToken": "request", "desiredResourceState": {}},
}
seen = []
for error_class in (exceptions.NotFound, GroupNotFound):

    @resource.handler(Action.READ)
    def read(session, request, callback_context):
        raise error_class("Acme::Demo::Thing", "a")

    for entry, event in ((resource, production), (resource.test_entrypoint, test)):
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            answer = entry(event, None)
        seen.append((answer["errorCode"], answer["message"]))

plain = ("NotFound", "Resource of type 'Acme::Demo::Thing' with identifier 'a' was not found.")
if seen != [plain, plain, ("InternalFailure", ""), ("InternalFailure", "Uninitialized")]:
    raise SystemExit(f"no longer so: {seen}")
print(f"as stated: NotFound -> {seen[0]}; its subclass -> {seen[2]} (test_entrypoint: {seen[3][1]!r})")
PYTHON
