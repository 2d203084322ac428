"""Operations that several kinds of torture share: updates (`CHANGES`) and creates (`CREATES`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sandbox.shared.settings import ACCOUNT, REGION
from tests.faults.proxy import Call, FaultKind, error

from .world import IMAGE, PROFILE, Json, World, package, validation

UPDATE, ADD, DROP = "UpdateModelPackage", "AddTags", "DeleteTags"

# What differs between two runs that come to the same.
_OF_THE_RUN = frozenset({"CreationTime", "LastModifiedTime", "LastModifiedBy"})


def timeless(value: Any) -> Any:
    """An event, or packages, without times."""
    if isinstance(value, dict):
        times = ("CreationTime", "LastModifiedTime")
        return {name: timeless(item) for name, item in value.items() if name not in times}
    return [timeless(item) for item in value] if isinstance(value, list) else value


def lasting(value: Any) -> Any:
    """Without what differs between two runs that come to the same: times, and the order of tags."""
    if isinstance(value, list):
        return [lasting(item) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {name: lasting(item) for name, item in value.items() if name not in _OF_THE_RUN}
    if isinstance(kept.get("Tags"), list):
        kept["Tags"].sort(key=lambda tag: str(tag["Key"]))
    if kept.get("ApprovalDescription") == "":  # the API's way to have none
        del kept["ApprovalDescription"]
    return kept


# --- templates --------------------------------------------------------------------------------------


def unversioned(**members: Any) -> Json:
    return package(ModelPackageName="churn-model", **members)


def validated(**members: Any) -> Json:
    return package(ValidationSpecification=validation(), **members)


def specification(name: str) -> Json:
    return {"Name": name, "Containers": [{"Image": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{name}:1"}]}


def card(status: str, purpose: str) -> Json:
    return {"ModelCardStatus": status, "ModelCardContent": f'{{"intended_uses": "{purpose}"}}'}


def tags(**values: str) -> list[Json]:
    return [{"Key": key, "Value": value} for key, value in values.items()]


# --- updates ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Change:
    """An update: the previous and the desired template, the calls it takes, and what a rollback leaves."""

    previous: Json
    desired: Json
    writes: tuple[str, ...]
    """The writing calls, in order."""
    behaviour: Json = field(default_factory=dict)
    previous_stack_tags: Mapping[str, str] | None = None
    stack_tags: Mapping[str, str] | None = None
    kept: frozenset[str] = frozenset()
    """Properties that a rollback leaves as they are: what it takes out of them, SageMaker cannot unset."""

    def create(self, world: World) -> str:
        """Create the package of the previous template and return its ARN."""
        run = world.create(self.previous, stack_tags=self.previous_stack_tags)
        assert run.status == "SUCCESS", run.last
        assert run.arn
        return run.arn

    def event(self, world: World, arn: str, token: str | None = None) -> Json:
        return world.update_event(
            arn,
            self.desired,
            self.previous,
            token=token,
            stack_tags=self.stack_tags,
            previous_stack_tags=self.previous_stack_tags,
        )

    def rollback(self, world: World, arn: str) -> Json:
        """The event of its rollback: desired and previous exchanged."""
        back = replace(
            self,
            previous=self.desired,
            desired=self.previous,
            previous_stack_tags=self.stack_tags,
            stack_tags=self.previous_stack_tags,
        )
        return back.event(world, arn)


def refusing(member: str) -> Callable[[Call], FaultKind | None]:
    """A service that refuses to change this member of a model card."""
    refused = error("refused", "ValidationException", f"The {member} of this model card cannot be changed.")
    return lambda call: refused if member in call.arguments.get("ModelCard", {}) else None


_FULL = {f"tag-{number}": "full" for number in range(50)}
_FULL_BUT_THREE = {key: value for key, value in _FULL.items() if key not in ("tag-0", "tag-1", "tag-2")}
_REPLACEABLE = {"inference_specification_replaceable": True}
_METADATA = {"CustomerMetadataProperties": {"kept": "as it is", "changed": "on-monday", "dropped": "for now"}}
_OTHER_METADATA = {
    "CustomerMetadataProperties": {"kept": "as it is", "changed": "on-tuesday", "added": "just now"}
}
_APPROVED = {"ModelApprovalStatus": "Approved", "ApprovalDescription": "good enough"}
_REJECTED = {"ModelApprovalStatus": "Rejected", "ApprovalDescription": "too slow"}
_LIFE = {"ModelLifeCycle": {"Stage": "Staging", "StageStatus": "PendingApproval"}}
_OTHER_LIFE = {
    "ModelLifeCycle": {"Stage": "Production", "StageStatus": "Approved", "StageDescription": "to all"}
}
_LOGGED, _REGISTERED = ({"ModelPackageRegistrationType": each} for each in ("Logged", "Registered"))
_FIRST = {"AdditionalInferenceSpecifications": [specification("first")]}

CHANGES = {
    "everything in place": Change(
        package(**_APPROVED, **_METADATA, **_FIRST, **_LIFE, **_LOGGED),
        package(
            **(_REJECTED | _OTHER_METADATA | _FIRST | _OTHER_LIFE | _REGISTERED),
            AdditionalInferenceSpecificationsToAdd=[specification("second")],
        ),
        writes=(UPDATE,),
        kept=frozenset({"AdditionalInferenceSpecifications"}),
    ),
    "everything dropped": Change(package(**_APPROVED, **_METADATA), package(), writes=(UPDATE,)),
    "everything for the first time": Change(
        package(),
        package(
            **(_APPROVED | _OTHER_METADATA | _LIFE | _LOGGED),
            AdditionalInferenceSpecificationsToAdd=[specification("first")],
            AdditionalInferenceSpecificationDefinition=specification("second"),
            ModelCard=card("Draft", "churn"),
        ),
        writes=(UPDATE, UPDATE),
        kept=frozenset(
            {
                *("AdditionalInferenceSpecifications", "ModelCard"),
                *("ModelLifeCycle", "ModelPackageRegistrationType"),
            }
        ),
    ),
    "card": Change(
        package(ModelCard=card("Draft", "churn"), ModelApprovalStatus="Approved"),
        package(ModelCard=card("PendingReview", "fraud"), ModelApprovalStatus="Rejected"),
        writes=(UPDATE, UPDATE, UPDATE),
    ),
    "card into the archive": Change(
        package(ModelCard=card("Approved", "churn"), **_METADATA),
        package(ModelCard=card("Archived", "history"), **_OTHER_METADATA),
        writes=(UPDATE, UPDATE, UPDATE),
    ),
    "card out of the archive": Change(
        package(ModelCard=card("Archived", "history"), **_METADATA),
        package(ModelCard=card("Draft", "churn"), **_OTHER_METADATA),
        writes=(UPDATE, UPDATE, UPDATE),
    ),
    "environment": Change(
        package(Environment={"KEPT": "1", "CHANGED": "1", "DROPPED": "1"}, **_LIFE),
        package(Environment={"KEPT": "1", "CHANGED": "2", "ADDED": "2"}, **_OTHER_LIFE),
        writes=(UPDATE, UPDATE),
        behaviour=_REPLACEABLE,
    ),
    "environment dropped": Change(
        package(Environment={"LEVEL": "1"}, **_LIFE),
        package(**_OTHER_LIFE),
        writes=(UPDATE, UPDATE),
        behaviour=_REPLACEABLE,
    ),
    "environment and first life cycle": Change(
        package(Environment={"LEVEL": "1"}),
        package(Environment={"LEVEL": "2"}, **_LIFE, **_LOGGED),
        writes=(UPDATE, UPDATE),
        behaviour=_REPLACEABLE,
        kept=frozenset({"ModelLifeCycle", "ModelPackageRegistrationType"}),
    ),
    "environment and first source": Change(
        package(Environment={"LEVEL": "1"}, **_METADATA),
        package(Environment={"LEVEL": "2"}, SourceUri="s3://models/churn.tar.gz", **_OTHER_METADATA),
        writes=(UPDATE, UPDATE),
        behaviour=_REPLACEABLE,
        kept=frozenset({"SourceUri"}),
    ),
    "source": Change(
        package(SourceUri="s3://models/old.tar.gz", **_METADATA),
        package(SourceUri="s3://models/new.tar.gz", **_OTHER_METADATA),
        writes=(UPDATE, UPDATE),
        behaviour=_REPLACEABLE,
    ),
    "card status and specifications": Change(
        package(ModelCard=card("Draft", "churn"), **_FIRST),
        package(
            ModelCard=card("Approved", "churn"),
            AdditionalInferenceSpecifications=[specification("first"), specification("second")],
        ),
        writes=(UPDATE, UPDATE),
        kept=frozenset({"AdditionalInferenceSpecifications"}),
    ),
    "tags": Change(
        unversioned(Tags=tags(kept="1", changed="1", dropped="1"), **_METADATA),
        unversioned(Tags=tags(kept="1", changed="2", added="2"), **_OTHER_METADATA),
        writes=(UPDATE, ADD, DROP),
    ),
    "tags without room": Change(
        unversioned(Tags=tags(**_FULL)),
        unversioned(Tags=tags(**_FULL_BUT_THREE | {"tag-9": "new", "a": "1", "b": "2", "c": "3"})),
        writes=(DROP, ADD),
    ),
    "stack tags": Change(
        unversioned(Tags=tags(own="1")),
        unversioned(Tags=tags(own="1")),
        writes=(ADD, DROP),
        previous_stack_tags={"kept": "1", "changed": "1", "dropped": "1", "own": "overruled"},
        stack_tags={"kept": "1", "changed": "2", "added": "2", "own": "overruled again"},
    ),
    "all of an unversioned package": Change(
        unversioned(ModelCard=card("Draft", "churn"), Tags=tags(changed="1", dropped="1"), **_METADATA),
        unversioned(
            ModelCard=card("Approved", "fraud"), Tags=tags(changed="2", added="2"), **_OTHER_METADATA
        ),
        writes=(UPDATE, UPDATE, UPDATE, ADD, DROP),
    ),
}


# --- creates ----------------------------------------------------------------------------------------

FAILING = {"validation_failures": {PROFILE: "it smokes", IMAGE: "it is not safe"}}
CREATES = {
    "version": package(),
    "version in two calls": package(
        ModelApprovalStatus="Approved",
        ApprovalDescription="good enough",
        SourceUri="s3://models/churn.tar.gz",
    ),
    "version with a token of its own": package(ClientToken="first"),
    "unversioned": unversioned(Tags=tags(team="risk")),
    "unversioned without a name": package(
        ModelPackageGroupName=None,
        InferenceSpecification=unversioned()["InferenceSpecification"],
    ),
}
