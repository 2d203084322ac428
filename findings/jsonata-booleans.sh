#!/usr/bin/env bash
# jsonata-python takes true for 1 and false for 0 in `in` and $distinct, though not in `=`.
#
# Packages: jsonata-python 0.7.1.
# Expected: JSONata's values are JSON's: a boolean is never equal to a number. The reference implementation
#   (jsonata 2.2.2 on npm) answers false, false, false, [0,false,""] and [1,true] below.
# Behaviour: `=` tells them apart; `in` and $distinct fall back to Python, where True == 1 and False == 0, at any
#   depth. $distinct loses values without a trace, and a filter by `in` keeps what `=` would not.
# Seen: true = 1: false; true in [1]: true; {'a': true} in [{'a': 1}]: true; $distinct([0, false, '']): [0, ""];
#   $distinct([1, true]): 1
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --disable-pip-version-check -qq 'jsonata-python==0.7.1'
cd "$work"

"$work/venv/bin/python" - <<'PYTHON'
import json

from jsonata import Jsonata

stated = {
    "true = 1": "false",
    "true in [1]": "true",
    "{'a': true} in [{'a': 1}]": "true",
    "$distinct([0, false, ''])": '[0, ""]',
    "$distinct([1, true])": "1",  # a list of one value is that value
}
seen = {expression: json.dumps(Jsonata(expression).evaluate(None)) for expression in stated}
if seen != stated:
    raise SystemExit(f"no longer so: {seen}")
print("as stated:", "; ".join(f"{expression}: {value}" for expression, value in seen.items()))
PYTHON
