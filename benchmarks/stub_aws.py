"""Stub of SageMaker for the measurements: canned answers, nothing else to do.

Run as `python -m benchmarks.stub_aws`, a process of its own. What it takes is in every figure alike, so it
takes as little as it can: no service, no checks, one answer for each operation. It keeps its connections.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from sandbox.shared.http import JsonHandler, LocalServer, serve_child
from sandbox.shared.settings import ACCOUNT, REGION

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


class StubServer(LocalServer):
    """The server, and the calls that it has answered."""

    def __init__(self) -> None:
        super().__init__(_Requests)
        # A delete is followed by a describe, which finds nothing.
        self.deleted = False
        self.calls: list[Call] = []

    def answer_to(self, operation: str, arguments: dict[str, Any]) -> tuple[int, Any]:
        """Status and body of the answer to an operation."""
        if operation == "DescribeModelPackage" and self.deleted:
            self.deleted = False
            return 400, GONE
        if operation == "DeleteModelPackage":
            self.deleted = True
        if operation == "ListModelPackages":
            return 200, page(int(arguments.get("NextToken", 0)))
        return 200, {
            "PutLogEvents": {"nextSequenceToken": "1"},  # which the support library reads
            "CreateModelPackage": {"ModelPackageArn": ARN},
            "UpdateModelPackage": {"ModelPackageArn": ARN},
            "DescribeModelPackage": DESCRIBED,
            "ListTags": {"Tags": []},
        }.get(operation, {})


class _Requests(JsonHandler):
    server: StubServer
    content_type = "application/x-amz-json-1.1"

    def post(self) -> None:
        """Answer an operation of SageMaker's JSON protocol."""
        body = self.body().decode()
        operation = self.headers["X-Amz-Target"].partition(".")[2]
        self.server.calls.append({"operation": operation, "headers": self.headers.items(), "body": body})
        self.answer(*self.server.answer_to(operation, json.loads(body)))

    def get(self) -> None:
        """Answer the calls since the last GET, as they came, and forget them."""
        calls, self.server.calls = self.server.calls, []
        self.server.deleted = False
        self.answer(200, calls)


def main() -> int:
    """Serve until stdin ends."""
    serve_child(StubServer(), exit_with_stdin=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
