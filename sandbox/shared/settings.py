"""Account, region, type, paths and ports of the sandbox.

It needs the standard library only, so that programs in either Python environment can import it.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from sandbox.shared import json_pointers

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = ROOT / "aws-sagemaker-modelpackage.json"
TEMPLATE = ROOT / "template.yml"
CODE = ROOT / "src"
EXAMPLES = ROOT / "examples"

ACCOUNT = "123456789012"
REGION = "us-east-1"
# The discard port, where nothing listens: without a local SageMaker, handlers must not find the real one.
NOWHERE = "http://127.0.0.1:9"
# The services with a part of their own.
PARTS = {
    "sagemaker": "sagemaker",
    "lambda": "functions",
    "cloudformation": "cloudformation",
    "cloudcontrol": "cloudcontrol",
}
# The services of the engine, where stacks make resources of theirs; without an engine they are moto's, in the
# local SageMaker. By boto3's names, with the ends of the names of SDKs' variables for their endpoints.
SERVICES = {
    "cloudwatch": "CLOUDWATCH",
    "ecr": "ECR",
    "iam": "IAM",
    "kms": "KMS",
    "logs": "CLOUDWATCH_LOGS",
    "s3": "S3",
    "secretsmanager": "SECRETS_MANAGER",
    "sns": "SNS",
    "sqs": "SQS",
    "ssm": "SSM",
    "sts": "STS",
}
# The parts in the order of their ports, from a chosen one on; a part that is left out leaves a gap.
PORTS = ("page", "sagemaker", "functions", "cloudformation", "cloudcontrol")
# In the local CloudFormation's refusals of types and transforms that only AWS has.
NOT_HERE = "not on this machine"
# The Invoke API's own list of what was invoked, which is not AWS's.
INVOCATIONS_PATH = "/sandbox/invocations"
# The registry's requests there: CloudFormation's operations, and the versions that operations use.
REGISTRY_PATH = "/sandbox/registry"
VERSIONS_PATH = "/sandbox/registry/versions"


@cache
def schema() -> dict[str, Any]:
    """Return the schema of the type."""
    loaded: dict[str, Any] = json.loads(SCHEMA.read_text(encoding="utf-8"))
    return loaded


TYPE_NAME: str = schema()["typeName"]


def top_level(kind: str) -> frozenset[str]:
    """Return the names of the properties in one of the schema's classes, such as `readOnlyProperties`."""
    return json_pointers.top_level(schema().get(kind, []))
