#!/usr/bin/env bash
# cfn-lint takes the beginning of a rule's id in two of the three places where rules are ignored.
#
# Packages: cfn-lint 1.58.0.
# Expected: `ignore_checks: [E300]` means the same wherever cfn-lint takes ignore_checks.
# Behaviour: on the command line and in a template's Metadata it ignores every rule whose id begins with E300;
#   in the Metadata of a resource it ignores nothing, without a message, and only a whole id works there.
# Seen: command line: none; template, E300: none; resource, E300: E3002; resource, E3002: none
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --disable-pip-version-check -qq 'cfn-lint==1.58.0'
cd "$work"

cat >template.yaml <<'YAML'
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      QueueNmae: orders
YAML
cat >in-template.yaml <<'YAML'
Metadata:
  cfn-lint: {config: {ignore_checks: [E300]}}
YAML
cat template.yaml >>in-template.yaml
for id in E300 E3002; do
    sed "s/^    Type:.*/&\n    Metadata: {cfn-lint: {config: {ignore_checks: [$id]}}}/" template.yaml >"resource-$id.yaml"
done

# Prints the ids of the rules that match a template, or `none`: TEMPLATE [OPTION ...]
ids() {
    "$work/venv/bin/cfn-lint" --format json --regions us-east-1 "${@:2}" -- "$1" >matches.json || [ $? -eq 2 ]
    "$work/venv/bin/python" -c \
        'import json; print(*sorted({m["Rule"]["Id"] for m in json.load(open("matches.json"))}) or ["none"])'
}

plain=$(ids template.yaml)
seen="command line: $(ids template.yaml --ignore-checks E300)"
seen+="; template, E300: $(ids in-template.yaml)"
seen+="; resource, E300: $(ids resource-E300.yaml)"
seen+="; resource, E3002: $(ids resource-E3002.yaml)"
if [ "$plain; $seen" != "E3002; command line: none; template, E300: none; resource, E300: E3002; resource, E3002: none" ]; then
    echo "no longer so: $plain; $seen"
    exit 1
fi
echo "as stated: $seen"
