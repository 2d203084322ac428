"""Tells a refusal to change something from every other bad request. Pure.

Only a refusal leads to the replacement of a package, so a message that says nothing certain is none.
"""

from __future__ import annotations

import re

from botocore.exceptions import ClientError

from .errors import VALIDATION_CODES, is_bad_request


def _any_of(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(rf"\b({pattern})\b" for pattern in patterns), re.IGNORECASE)


_CHANGE = r"(be )?(re)?(chang|updat|modif|edit|plac|set\b|overwrit|overrid|remov)\w*"
# That something is fixed once the package exists. Of the service's messages only an archived card's is known:
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateModelCard.html
_CANNOT_CHANGE = _any_of(
    rf"(cannot|can not|can't|can no longer|may not|must not) {_CHANGE}",
    rf"not (possible|allowed|permitted) to {_CHANGE}",
    rf"(not support(ed)?|not allowed|not permitted|not possible|disallowed|only)\b.{{0,40}}\b{_CHANGE}",
    rf"{_CHANGE}\b.{{0,60}}\b(not (be )?(supported|allowed|permitted|possible)|disallowed|forbidden)",
    "immutable|read-only|not (updatable|editable|mutable|modifiable)",
    "already (been )?(set|present|defined)",
    "archived state",
)
# What is wrong with a value, is missing, or is beyond the caller's rights, however it is worded.
_ABOUT_A_VALUE = _any_of(
    "validation errors?|failed to satisfy|schema|json|format|malformed|invalid|not valid",
    "size|bytes|characters|length|exceed(s|ed)?|limit|maximum|minimum|at (most|least)",
    "too (large|long|many|big|small|short)",
    "regions?|not (be )?found|(does|do|did) not exist|no such|s3|ecr|bucket|repository",
    "(cannot|could not|unable to) (find|locate|access|read|load|download|assume|resolve|parse)",
    "roles?|permissions?|(un|not )authori[sz]ed|denied|credentials|kms",
)
# Names of the user's own, which may be any of these words.
_NAMES = re.compile(r"arn:\S+|'[^']*'|\"[^\"]*\"", re.IGNORECASE)


def is_refusal(error: Exception) -> bool:
    """Whether SageMaker says that this cannot be changed, rather than that a value or the call is wrong."""
    if not (isinstance(error, ClientError) and is_bad_request(error)):
        return False
    details = error.response.get("Error", {})
    message = _NAMES.sub("", str(details.get("Message", "")))
    return (
        details.get("Code") in VALIDATION_CODES
        and _CANNOT_CHANGE.search(message) is not None
        and _ABOUT_A_VALUE.search(message) is None
    )
