#!/usr/bin/env bash
# `cfn test` needs a package that the CLI does not require as soon as a schema has a propertyTransform.
#
# Packages: cloudformation-cli 0.2.41, cloudformation-cli-python-plugin 2.1.10, boto3 1.44.5;
#   moto 5.2.5, which answers the CLI's calls to STS, so that no account is needed.
# Expected: a read that equals the input once `propertyTransform` is applied passes contract_create_read, and one that
#   does not fails with the comparison's message. The expressions are JSONata, as for drift detection.
# Behaviour: only after a plain comparison has failed is `pyjq` imported, a binding of jq (another language), which is
#   no dependency of the CLI. Every difference, real or not, ends in ModuleNotFoundError, while runs without a
#   difference pass, so that the need for the package shows late.
# Seen: read as created: passes; transformed: No module named 'pyjq'; really different: No module named 'pyjq'
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
{"Name": "web"}
JSON
# The Invoke API with a handler in it that reads what the script says.
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
            answer["resourceModel"] = {"Id": "1", "Name": sys.argv[1]}
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

cat >acme-demo-thing.json <<'JSON'
{"typeName": "Acme::Demo::Thing", "description": "A thing.", "additionalProperties": false,
 "properties": {"Id": {"type": "string"}, "Name": {"type": "string"}},
 "propertyTransform": {"/properties/Name": "$uppercase(Name)"},
 "tagging": {"taggable": false},
 "primaryIdentifier": ["/properties/Id"], "readOnlyProperties": ["/properties/Id"],
 "handlers": {"create": {"permissions": [""]}, "read": {"permissions": [""]}, "delete": {"permissions": [""]}}}
JSON

check() { # what it shows, the name that is read, what has to be in the log
    "$work/venv/bin/python" run.py "$2" >log 2>&1 || true
    grep -q "$3" log || { cat log >&2; echo "no longer so: $1: $3" >&2; exit 1; }
}
check 'read as created' web '= 1 passed, .* deselected'
check 'transformed' WEB "ModuleNotFoundError: No module named 'pyjq'"
check 'really different' other "ModuleNotFoundError: No module named 'pyjq'"
echo "as stated: read as created: passes; transformed or really different: No module named 'pyjq'"
