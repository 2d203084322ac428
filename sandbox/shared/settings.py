"""What is the same everywhere in the sandbox: account, region, credentials, type, paths and ports, each once.

Standard library only, because the CloudFormation engine's environment has nothing else.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from sandbox.shared.json_pointers import top_level as names_at_top

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = ROOT / "aws-sagemaker-modelpackage.json"
TEMPLATE = ROOT / "template.yml"
CODE = ROOT / "src"
EXAMPLES = ROOT / "examples"

ACCOUNT = "123456789012"
REGION = "us-east-1"
CREDENTIALS = {
    "aws_access_key_id": "testing",
    "aws_secret_access_key": "testing",
    "aws_session_token": "testing",
}
# The discard port, where nothing listens: without a local SageMaker, handlers must not find the real one.
NOWHERE = "http://127.0.0.1:9"
# Whose clients do not go to the local SageMaker, which is moto's server and has the rest of AWS in it.
PARTS = {"lambda": "functions", "cloudformation": "cloudformation", "cloudcontrol": "cloudcontrol"}
# Which part has which of the ports from the one that is asked for on; a part that is left out leaves a gap.
PORTS = ("page", "sagemaker", "functions", "cloudformation", "cloudcontrol")
# The Invoke API's own list of what was invoked, which is not AWS's.
INVOCATIONS_PATH = "/sandbox/invocations"


@cache
def schema() -> dict[str, Any]:
    """The schema of the type."""
    loaded: dict[str, Any] = json.loads(SCHEMA.read_text(encoding="utf-8"))
    return loaded


TYPE_NAME: str = schema()["typeName"]


def top_level(kind: str) -> frozenset[str]:
    """The names of the properties in one of the schema's classes, such as `readOnlyProperties`."""
    return names_at_top(schema().get(kind, []))
