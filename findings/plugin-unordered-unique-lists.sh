#!/usr/bin/env bash
# Model classes generated for a list that is unique and unordered cannot be answered with, or not even read.
#
# Packages: cloudformation-cli 0.2.41, cloudformation-cli-python-plugin 2.1.10,
#   cloudformation-cli-python-lib 2.1.20, boto3 1.44.5.
# Expected: `"uniqueItems": true, "insertionOrder": false` on a list, which says that order and duplicates do
#   not matter, changes nothing for a handler that answers with the model it was given.
# Behaviour: the plugin types such a list as AbstractSet and makes a Python set of it, and the support library
#   has no way to write a set as JSON. The handler has done its work, the event says FAILED, InternalFailure, no
#   message. Of a list of objects it makes a set of dicts, so the event is refused before the handler runs.
#   Neither `cfn validate` nor `cfn generate` objects to the schema.
# Seen, as (handler ran, status, code, message): neither list given: (True, SUCCESS, None, ''); strings: (True,
#   FAILED, InternalFailure, ''); objects: (False, FAILED, InvalidRequest, "unhashable type: 'dict' (TypeError)")
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --disable-pip-version-check -qq 'cloudformation-cli==0.2.41' \
    'cloudformation-cli-python-plugin==2.1.10' 'cloudformation-cli-python-lib==2.1.20' 'boto3==1.44.5'
cd "$work"

mkdir -p src/acme_demo_thing
cat >.rpdk-config <<'JSON'
{"artifact_type": "RESOURCE", "typeName": "Acme::Demo::Thing", "language": "python311", "runtime": "python3.11",
 "entrypoint": "acme_demo_thing.handlers.resource", "testEntrypoint": "acme_demo_thing.handlers.test_entrypoint",
 "settings": {"use_docker": false, "no_docker": true, "protocolVersion": "2.0.0"}}
JSON
cat >acme-demo-thing.json <<'JSON'
{"typeName": "Acme::Demo::Thing", "description": "A thing.", "additionalProperties": false,
 "definitions": {"Pair": {"type": "object", "additionalProperties": false,
    "properties": {"Key": {"type": "string"}, "Value": {"type": "string"}}}},
 "properties": {
    "Id": {"type": "string"},
    "Zones": {"type": "array", "uniqueItems": true, "insertionOrder": false, "items": {"type": "string"}},
    "Pairs": {"type": "array", "uniqueItems": true, "insertionOrder": false, "items": {"$ref": "#/definitions/Pair"}}},
 "tagging": {"taggable": false},
 "primaryIdentifier": ["/properties/Id"], "readOnlyProperties": ["/properties/Id"],
 "handlers": {"read": {"permissions": ["demo:Read"]}}}
JSON
for command in validate generate; do
    "$work/venv/bin/cfn" "$command" >log 2>&1 || { echo "no longer so: cfn $command refuses the schema" >&2; exit 1; }
done

PYTHONPATH="$work/src" "$work/venv/bin/python" - <<'PYTHON'
import contextlib
import io
import logging

from acme_demo_thing.models import ResourceModel
from cloudformation_cli_python_lib import Action, OperationStatus, ProgressEvent, Resource

logging.disable()
resource = Resource("Acme::Demo::Thing", ResourceModel)
ran = []


@resource.handler(Action.READ)
def read(session, request, callback_context):
    ran.append(True)
    return ProgressEvent(status=OperationStatus.SUCCESS, resourceModel=request.desiredResourceState)


credentials = {"accessKeyId": "key", "secretAccessKey": "secret", "sessionToken": "token"}
seen = []
for properties in ({"Id": "1"}, {"Zones": ["a", "b"]}, {"Pairs": [{"Key": "a", "Value": "b"}]}):
    ran.clear()
    event = {"awsAccountId": "123456789012", "bearerToken": "request", "region": "us-east-1", "action": "READ",
             "requestData": {"callerCredentials": credentials, "resourceProperties": properties}}
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        answer = resource(event, None)
    seen.append((bool(ran), answer["status"], answer.get("errorCode"), answer["message"]))

stated = [(True, "SUCCESS", None, ""), (True, "FAILED", "InternalFailure", ""), (False, "FAILED", "InvalidRequest")]
if [*seen[:2], seen[2][:3]] != stated:  # the third message is Python's own
    raise SystemExit(f"no longer so: (handler ran, status, code, message) is {seen}")
print(f"as stated: neither list given: {seen[0]}; strings: {seen[1]}; objects: {seen[2]}")
PYTHON
