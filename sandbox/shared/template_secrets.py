"""Which values of a template are secrets: those of `NoEcho` parameters, and those of other stores.

A property with a secret anywhere in it counts as one, as in CloudFormation's change sets.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from sandbox.shared.json_pointers import parts_of

_IN_TEXT = re.compile(r"\$\{([^!}][^}]*)\}")
# What the values of other stores are referred to by, in texts of a template.
_SECRET_REFERENCES = ("{{resolve:secretsmanager:", "{{resolve:ssm-secure:")


def secret_names(template: Mapping[str, Any], passed: Collection[str]) -> frozenset[str]:
    """Return the parameters whose values may not be shown; `passed` are those that a parent keeps secret."""
    parameters = template.get("Parameters") or {}
    own = (name for name, each in parameters.items() if str(each.get("NoEcho")).lower() == "true")
    return frozenset([*own, *passed])


def properties_of(template: Mapping[str, Any], resource: str) -> Mapping[str, Any]:
    """Return the properties of a resource as the template has them; none for one that it does not have."""
    properties = (template.get("Resources") or {}).get(resource, {}).get("Properties")
    return properties if isinstance(properties, Mapping) else {}


def is_secret(template: Mapping[str, Any], resource: str, path: str, secrets: Collection[str]) -> bool:
    """Return whether the property that a path begins with has a secret in it, as the template has it.

    A resource that the template does not spell out, as in a loop, may have any secret there is.
    """
    if resource not in (template.get("Resources") or {}):
        return bool(secrets)
    return uses(properties_of(template, resource).get(parts_of(path)[0]), secrets)


def uses(value: Any, secrets: Collection[str]) -> bool:
    """Return whether a value of a template has a secret parameter's value, or one of another store, in it."""
    if isinstance(value, Mapping):
        return any(
            (name == "Ref" and each in [*secrets]) or uses(each, secrets) for name, each in value.items()
        )
    if isinstance(value, list):
        return any(uses(each, secrets) for each in value)
    return isinstance(value, str) and (
        any(reference in value for reference in _SECRET_REFERENCES)
        or any(name.strip() in secrets for name in _IN_TEXT.findall(value))
    )
