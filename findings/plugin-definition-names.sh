#!/usr/bin/env bash
# A definition called "BaseModel" or "Type" breaks the generated models, without a warning.
#
# Packages: cloudformation-cli 0.2.41, cloudformation-cli-python-plugin 2.1.10,
#   cloudformation-cli-python-lib 2.1.20, boto3 1.44.5.
# Expected: names of definitions are the author's own; a clash in the generated code is reported or renamed
#   (the code generator does report two definitions whose class names are equal).
# Behaviour: `cfn validate` and `cfn generate` end with exit code 0. Generated classes stand in one module with
#   what it imports. "BaseModel" replaces the library's base class for every class after it: they inherit its
#   members, and reading such a property fails at run time. "Type" replaces typing's: no import any more.
# Seen: with Other: reads {'Key': 'a'}; with BaseModel: TypeError when read, members of Pair: ['Name', 'Key'];
#   with Type: TypeError when imported
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --disable-pip-version-check -qq 'cloudformation-cli==0.2.41' \
    'cloudformation-cli-python-plugin==2.1.10' 'cloudformation-cli-python-lib==2.1.20' 'boto3==1.44.5'
cd "$work"

mkdir -p src/acme_demo_thing
cat >.rpdk-config <<'JSON'
{"artifact_type": "RESOURCE", "typeName": "Acme::Demo::Thing", "language": "python311", "runtime": "python3.11",
 "entrypoint": "acme_demo_thing.handlers.resource", "testEntrypoint": "acme_demo_thing.handlers.test_entrypoint",
 "settings": {"use_docker": false, "no_docker": true, "protocolVersion": "2.0.0"}}
JSON
cat >check.py <<'PYTHON'
import dataclasses

try:
    from acme_demo_thing import models
except Exception as error:
    print(f"{type(error).__name__} when imported")
    raise SystemExit
try:
    model = models.ResourceModel._deserialize({"Id": "1", "Pair": {"Key": "a"}})
    print("reads", model._serialize()["Pair"])
except Exception as error:
    print(f"{type(error).__name__} when read,", "members of Pair:", [f.name for f in dataclasses.fields(models.Pair)])
PYTHON

seen=()
for name in Other BaseModel Type; do
    cat >acme-demo-thing.json <<JSON
{"typeName": "Acme::Demo::Thing", "description": "A thing.", "additionalProperties": false,
 "definitions": {
    "$name": {"type": "object", "additionalProperties": false, "properties": {"Name": {"type": "string"}}},
    "Pair": {"type": "object", "additionalProperties": false, "properties": {"Key": {"type": "string"}}}},
 "properties": {"Id": {"type": "string"}, "First": {"\$ref": "#/definitions/$name"},
    "Pair": {"\$ref": "#/definitions/Pair"}},
 "tagging": {"taggable": false},
 "primaryIdentifier": ["/properties/Id"], "readOnlyProperties": ["/properties/Id"],
 "handlers": {"read": {"permissions": ["demo:Read"]}}}
JSON
    for command in validate generate; do
        "$work/venv/bin/cfn" "$command" >log 2>&1 || { echo "no longer so: cfn $command refuses $name" >&2; exit 1; }
    done
    seen+=("$name: $(PYTHONPATH="$work/src" "$work/venv/bin/python" check.py)")
done

stated="Other: reads {'Key': 'a'}
BaseModel: TypeError when read, members of Pair: ['Name', 'Key']
Type: TypeError when imported"
if [ "$(printf '%s\n' "${seen[@]}")" != "$stated" ]; then
    printf 'no longer so: %s\n' "${seen[@]}" >&2
    exit 1
fi
echo "as stated: ${seen[0]}; ${seen[1]}; ${seen[2]}"
