"""HTTP server in place of AWS, for the measurements: one canned answer for each operation, no checks.

Run as `python -m benchmarks.stub_aws`, a process of its own; with the file of a certificate and its key it
speaks TLS. It keeps connections open and does as little as it can, because its time is in every figure.
"""

from __future__ import annotations

import argparse
import json
import socket
import ssl
from pathlib import Path
from typing import Any

from benchmarks.certificates import server_context
from sandbox.shared.http import JsonHandler, LocalServer, serve_child
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


class StubServer(LocalServer):
    """The server, with the calls since they were last taken."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(_StubHandler)
        self._tls = tls
        self.calls: list[Call] = []
        # A Delete is followed by one Describe, which must not find the package.
        self.deleted = False

    @property
    def endpoint(self) -> str:
        """The URL, without a slash at its end."""
        return super().endpoint if self._tls is None else super().endpoint.replace("http:", "https:")

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection; its handshake is made where it is first read, in a thread of its own."""
        connection, address = super().get_request()
        if self._tls is not None:
            connection = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

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


class _StubHandler(JsonHandler):
    server: StubServer
    # On a connection that is kept, the second packet of a long answer would wait 40 ms for the client's ACK.
    disable_nagle_algorithm = True
    content_type = "application/x-amz-json-1.1"

    def post(self) -> None:
        """Answer an operation of AWS's JSON protocol."""
        body = self.body().decode()
        operation = self.headers["X-Amz-Target"].partition(".")[2]
        self.server.calls.append({"operation": operation, "headers": self.headers.items(), "body": body})
        self.answer(*self.server.answer(operation, json.loads(body)))

    def get(self) -> None:
        """Answer with the calls since the last GET, and forget them."""
        calls, self.server.calls = self.server.calls, []
        self.server.deleted = False
        self.answer(200, calls)


def main() -> None:
    """Serve until stdin ends."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stub_aws", description=__doc__)
    parser.add_argument("--certificate", type=Path, help="a PEM file with certificate and key: speak TLS")
    certificate = parser.parse_args().certificate
    serve_child(StubServer(certificate and server_context(certificate)), exit_with_stdin=True)


if __name__ == "__main__":
    main()
