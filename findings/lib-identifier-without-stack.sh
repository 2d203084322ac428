#!/usr/bin/env bash
# The support library's helper for names makes names that begin with hyphens when there is no stack.
#
# Packages: cloudformation-cli-python-lib 2.1.20, botocore 1.44.5.
# Expected: `generate_resource_identifier` makes a name that services take, from whatever the event has; its
#   arguments are Optional, and it shortens and cleans what it is given.
# Behaviour: the hyphens between its parts are put in although a part is missing. An event without a stack, as
#   `cfn test` sends it, gets a name that begins with "-", or with "--" where the logical id is missing as
#   well: APIs that want a letter or a digit in front refuse what every stack has made without trouble.
# Seen: with a stack: my-stack-Package-<12 hex digits>; without: -Package-<...>; with neither: --<...>;
#   SageMaker's pattern for names takes the first only
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --disable-pip-version-check -qq \
    'cloudformation-cli-python-lib==2.1.20' 'botocore==1.44.5'
cd "$work"

"$work/venv/bin/python" - <<'PYTHON'
import re

import botocore.session
from cloudformation_cli_python_lib.identifier_utils import generate_resource_identifier

session = botocore.session.Session()
operation = session.get_service_model("sagemaker").operation_model("CreateModelPackage")
pattern = operation.input_shape.members["ModelPackageName"].metadata["pattern"]
stack = "arn:aws:cloudformation:us-east-1:123456789012:stack/my-stack/12a3b456-0e10-4ce0-9052-5d484a8c4e5b"

names = [
    generate_resource_identifier(stack_id, logical_id, "request", 63)
    for stack_id, logical_id in ((stack, "Package"), (None, "Package"), (None, None))
]
begins = [name[: -len("0123456789ab")] for name in names]
taken = [bool(re.fullmatch(pattern, name)) for name in names]
if begins != ["my-stack-Package-", "-Package-", "--"] or taken != [True, False, False]:
    raise SystemExit(f"no longer so: {names}, of which the pattern {pattern} takes {taken}")
print(f"as stated: {names}, of which the pattern {pattern} takes {taken}")
PYTHON
