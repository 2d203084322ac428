#!/usr/bin/env bash
# `cfn test` takes the inputs of sets 10 to 19 for those of set 1 as well.
#
# Packages: cloudformation-cli 0.2.41.
# Expected: set 1 is inputs/inputs_1_create.json, ..._update.json and ..._invalid.json, and no other file.
# Behaviour: files of a set are those whose names begin with "inputs_1", with no separator after the number. From
#   ten sets on, files of the tenth replace the first's, or not, as the folder happens to be listed, and what
#   the first does not have comes from the tenth in any case. So the first set may never be tested, or be
#   tested with another's update, without a message.
# Seen: set 1 has create and update, set 10 create, update and invalid; read as set 1: CREATE, INVALID, UPDATE,
#   with the INVALID of set 10; with set 10 alone, set 1 is set 10
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --disable-pip-version-check -qq 'cloudformation-cli==0.2.41'
mkdir "$work/inputs"
cd "$work"

for kind in create update; do echo '{"Name": "set 1"}' >"inputs/inputs_1_$kind.json"; done
for kind in create update invalid; do echo '{"Name": "set 10"}' >"inputs/inputs_10_$kind.json"; done

"$work/venv/bin/python" - <<'PYTHON'
from pathlib import Path

from rpdk.core.test import get_inputs  # what `cfn test` calls for each set, until a number has no files


def read(number):
    return get_inputs(Path("."), "us-east-1", None, number, None, None, {})


tenth = {"Name": "set 10"}
if read(10) != {"CREATE": tenth, "UPDATE": tenth, "INVALID": tenth} or read(2):
    raise SystemExit(f"not the files that this script is about: {read(10)}, {read(2)}")
mixed = read(1)
if sorted(mixed) != ["CREATE", "INVALID", "UPDATE"] or mixed["INVALID"] != tenth:
    raise SystemExit(f"no longer so: read as set 1: {mixed}")
for file in Path("inputs").glob("inputs_1_*"):
    file.unlink()
if read(1) != read(10):
    raise SystemExit(f"no longer so: with set 10 alone, set 1 is {read(1)}")
print(f"as stated: read as set 1: {', '.join(sorted(mixed))}, with the INVALID of {mixed['INVALID']['Name']};",
      f"with set 10 alone, set 1 is {read(1)['CREATE']['Name']}")
PYTHON
