"""Sends a template to the local CloudFormation: in a request, or through S3 where it is too large for one."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

from sandbox.commands.errors import UsageError
from sandbox.commands.output import Json
from sandbox.shared.clients import client_factory
from sandbox.shared.settings import REGION
from sandbox.state_file import RunningSandbox

# CloudFormation's own limits.
MAX_BODY_BYTES = 51_200
MAX_OBJECT_BYTES = 1_000_000


@contextmanager
def sent_template(sandbox: RunningSandbox, body: str) -> Iterator[Json]:
    """Yield the part of a request with a template, or with the address of one that is too large, as in AWS.

    It is at the address until the end, in a bucket of its own: another deployment has another template.

    Raises:
        UsageError: the template is too large.
    """
    size_bytes = len(body.encode())
    if size_bytes <= MAX_BODY_BYTES:
        yield {"TemplateBody": body}
        return
    if size_bytes > MAX_OBJECT_BYTES:
        raise UsageError(f"The template has {size_bytes:,} bytes; CloudFormation takes {MAX_OBJECT_BYTES:,}")
    from botocore.exceptions import BotoCoreError, ClientError

    # The engine reads templates from the S3 that it has itself.
    endpoint, bucket = sandbox.endpoints["cloudformation"], f"templates-{uuid.uuid4().hex}"
    with closing(client_factory({"sagemaker": endpoint}, sandbox.credentials)("s3")) as s3:
        try:
            s3.create_bucket(Bucket=bucket)
            s3.put_object(Bucket=bucket, Key="template", Body=body.encode())
            yield {"TemplateURL": f"https://s3.{REGION}.amazonaws.com/{bucket}/template"}
        finally:
            with suppress(BotoCoreError, ClientError):  # where the sandbox has stopped
                s3.delete_object(Bucket=bucket, Key="template")
                s3.delete_bucket(Bucket=bucket)
