#!/usr/bin/env bash
# cfn-lint checks nothing of a resource whose type it knows from --registry-schemas alone, and ends with 0.
#
# Packages: cfn-lint 1.58.0.
# Expected: given a type's schema, the linter reports an unknown property, a missing one, a value out of range
#   and a GetAtt of an attribute that is not there; a schema that it could not use would leave E3006.
# Behaviour: the schema only silences E3006 (no such type); nothing in it is held against the template. The
#   same schema under the name of a type that cfn-lint ships is checked in full, so the option works when tried
#   out with one of AWS's types. The output is the same for a clean template and for one that was not checked.
# Seen: without the schema: E3006; with it: no findings, exit code 0; as AWS::SQS::Queue: E3002 E3003 E3034 E6101
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --disable-pip-version-check -qq 'cfn-lint==1.58.0'
cd "$work"

write() { # type: its schema, and a template with four mistakes
    mkdir -p schemas
    cat >schemas/schema.json <<JSON
{"typeName": "$1", "description": "A thing.", "additionalProperties": false,
 "properties": {"Id": {"type": "string"}, "Name": {"type": "string"}, "Size": {"type": "integer", "maximum": 5}},
 "required": ["Name"], "primaryIdentifier": ["/properties/Id"], "readOnlyProperties": ["/properties/Id"],
 "handlers": {"create": {"permissions": [""]}, "read": {"permissions": [""]}, "delete": {"permissions": [""]}}}
JSON
    cat >template.yaml <<YAML
Resources:
  Thing:
    Type: $1
    Properties:
      Nmae: first
      Size: 9
Outputs:
  Nothing:
    Value: !GetAtt Thing.Nothing
YAML
}
lint() { # arguments: prints the rules, then the exit code
    local code=0
    "$work/venv/bin/cfn-lint" --format parseable "$@" template.yaml >log || code=$?
    echo "$(cut -d: -f6 log | sort -u | tr '\n' ' ')exit code $code"
}

write Acme::Demo::Thing
unknown=$(lint --)
given=$(lint --registry-schemas schemas --)
write AWS::SQS::Queue
shipped=$(lint --registry-schemas schemas --)

seen="without the schema: $unknown; with it: $given; as AWS::SQS::Queue: $shipped"
stated="without the schema: E3006 exit code 2; with it: exit code 0; \
as AWS::SQS::Queue: E3002 E3003 E3034 E6101 exit code 2"
[ "$seen" = "$stated" ] || { echo "no longer so: $seen" >&2; exit 1; }
echo "as stated: $seen"
