"""The addresses of queues, as ministack makes them."""

from __future__ import annotations

from sandbox.shared.http import HOST

from .names import SQS, module


def use_printed_host() -> None:
    """Give queues the host of the printed variables, so that `Ref` is the address which SQS lists.

    The engine's own is localhost, and SQS answers with the host of the request. Its setting for the host
    would also change that of S3's virtual hosts. [1.5.33]
    """
    sqs = module(SQS)
    sqs.DEFAULT_HOST = HOST
    sqs._CANONICAL_NETLOC = f"{HOST}:{sqs.DEFAULT_PORT}"
