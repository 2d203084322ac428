"""SageMaker's side of the wire for the measurements: canned answers, nothing else to do.

Run as `python -m benchmarks.stub_aws`, a process of its own. What it takes is in every figure alike, so it
takes as little as it can: no service, no checks, one answer for each operation. It keeps its connections.
"""

from __future__ import annotations

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from sandbox.shared.processes import Ending, announce, when_parent_is_gone

REGION = "us-east-1"
ACCOUNT = "123456789012"
GROUP = "churn"
ARN = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/{GROUP}/1"
# Pages of a list, of a hundred packages each.
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
DESCRIBED: dict[str, Any] = {
    "ModelPackageArn": ARN,
    "ModelPackageGroupName": GROUP,
    "ModelPackageVersion": 1,
    "CreationTime": CREATED,
    "ModelPackageStatus": "Completed",
    "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
    "CertifyForMarketplace": False,
    "ModelApprovalStatus": "PendingManualApproval",
    "InferenceSpecification": SPECIFICATION,
    "CustomerMetadataProperties": {"owner": "risk"},
}


def page(number: int) -> dict[str, Any]:
    """One page of the list; the token of the next one is its number."""
    first = number * PAGE_SIZE
    summaries = [
        {
            "ModelPackageArn": f"{ARN[:-1]}{version}",
            "ModelPackageGroupName": GROUP,
            "ModelPackageVersion": version,
            "CreationTime": CREATED,
            "ModelPackageStatus": "Completed",
        }
        for version in range(first + 1, first + PAGE_SIZE + 1)
    ]
    more = {"NextToken": str(number + 1)} if number + 1 < PAGES else {}
    return {"ModelPackageSummaryList": summaries, **more}


GONE = {"__type": "ValidationException", "message": f"ModelPackage {ARN} does not exist."}


# One request: its operation, and headers and body as they came.
Call = dict[str, Any]


class Wire(ThreadingHTTPServer):
    """The server, and what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        # A delete is followed by a look, which finds nothing.
        self.deleted = False
        self.calls: list[Call] = []

    def answer(self, operation: str, arguments: dict[str, Any]) -> tuple[int, Any]:
        """Status and body of the answer to an operation."""
        if operation == "DescribeModelPackage" and self.deleted:
            self.deleted = False
            return 400, GONE
        if operation == "DeleteModelPackage":
            self.deleted = True
        if operation == "ListModelPackages":
            return 200, page(int(arguments.get("NextToken", 0)))
        return 200, {
            "PutLogEvents": {"nextSequenceToken": "1"},  # which the support library looks for
            "CreateModelPackage": {"ModelPackageArn": ARN},
            "UpdateModelPackage": {"ModelPackageArn": ARN},
            "DescribeModelPackage": DESCRIBED,
            "ListTags": {"Tags": []},
        }.get(operation, {})


class Answers(BaseHTTPRequestHandler):
    """Answers one connection's requests."""

    server: Wire
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body of an answer in one write

    def do_POST(self) -> None:
        """Answer an operation of SageMaker's JSON protocol."""
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        operation = self.headers["X-Amz-Target"].partition(".")[2]
        self.server.calls.append({"operation": operation, "headers": self.headers.items(), "body": body})
        status, answer = self.server.answer(operation, json.loads(body))
        self._send(status, answer)

    def do_GET(self) -> None:
        """Say what came since the last time this was asked, to the letter, and forget it."""
        calls, self.server.calls = self.server.calls, []
        self.server.deleted = False
        self._send(200, calls)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""

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
    with Wire() as server:
        threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
        announce(endpoint=f"http://127.0.0.1:{server.server_port}")
        ending.wait()
        server.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
