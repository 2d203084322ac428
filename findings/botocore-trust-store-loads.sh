#!/usr/bin/env bash
# One botocore client loads its trust store again for each connection that it opens.
#
# Packages: boto3 and botocore 1.44.5, urllib3 2.x as botocore asks for it; trustme 1.2.1 for a certificate.
# Expected: a client makes one SSL context, so it reads the bundle of certificates once, however often it connects.
# Behaviour: the context is one, but botocore names the bundle to each connection, and urllib3 loads the named file
#   into the context whenever it connects. Where the other side closes after each answer, or a client is made for
#   each call, every call pays for it: botocore's own bundle takes longer than the handshake.
# Seen: calls 3, connections 3, contexts with certificates 1, loads of the bundle 3
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset AWS_PROFILE AWS_CA_BUNDLE REQUESTS_CA_BUNDLE
export TMPDIR="$work" HOME="$work" AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null
export AWS_ACCESS_KEY_ID=key AWS_SECRET_ACCESS_KEY=secret AWS_DEFAULT_REGION=us-east-1
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --disable-pip-version-check -qq 'boto3==1.44.5' 'botocore==1.44.5' 'trustme==1.2.1'
cd "$work"

cat >count.py <<'PYTHON'
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import trustme


class Handler(BaseHTTPRequestHandler):  # HTTP/1.0: a connection ends with its answer
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "11")
        self.end_headers()
        self.wfile.write(b'{"Tags":[]}')

    def log_message(self, *arguments):
        pass


class Server(ThreadingHTTPServer):
    connections = 0

    def process_request(self, *arguments):
        self.connections += 1
        super().process_request(*arguments)


authority = trustme.CA()
authority.cert_pem.write_to_path("bundle.pem")
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
authority.issue_cert("127.0.0.1").configure_cert(context)
loaded = []
load = ssl.SSLContext.load_verify_locations


def counting(self, *arguments, **settings):
    loaded.append(self)
    return load(self, *arguments, **settings)


ssl.SSLContext.load_verify_locations = counting
with Server(("127.0.0.1", 0), Handler) as server:
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    endpoint = f"https://127.0.0.1:{server.server_port}"
    client = boto3.client("sagemaker", endpoint_url=endpoint, verify="bundle.pem")
    for _ in range(3):
        client.list_tags(ResourceArn="arn:aws:sagemaker:us-east-1:123456789012:model-package/a/1")
    server.shutdown()
contexts = len({id(each) for each in loaded})
print(f"calls 3, connections {server.connections}, contexts with certificates {contexts}, "
      f"loads of the bundle {len(loaded)}")
PYTHON
seen=$("$work/venv/bin/python" count.py)

if [ "$seen" = "calls 3, connections 3, contexts with certificates 1, loads of the bundle 3" ]; then
  echo "as stated: $seen"
else
  echo "no longer so: $seen" >&2
  exit 1
fi
