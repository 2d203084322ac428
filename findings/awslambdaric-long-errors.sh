#!/usr/bin/env bash
# Lambda's runtime client and Python's http.server do not agree on how long a header may be.
#
# Packages: awslambdaric 4.2.2 (a wheel for Linux), and the http.server of the Python that runs this.
# Expected: an exception in a handler reaches a local Runtime API in the body of a request, whatever its size.
# Behaviour: the client sends message and traceback a second time for X-Ray, as one header of up to 1 MB.
#   http.server refuses lines over 65536 bytes with status 431 before do_POST runs, and the client then raises
#   instead of going on with the next event. Errors of ordinary length work.
# Seen: messages of 1000 and 40000 characters arrive, in a header too; 70000: status 431, and the client ends
#   with exit code 1 (RuntimeError: Failed to post invocation error)
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --disable-pip-version-check -qq 'awslambdaric==4.2.2'
cd "$work"

cat >app.py <<'PYTHON'
def handler(event, context):
    raise ValueError("x" * event["length"])
PYTHON

"$work/venv/bin/python" - <<'PYTHON'
import json, os, subprocess, sys, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

lengths = [1000, 40_000, 70_000]
received, refused = [], []


class RuntimeApi(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in {"Content_Type": "application/json", "Content_Length": len(body), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        event = json.dumps({"length": lengths[len(received)]}).encode()
        deadline = str(int((time.time() + 60) * 1000))
        arn = "arn:aws:lambda:us-east-1:123456789012:function:demo"
        self.answer(200, event, Lambda_Runtime_Aws_Request_Id=f"request-{len(received)}",
                    Lambda_Runtime_Deadline_Ms=deadline, Lambda_Runtime_Invoked_Function_Arn=arn)

    def do_POST(self):
        error = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        cause = self.headers["Lambda-Runtime-Function-XRay-Error-Cause"]
        received.append((len(error["errorMessage"]), len(cause) > len(error["errorMessage"])))
        self.answer(202)

    def send_error(self, code, message=None, explain=None):
        refused.append(int(code))
        super().send_error(code, message, explain)

    def log_message(self, *arguments):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), RuntimeApi)
threading.Thread(target=server.serve_forever, daemon=True).start()
environment = {**os.environ, "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.server_port}",
               "LAMBDA_TASK_ROOT": os.getcwd(), "AWS_EXECUTION_ENV": "AWS_Lambda_python3.12",
               "AWS_LAMBDA_FUNCTION_NAME": "demo", "AWS_LAMBDA_FUNCTION_VERSION": "1",
               "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128"}
client = subprocess.run([sys.executable, "-m", "awslambdaric", "app.handler"], env=environment, timeout=60,
                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
raised = "RuntimeError: Failed to post invocation error" in client.stdout
if (received, refused, client.returncode, raised) != ([(1000, True), (40_000, True)], [431], 1, True):
    raise SystemExit(f"no longer so: received {received}, refused {refused}, exit code {client.returncode}")
print("as stated: messages of 1000 and 40000 characters arrive, in a header too; 70000: status 431,",
      f"and the client ends with exit code {client.returncode}")
PYTHON
