"""Cloud Control as StackQL's provider `awscc` uses it: its requests, and its views, over sqlite.

After the provider's files of 2026-03 (its version is `v00.00.00000`), services `sagemaker` and
`cloud_control`.
"""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing
from typing import Any

from sandbox.local_aws import Sandbox
from sandbox.shared.http_request import request
from sandbox.shared.signatures import sign_post
from tests.stack.cloudcontrol import POLL_SECONDS, TIMEOUT_SECONDS, is_over

REGION = "us-east-1"
TYPE = "AWS::SageMaker::ModelPackage"
# What its UPDATE returns, and its requests select.
EVENT_COLUMNS = (
    "ErrorCode",
    "EventTime",
    "Identifier",
    "Operation",
    "OperationStatus",
    "RequestToken",
    "ResourceModel",
    "RetryAfter",
    "StatusMessage",
    "TypeName",
)

Json = dict[str, Any]
Row = dict[str, Any]


class StackQL:
    """Its resources, of one type."""

    def __init__(self, sandbox: Sandbox, type_name: str = TYPE) -> None:
        self._sandbox = sandbox
        self._type_name = type_name

    def send(self, operation: str, **members: Any) -> Json:
        """Send a request as its documents describe one, and return the answer."""
        url = f"{self._sandbox.endpoints['cloudcontrol']}/?Action={operation}&Version=2021-09-30"
        body = json.dumps(members).encode()
        headers = {
            "X-Amz-Target": f"CloudApiService.{operation}",
            "Content-Type": "application/x-amz-json-1.0",
            "Accept": "application/x-amz-json-1.0",
        }
        signed = sign_post(url, body, self._sandbox.credentials, "cloudcontrolapi", headers)
        answer = request(url, "POST", body, signed)
        assert answer.status == 200, answer.body
        return dict(json.loads(answer.body))

    def resource(self, identifier: str) -> list[Row]:
        """Return the rows of `cloud_control.resource`: one of a type's resources."""
        answer = self.send("GetResource", TypeName=self._type_name, Identifier=identifier)
        return [answer["ResourceDescription"]]

    def resources(self) -> list[Row]:
        """Return the rows of `cloud_control.resources`: all of a type's resources, page by page."""
        rows: list[Row] = []
        more: Json = {}
        while True:
            answer = self.send("ListResources", TypeName=self._type_name, **more)
            rows += answer["ResourceDescriptions"]
            if "NextToken" not in answer:
                return rows
            more = {"NextToken": answer["NextToken"]}

    def requests(self, **filters: list[str]) -> list[Row]:
        """Return the rows of `cloud_control.resource_requests`."""
        answer = self.send("ListResourceRequests", ResourceRequestStatusFilter=filters)
        return list(answer["ResourceRequestStatusSummaries"])

    def view(self, table: str, rows: list[Row], columns: dict[str, str]) -> list[Row]:
        """Return a view of a table, as one of the service `sagemaker` takes its columns out of a model."""
        extracted = ", ".join(
            f"JSON_EXTRACT(Properties, '$.{member}') as {column}" for column, member in columns.items()
        )
        return self.select(table, rows, f"region, Identifier, {extracted}")

    def select(self, table: str, rows: list[Row], expressions: str) -> list[Row]:
        """Run a SELECT of the type's rows in the region."""
        with closing(sqlite3.connect(":memory:")) as database:
            database.row_factory = sqlite3.Row
            database.execute(f"CREATE TABLE {table} (region, TypeName, Identifier, Properties)")
            database.executemany(
                f"INSERT INTO {table} VALUES (?, ?, ?, ?)",  # noqa: S608 - the tests' own names
                [(REGION, self._type_name, row["Identifier"], row["Properties"]) for row in rows],
            )
            query = f"SELECT {expressions} FROM {table} WHERE TypeName = ? AND region = ?"  # noqa: S608 - as above
            return [dict(row) for row in database.execute(query, (self._type_name, REGION))]

    def insert(self, **properties: Any) -> Row:
        """Run an INSERT to its end, and return the last event's columns."""
        return self._run("CreateResource", DesiredState=json.dumps(properties))

    def update(self, identifier: str, **properties: Any) -> Row:
        """Run an UPDATE: a patch that adds every property, as its `generate_patch_document` makes one."""
        patch = [{"op": "add", "path": f"/{name}", "value": value} for name, value in properties.items()]
        return self._run(
            "UpdateResource", Identifier=identifier, PatchDocument=json.dumps(patch), ClientName="stackql"
        )

    def delete(self, identifier: str) -> Row:
        """Run a DELETE to its end."""
        return self._run("DeleteResource", Identifier=identifier)

    def _run(self, operation: str, **members: Any) -> Row:
        event = self.send(operation, TypeName=self._type_name, **members)["ProgressEvent"]
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while not is_over(event):
            assert time.monotonic() < deadline, event
            time.sleep(POLL_SECONDS)
            event = self.send("GetResourceRequestStatus", RequestToken=event["RequestToken"])["ProgressEvent"]
        return {column: event.get(column) for column in EVENT_COLUMNS}
