"""Tells a refusal to change something from every other bad request. Pure.

Only a refusal leads to the replacement of a package, so a message that says nothing certain is none.
"""

from __future__ import annotations

import re

from botocore.exceptions import ClientError

from .errors import VALIDATION_CODES, is_bad_request


def _any_of(*patterns: str) -> str:
    return "|".join(rf"\b({pattern})\b" for pattern in patterns)


_CHANGE = r"(be )?(re)?(chang|updat|modif|edit|plac|overwrit|remov)\w*"
_NOT = r"(not|n't|never|no longer)"
_MAY = "(support(ed)?|allowed|permitted|possible|updatable|editable|mutable|modifiable)"
# That something is fixed once the package exists. Only the message about an archived card is known:
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateModelCard.html
_CANNOT_CHANGE = _any_of(
    rf"(cannot|can not|can't|can no longer|may not|must not) {_CHANGE}",
    rf"{_NOT} {_MAY} to {_CHANGE}",
    rf"({_NOT} {_MAY}|disallowed)\b[^.;:]{{0,40}}\b{_CHANGE}",
    rf"{_CHANGE}\b[^.;:]{{0,60}}(\b{_NOT} (be )?{_MAY}|n't (be )?{_MAY}|\bdisallowed)",
    rf"only\b[^.;:]{{0,40}}\bcan {_CHANGE}",
    rf"immutable|read-only|{_NOT} {_MAY}\b[^.;:]{{0,20}}once",
    "(set|given|defined) only once|only be (set|given|defined) once",
    "already (been )?(set|present|defined|exists?)",
    "archived state",
)
# What is wrong with a value, is missing, is beyond the caller's rights, or passes, however it is worded.
_OTHER_REASON = _any_of(
    "validation errors?|failed to satisfy|schema|json|format|malformed|invalid|not valid|extraneous|reserved",
    "required|missing|unknown|unexpected|at least one",
    "size|bytes|characters|length|exceed(s|ed)?|limit|maximum|minimum|at (most|least)",
    "too (large|long|many|big|small|short)",
    "regions?|not (be )?found|(does|do|did) not exist|no such|s3|ecr|bucket|repository",
    "(cannot|could not|unable to) (find|locate|access|read|load|download|assume|resolve|parse)",
    "roles?|permissions?|(un|not )authori[sz]ed|denied|forbidden|access|entitled|credentials|kms",
    "in ?progress|while|until|currently|being|locked|status|(try|retry|again)",
)
# Names of the user's own and of the API, which may have any of these words, and what stands before a reason.
_NAMES = (
    r"arn:\S+|(?<!\w)'[^']*'(?!\w)|(?<!\w)\"[^\"]*\"(?!\w)|\b(Create|Update|Describe)[A-Z]\w+"
    r"|^[Ii]nvalid \w+( \w+)?:"
)


def is_refusal(error: Exception) -> bool:
    """Whether SageMaker says that this cannot be changed, rather than that a value or the call is wrong."""
    if not (isinstance(error, ClientError) and is_bad_request(error)):
        return False
    details = error.response.get("Error", {})
    message = re.sub(_NAMES, "", str(details.get("Message", "")).strip())
    return (
        details.get("Code") in VALIDATION_CODES
        and re.search(_CANNOT_CHANGE, message, re.IGNORECASE) is not None
        and re.search(_OTHER_REASON, message, re.IGNORECASE) is None
    )
