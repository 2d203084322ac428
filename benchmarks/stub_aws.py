"""HTTP server in place of AWS, for the measurements: one canned answer for each operation, no checks.

Run as `python -m benchmarks.stub_aws`, a process of its own. It keeps connections open and does as little as
it can, because its time is in every figure.
"""

from __future__ import annotations

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from sandbox.shared.processes import Ending, announce, when_parent_is_gone
from sandbox.shared.settings import ACCOUNT, REGION

GROUP = "churn"
ARN = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/{GROUP}/1"
PAGES = 100
PAGE_SIZE = 100
CREATED = 1_700_000_000.0
SPECIFICATION: dict[str, Any] = {
    "Containers": [
        {
            "Image": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/churn:1",
            "ModelDataUrl": "s3://models/churn/1/model.tar.gz",
        }
    ],
    "SupportedContentTypes": ["text/csv"],
    "SupportedResponseMIMETypes": ["text/csv"],
}
SUMMARY: dict[str, Any] = {
    "ModelPackageArn": ARN,
    "ModelPackageGroupName": GROUP,
    "ModelPackageVersion": 1,
    "CreationTime": CREATED,
    "ModelPackageStatus": "Completed",
}
ANSWERS: dict[str, Any] = {
    "PutLogEvents": {"nextSequenceToken": "1"},  # which the support library reads
    "CreateModelPackage": {"ModelPackageArn": ARN},
    "UpdateModelPackage": {"ModelPackageArn": ARN},
    "DescribeModelPackage": {
        **SUMMARY,
        "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
        "CertifyForMarketplace": False,
        "ModelApprovalStatus": "PendingManualApproval",
        "InferenceSpecification": SPECIFICATION,
        "CustomerMetadataProperties": {"owner": "risk"},
    },
    "ListTags": {"Tags": []},
}
NOT_FOUND = {"__type": "ValidationException", "message": f"ModelPackage {ARN} does not exist."}

# One request: its operation, headers and body.
Call = dict[str, Any]


def page(number: int) -> dict[str, Any]:
    """One page of the list, counted from 0; the token of the next page is its number."""
    first = number * PAGE_SIZE
    summaries = [
        {**SUMMARY, "ModelPackageArn": f"{ARN[:-1]}{version}", "ModelPackageVersion": version}
        for version in range(first + 1, first + PAGE_SIZE + 1)
    ]
    more = {"NextToken": str(number + 1)} if number + 1 < PAGES else {}
    return {"ModelPackageSummaryList": summaries, **more}


class StubServer(ThreadingHTTPServer):
    """The server, with the calls since they were last taken."""

    daemon_threads = True

    def __init__(self) -> None:
        """Listen on a free port."""
        super().__init__(("127.0.0.1", 0), _Requests)
        self.calls: list[Call] = []
        # A Delete is followed by one Describe, which must not find the package.
        self.deleted = False

    def answer(self, operation: str, arguments: dict[str, Any]) -> tuple[int, Any]:
        """Status and body of the answer to an operation."""
        if operation == "DescribeModelPackage" and self.deleted:
            self.deleted = False
            return 400, NOT_FOUND
        if operation == "DeleteModelPackage":
            self.deleted = True
        if operation == "ListModelPackages":
            return 200, page(int(arguments.get("NextToken", 0)))
        return 200, ANSWERS.get(operation, {})


class _Requests(BaseHTTPRequestHandler):
    server: StubServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body of an answer in one write

    def do_POST(self) -> None:
        """Answer an operation of AWS's JSON protocol."""
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        operation = self.headers["X-Amz-Target"].partition(".")[2]
        self.server.calls.append({"operation": operation, "headers": self.headers.items(), "body": body})
        status, answer = self.server.answer(operation, json.loads(body))
        self._send(status, answer)

    def do_GET(self) -> None:
        """Answer with the calls since the last GET, and forget them."""
        calls, self.server.calls = self.server.calls, []
        self.server.deleted = False
        self._send(200, calls)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Log nothing."""

    def _send(self, status: int, answer: Any) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()


def main() -> int:
    """Serve until stdin ends."""
    ending = Ending()
    when_parent_is_gone(ending.order)
    with StubServer() as server:
        threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
        announce(endpoint=f"http://127.0.0.1:{server.server_port}")
        ending.wait()
        server.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
