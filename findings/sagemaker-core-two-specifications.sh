#!/usr/bin/env bash
# sagemaker-core has two classes InferenceSpecification, and the API's operations take the model card's.
#
# Packages: sagemaker-core 2.27.0, pydantic 2.14.0.
# Expected: ModelPackage.create takes the InferenceSpecification of the API, with its content types and instance
#   types, and the package sagemaker.core.shapes exports that class.
# Behaviour: sagemaker.core.shapes imports everything of the API's shapes and then everything of the model card's,
#   whose InferenceSpecification has containers alone and takes the name. ModelPackage.create is annotated with
#   the name, so it refuses the API's class, and what remains of a specification in the request is its containers.
# Seen: exported: sagemaker.core.shapes.model_card_shapes with fields containers; the API's has content and
#   instance types: True; create with the API's: ValidationError
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset AWS_PROFILE
export TMPDIR="$work" HOME="$work" AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null
export AWS_ACCESS_KEY_ID=key AWS_SECRET_ACCESS_KEY=secret AWS_DEFAULT_REGION=us-east-1
# The discard port: nothing is to be sent, because the value is refused before.
export AWS_ENDPOINT_URL=http://127.0.0.1:9
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --disable-pip-version-check -qq 'sagemaker-core==2.27.0' 'pydantic==2.14.0'
cd "$work"

"$work/venv/bin/python" 2>log - <<'PYTHON' || { cat log >&2; exit 1; }
import importlib

from sagemaker.core import shapes
from sagemaker.core.resources import ModelPackage

api = importlib.import_module("sagemaker.core.shapes.shapes")

exported = shapes.InferenceSpecification
types = {"supported_content_types", "supported_realtime_inference_instance_types"}
specification = api.InferenceSpecification(
    containers=[api.ModelPackageContainerDefinition(image="123456789012.dkr.ecr.us-east-1.amazonaws.com/fraud:1")],
    supported_content_types=["text/csv"],
)
try:
    ModelPackage.create(model_package_group_name="fraud", inference_specification=specification)
    create = "success"
except Exception as error:
    create = type(error).__name__
seen = (f"exported: {exported.__module__} with fields {', '.join(exported.model_fields)}; "
        f"the API's has content and instance types: {types <= set(api.InferenceSpecification.model_fields)}; "
        f"create with the API's: {create}")
stated = ("exported: sagemaker.core.shapes.model_card_shapes with fields containers; "
          "the API's has content and instance types: True; create with the API's: ValidationError")
if seen != stated:
    raise SystemExit(f"no longer so: {seen}")
print(f"as stated: {seen}")
PYTHON
