#!/usr/bin/env bash
# `cfn test` does not compare lists that stand within the items of an unordered list.
#
# Packages: cloudformation-cli 0.2.41, cloudformation-cli-python-plugin 2.1.10, boto3 1.44.5;
#   moto 5.2.5, which answers the CLI's calls to STS, so that no account is needed.
# Expected: a read handler that returns other values than were created fails contract_create_read, also where the
#   list is unordered ("insertionOrder": false), which leaves open the order and nothing else.
# Behaviour: items of an unordered list are compared by a digest, to which every list within them adds the same,
#   empty or full. A handler that mixes up, drops or invents the members of such lists passes.
# Seen: unordered, other ports: passes; unordered, other name: fails; ordered, other ports: fails
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset AWS_PROFILE PYTEST_ADDOPTS
export TMPDIR="$work" AWS_CONFIG_FILE=/dev/null AWS_ACCESS_KEY_ID=key AWS_SECRET_ACCESS_KEY=secret
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --disable-pip-version-check -qq 'cloudformation-cli==0.2.41' \
    'cloudformation-cli-python-plugin==2.1.10' 'boto3==1.44.5' 'moto==5.2.5'
mkdir "$work/project" "$work/project/inputs"
cd "$work/project"

cat >.rpdk-config <<'JSON'
{"artifact_type": "RESOURCE", "typeName": "Acme::Demo::Thing", "language": "python311", "runtime": "python3.11",
 "entrypoint": "acme_demo_thing.handlers.resource", "testEntrypoint": "acme_demo_thing.handlers.test_entrypoint",
 "settings": {}}
JSON
cat >inputs/inputs_1_create.json <<'JSON'
{"Rules": [{"Name": "web", "Ports": ["80", "443"]}]}
JSON
# The Invoke API with a handler in it that reads something else than it has created.
cat >run.py <<'PYTHON'
import json, sys, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from moto import mock_aws
from rpdk.core.cli import main


class InvokeApi(BaseHTTPRequestHandler):
    def do_POST(self):
        event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = {"status": "SUCCESS", "message": ""}
        if event["action"] == "CREATE":
            answer["resourceModel"] = {"Id": "1", **event["requestData"]["resourceProperties"]}
        elif event["action"] == "READ":
            answer["resourceModel"] = {"Id": "1", "Rules": json.loads(sys.argv[1])}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


server = ThreadingHTTPServer(("127.0.0.1", 0), InvokeApi)
threading.Thread(target=server.serve_forever, daemon=True).start()
with mock_aws():
    main(["test", "--endpoint", f"http://127.0.0.1:{server.server_port}", "--", "-k", "contract_create_read"])
PYTHON

check() { # what it shows, insertionOrder, the rules that are read, passed or failed
    cat >acme-demo-thing.json <<JSON
{"typeName": "Acme::Demo::Thing", "description": "A thing.", "additionalProperties": false,
 "definitions": {"Rule": {"type": "object", "additionalProperties": false, "properties": {
    "Name": {"type": "string"},
    "Ports": {"type": "array", "insertionOrder": false, "items": {"type": "string"}}}}},
 "properties": {"Id": {"type": "string"},
    "Rules": {"type": "array", "insertionOrder": $2, "items": {"\$ref": "#/definitions/Rule"}}},
 "tagging": {"taggable": false},
 "primaryIdentifier": ["/properties/Id"], "readOnlyProperties": ["/properties/Id"],
 "handlers": {"create": {"permissions": [""]}, "read": {"permissions": [""]}, "delete": {"permissions": [""]}}}
JSON
    "$work/venv/bin/python" run.py "$3" >log 2>&1 || true
    grep -q "= 1 $4, .* deselected" log || { cat log >&2; echo "no longer so: $1: $4" >&2; exit 1; }
}
check 'unordered, other ports' false '[{"Name": "web", "Ports": ["22"]}]' passed
check 'unordered, other name' false '[{"Name": "ssh", "Ports": ["80", "443"]}]' failed
check 'ordered, other ports' true '[{"Name": "web", "Ports": ["22", "23"]}]' failed
echo 'as stated: unordered, other ports: passes; unordered, other name: fails; ordered, other ports: fails'
