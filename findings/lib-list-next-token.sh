#!/usr/bin/env bash
# The Python support library loses the page token of a LIST event, but only as CloudFormation invokes it.
#
# Packages: cloudformation-cli-python-lib 2.1.20, boto3 1.44.5.
# Expected: `request.nextToken` is the event's `nextToken`, whichever of the two entry points takes the event.
# Behaviour: the entry point for tests hands it over; the one that CloudFormation calls leaves it None, without
#   a message. A list handler that works under `sam local invoke TestEntrypoint` answers its first page for ever.
# Seen: test_entrypoint: 'page-2'; production entry point: None
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --disable-pip-version-check -qq \
    'cloudformation-cli-python-lib==2.1.20' 'boto3==1.44.5'
cd "$work"

"$work/venv/bin/python" - <<'PYTHON'
from cloudformation_cli_python_lib import Action, OperationStatus, ProgressEvent, Resource
from cloudformation_cli_python_lib.interface import BaseModel


class Model(BaseModel):
    @classmethod
    def _deserialize(cls, json_data):
        return cls() if json_data else None


resource = Resource("Acme::Demo::Thing", Model)
tokens = []


@resource.handler(Action.LIST)
def list_handler(session, request, callback_context):
    tokens.append(request.nextToken)
    return ProgressEvent(status=OperationStatus.SUCCESS, resourceModels=[])


credentials = {"accessKeyId": "key", "secretAccessKey": "secret", "sessionToken": "token"}
in_test = {
    "credentials": credentials,
    "region": "us-east-1",
    "action": "LIST",
    "request": {"clientRequestToken": "request", "desiredResourceState": {}, "nextToken": "page-2"},
}
in_production = {
    "awsAccountId": "123456789012",
    "bearerToken": "request",
    "region": "us-east-1",
    "action": "LIST",
    "resourceType": "Acme::Demo::Thing",
    "nextToken": "page-2",
    "requestData": {"callerCredentials": credentials, "resourceProperties": {}},
}
for answer in (resource.test_entrypoint(in_test, None), resource(in_production, None)):
    if answer["status"] != "SUCCESS":
        raise SystemExit(f"not the event that this script is about: {answer}")
if tokens != ["page-2", None]:
    raise SystemExit(f"no longer so: test_entrypoint and production entry point handed over {tokens}")
print(f"as stated: test_entrypoint: {tokens[0]!r}; production entry point: {tokens[1]!r}")
PYTHON
