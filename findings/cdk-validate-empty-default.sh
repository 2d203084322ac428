#!/usr/bin/env bash
# The CDK's validator refuses an empty default in the branch of a condition that is not taken.
#
# Packages: @aws/cloudformation-validate 1.9.0-beta (npm); Node 20 or newer.
# Expected: a value in the branch of Fn::If that the parameters do not take is not checked. A parameter with an empty
#   default, and a condition that it is not empty, is how templates make a name optional.
# Behaviour: the default takes the place of the Ref in that branch, and is refused by pattern and length, as FATAL,
#   which ends the CDK's synthesis. Another value for the parameter, or none as default, avoids it.
# Seen: FATAL F3031 Properties.ModelPackageGroupName '' does not match pattern '^[a-zA-Z0-9](-*[a-zA-Z0-9])*$';
#   FATAL F3033 Properties.ModelPackageGroupName length 0 is below minimum 1
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts @aws/cloudformation-validate@1.9.0-beta

cat > template.yaml <<'END'
Parameters:
  Name: {Type: String, Default: ""}
Conditions:
  HasName: !Not [!Equals [!Ref Name, ""]]
Resources:
  Group:
    Type: AWS::SageMaker::ModelPackageGroup
    Properties:
      ModelPackageGroupName: !If [HasName, !Ref Name, registered-models]
END
cat > validate.cjs <<'END'
const { RegoEngine, TemplateFile } = require("@aws/cloudformation-validate");
const engine = new RegoEngine({});
for (const each of engine.validateStandard(new TemplateFile("template.yaml"), {}).diagnostics) {
  console.log(each.severity, each.ruleId, each.propertyPath ?? "", each.message);
}
engine.free();
END
node validate.cjs | tee seen.txt

if grep -q "^FATAL F3033 Properties.ModelPackageGroupName length 0" seen.txt; then
    echo "as stated: the branch that is not taken is refused"
else
    echo "no longer so: nothing is said of the branch that is not taken"
    exit 1
fi
