"""The `cfn` command without an account: `python -m sandbox.contract.cfn_offline test --endpoint http://127.0.0.1:PORT`.

`cfn test` asks STS for temporary credentials at an address it builds itself, so that no setting can point it
elsewhere. Here the command runs with STS answered by moto. Calls to 127.0.0.1 leave as they are, but signed:
to an address of http `cfn test` sends them unsigned, which the sandbox refuses.
"""

from __future__ import annotations

import sys
from functools import cache

from moto import mock_aws
from rpdk.core import boto_helpers
from rpdk.core.cli import main as cfn
from rpdk.core.contract import resource_client


def main(arguments: list[str]) -> None:
    """Run the command with these arguments; it ends the process with its own exit code."""
    # With the shell's credentials, which are the sandbox's: handlers get them from the command.
    resource_client.UNSIGNED = None
    # Before each invocation it reads all endpoints that botocore knows, twice or more: most of its work.
    boto_helpers.get_service_endpoint = cache(boto_helpers.get_service_endpoint)
    with mock_aws(config={"core": {"mock_credentials": False}}):
        cfn(arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
