#!/usr/bin/env bash
# Two JSONata engines of PyPI are one package to Python, and the second one silently takes the first one's place.
#
# Packages: jsonata-python 0.7.1, jsonata-rs 0.1.4 (wheels).
# Expected: jsonata-rs is imported as jsonata_rs, or pip reports that it cannot be beside jsonata-python.
# Behaviour: both install a package called jsonata with a class Jsonata. The one that comes second overwrites
#   __init__.py and the rest of the first stays; `pip check` finds nothing. The same program then runs the other
#   engine, without an error and with other results: an empty list that `[]` is to keep becomes nothing.
# Seen: Jsonata("Tags[]").evaluate({"Tags": []}) before: []; after: None; pip check: exit code 0
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
pip() { "$work/venv/bin/pip" --disable-pip-version-check "$@"; }
evaluate() {
  "$work/venv/bin/python" -c 'from jsonata import Jsonata; print(Jsonata("Tags[]").evaluate({"Tags": []}))'
}
cd "$work"

pip install -qq 'jsonata-python==0.7.1'
before=$(evaluate)
pip install -qq 'jsonata-rs==0.1.4'
after=$(evaluate)
check=0
pip check >/dev/null || check=$?
both=$(pip list --format freeze | grep -c '^jsonata-')

if [ "$before" = "[]" ] && [ "$after" = None ] && [ "$check" = 0 ] && [ "$both" = 2 ]; then
  echo "as stated: before $before; after $after; pip check: exit code $check with $both engines installed"
else
  echo "no longer so: before $before; after $after; pip check: exit code $check with $both installed" >&2
  exit 1
fi
