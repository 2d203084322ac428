"""One model package: its data, its status, and its form in the answers of Describe and List."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from .arns import last_part
from .behaviour import Behaviour

Json = dict[str, Any]

# What both List and BatchDescribe have of a package, beside its ARN and status.
_IN_SUMMARIES = (
    "ModelPackageGroupName",
    "ModelPackageVersion",
    "ModelPackageDescription",
    "CreationTime",
    "ModelApprovalStatus",
    "ModelPackageRegistrationType",
)
# What MetadataOnly leaves of a model card's content, where it is there. [D]
_CARD_METADATA = (
    ("model_overview", "model_id"),
    ("model_overview", "model_name"),
    ("intended_uses", "risk_rating"),
    ("model_package_details", "model_package_group_name"),
    ("model_package_details", "model_package_arn"),
)


@dataclass(slots=True)
class Package:
    """A stored package; `data` has the members of Describe that do not change with time."""

    arn: str
    number: int
    """The order of creation, in the account and region."""
    data: Json
    tags: dict[str, str]
    hidden_describes: int = 0
    """Describes that still answer that it does not exist."""
    unknown_calls: int = 0
    """Calls of any operation that still answer that it does not exist."""
    previous_data: Json = field(default_factory=dict)
    """The data before the last update."""
    stale_describes: int = 0
    """Describes that still answer `previous_data`."""
    updating_describes: int = 0
    """Describes that still answer `InProgress` after an update."""
    update_failures: dict[str, str] = field(default_factory=dict)
    """Status items to reasons, of the last update."""
    describes: int = 0
    """Describes so far, on which the status depends."""
    deleting_describes: int | None = None
    """Once deleted: Describes that still answer `Deleting`."""
    update_tokens: set[str] = field(default_factory=set)
    recorded_status: str | None = None
    """The status of the latest change in the history."""

    @property
    def versioned(self) -> bool:
        """Whether it is a version in a group."""
        return "ModelPackageGroupName" in self.data

    @property
    def name(self) -> str:
        """The name it is listed under: its own, or that of its group."""
        return str(self.data.get("ModelPackageName") or self.data["ModelPackageGroupName"])

    @property
    def takes_time(self) -> bool:
        """Whether it is validated: unversioned, or with a `ValidationSpecification`. [R]"""
        if self.data.get("SkipModelValidation") == "All":
            return False  # [D] that it skips; [I] that it is then finished at once
        return not self.versioned or "ValidationSpecification" in self.data

    def status(self, behaviour: Behaviour) -> str:
        """Return the overall status."""
        if self.deleting_describes is not None:
            return "Deleting"  # [C]
        chosen = {arn.lower(): status for arn, status in behaviour.statuses.items()}.get(self.arn.lower())
        return chosen or behaviour.status_override or self._progress(behaviour)

    def is_validating(self, behaviour: Behaviour) -> bool:
        """Whether validation has not ended yet."""
        return self._progress(behaviour) in ("Pending", "InProgress")

    def _progress(self, behaviour: Behaviour) -> str:
        if self.updating_describes:
            return "InProgress"  # [I]
        if self.update_failures:
            return "Failed"  # [I]
        if not self.takes_time:
            return "Completed"  # at the first Describe [R]
        describes = max(self.describes, 1)
        if describes <= behaviour.describes_until_completed:
            # Only unversioned packages have been recorded as Pending. [R]
            pending = not self.versioned and describes <= behaviour.pending_describes
            return "Pending" if pending else "InProgress"
        return "Failed" if self._failures(behaviour) else "Completed"

    def status_details(self, behaviour: Behaviour) -> Json:
        """Return the items behind the status; only here are the reasons of a failure. [R]"""
        if self.update_failures:
            progress, failures = self._progress(behaviour), self.update_failures
            items = [_item(name, name, progress, failures) for name in failures]
            return {"ValidationStatuses": items, "ImageScanStatuses": []}
        if not self.takes_time:
            return {"ValidationStatuses": [], "ImageScanStatuses": []}  # [R]
        progress = self._progress(behaviour)
        failures = self._failures(behaviour)
        return {
            "ValidationStatuses": [_item(name, name, progress, failures) for name in self._profiles()],
            "ImageScanStatuses": [
                _item(_item_name(image), image, progress, failures)
                for image in self._images()
                # Images are scanned for the Marketplace [D]; a chosen failure is shown in any case.
                if self.data["CertifyForMarketplace"] or image in failures
            ],
        }

    def describe(self, behaviour: Behaviour, *, with_card_content: bool, is_stale: bool = False) -> Json:
        """Return the answer of Describe; tags are never part of it. [R]"""
        answer = (self.previous_data if is_stale else self.data) | {
            "ModelPackageArn": self.arn,
            "ModelPackageStatus": self.status(behaviour),
            "ModelPackageStatusDetails": self.status_details(behaviour),
        }
        card = answer.get("ModelCard", {})
        if "ModelCardContent" in card and not with_card_content:
            answer["ModelCard"] = card | {"ModelCardContent": _metadata_of(card["ModelCardContent"])}
        return _with_names(answer, behaviour)

    def summary(self, behaviour: Behaviour) -> Json:
        """Return its item in the answer of List."""
        return self._members(("ModelPackageName", *_IN_SUMMARIES, "ModelLifeCycle"), behaviour)

    def batch_summary(self, behaviour: Behaviour) -> Json:
        """Return its item in the answer of BatchDescribe."""
        # It always has a specification [D]; that of a package without one: [I].
        none: Json = {"InferenceSpecification": {"Containers": []}}
        return none | self._members((*_IN_SUMMARIES, "InferenceSpecification"), behaviour)

    def raw(self, behaviour: Behaviour) -> Json:
        """Return everything held, for assertions."""
        return self.describe(behaviour, with_card_content=True) | {
            "Tags": [{"Key": key, "Value": value} for key, value in self.tags.items()]
        }

    def _members(self, names: tuple[str, ...], behaviour: Behaviour) -> Json:
        data = {name: self.data[name] for name in names if name in self.data}
        identity = {"ModelPackageArn": self.arn, "ModelPackageStatus": self.status(behaviour)}
        return _with_names(data | identity, behaviour)

    def _profiles(self) -> list[str]:
        validation = self.data.get("ValidationSpecification", {})
        return [profile["ProfileName"] for profile in validation.get("ValidationProfiles", [])]

    def _images(self) -> list[str]:
        containers = self.data.get("InferenceSpecification", {}).get("Containers", [])
        return [container["Image"] for container in containers if "Image" in container]

    def _failures(self, behaviour: Behaviour) -> dict[str, str]:
        names = {*self._profiles(), *self._images()}
        return {name: reason for name, reason in behaviour.validation_failures.items() if name in names}


def _metadata_of(content: str) -> str:
    """Return what of a card's content is not encrypted; of one that is no JSON, nothing. [I]"""
    try:
        card = json.loads(content)
    except (ValueError, RecursionError):
        card = None
    kept: Json = {}
    for section, member in _CARD_METADATA:
        values = card.get(section) if isinstance(card, dict) else None
        if isinstance(values, dict) and member in values:
            kept.setdefault(section, {})[member] = values[member]
    return json.dumps(kept)


def _with_names(answer: Json, behaviour: Behaviour) -> Json:
    """Return an answer with the names as the service has them now, or as it is chosen to have them."""
    if behaviour.names_left_out:
        answer.pop("ModelPackageName", None)
    if behaviour.names_in_lower_case:  # until 2022 [V]
        names = ("ModelPackageArn", "ModelPackageName")
        answer |= {name: answer[name].lower() for name in names if name in answer}
    return answer


def _item(name: str, key: str, progress: str, failures: dict[str, str]) -> Json:
    if progress == "Failed" and key in failures:
        return {"Name": name, "Status": "Failed", "FailureReason": failures[key]}
    finished = {"Pending": "NotStarted", "Failed": "Completed"}  # an item that did not fail has completed
    return {"Name": name, "Status": finished.get(progress, progress)}


def _item_name(image: str) -> str:
    """Return an image's repository as a name; item names have no room for a whole image. [I]"""
    repository = re.split("[:@]", last_part(image))[0]
    return re.sub("[^a-zA-Z0-9]+", "-", repository).strip("-")[:63] or "image"
