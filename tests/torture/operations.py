"""What is done in more than one kind of torture: updates of every sort, and creates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.faults.proxy import Call, FaultKind, error

from .world import ACCOUNT, IMAGE, PROFILE, REGION, Json, World, package, validation

UPDATE, ADD, DROP = "UpdateModelPackage", "AddTags", "DeleteTags"


# --- updates ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Change:
    """An update: what the template said before and says now, the calls it takes, what of it is for good."""

    old: Json
    new: Json
    writes: tuple[str, ...]
    """The writing calls, in order."""
    behaviour: Json = field(default_factory=dict)
    old_stack_tags: Mapping[str, str] | None = None
    new_stack_tags: Mapping[str, str] | None = None
    final: frozenset[str] = frozenset()
    """Properties that SageMaker can set but not unset: whoever takes them back has to hear of it."""
    left: frozenset[str] = frozenset()
    """Properties that keep what was added to them, because no template ever said that they have it."""

    def create(self, world: World) -> str:
        """Make the package as it was before."""
        run = world.create(self.old, stack_tags=self.old_stack_tags)
        assert run.status == "SUCCESS", run.last
        assert run.arn
        return run.arn

    def event(self, world: World, arn: str, token: str | None = None) -> Json:
        """The event of the update."""
        return world.event(
            "UPDATE",
            {**self.new, "ModelPackageArn": arn},
            {**self.old, "ModelPackageArn": arn},
            token=token,
            stack_tags=self.new_stack_tags,
            previous_stack_tags=self.old_stack_tags,
        )

    def back(self, world: World, arn: str) -> Json:
        """The event that rolls it back: desired and previous exchanged."""
        return world.event(
            "UPDATE",
            {**self.old, "ModelPackageArn": arn},
            {**self.new, "ModelPackageArn": arn},
            stack_tags=self.old_stack_tags,
            previous_stack_tags=self.new_stack_tags,
        )


def unversioned(**members: Any) -> Json:
    """A template's properties of a package with a name of its own."""
    return package(ModelPackageName="churn-model", **members)


def specification(name: str) -> Json:
    """An additional inference specification."""
    image = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{name}:1"
    return {"Name": name, "Containers": [{"Image": image}]}


def card(status: str, purpose: str) -> Json:
    """A model card."""
    return {"ModelCardStatus": status, "ModelCardContent": f'{{"intended_uses": "{purpose}"}}'}


def tags(**values: str) -> list[Json]:
    """Tags as a template has them."""
    return [{"Key": key, "Value": value} for key, value in values.items()]


def refusing(member: str) -> Callable[[Call], FaultKind | None]:
    """A service that refuses whatever would change this member of a model card."""
    refused = error("refused", "ValidationException", f"The {member} of this model card cannot be changed.")
    return lambda call: refused if member in call.arguments.get("ModelCard", {}) else None


_FULL = {f"tag-{number}": "full" for number in range(50)}
_FULL_BUT_THREE = {key: value for key, value in _FULL.items() if key not in ("tag-0", "tag-1", "tag-2")}
_REPLACEABLE = {"inference_specification_replaceable": True}
_METADATA_BEFORE = {"kept": "as it is", "changed": "before", "dropped": "for now"}
_METADATA_AFTER = {"kept": "as it is", "changed": "after", "added": "just now"}
_LIFE_BEFORE = {"Stage": "Staging", "StageStatus": "PendingApproval"}
_LIFE_AFTER = {"Stage": "Production", "StageStatus": "Approved", "StageDescription": "to all"}

CHANGES = {
    "everything in place": Change(
        old=package(
            ModelApprovalStatus="Approved",
            ApprovalDescription="good enough",
            CustomerMetadataProperties=_METADATA_BEFORE,
            AdditionalInferenceSpecifications=[specification("first")],
            ModelLifeCycle=_LIFE_BEFORE,
            ModelPackageRegistrationType="Logged",
        ),
        new=package(
            ModelApprovalStatus="Rejected",
            ApprovalDescription="too slow",
            CustomerMetadataProperties=_METADATA_AFTER,
            AdditionalInferenceSpecifications=[specification("first")],
            AdditionalInferenceSpecificationsToAdd=[specification("second")],
            ModelLifeCycle=_LIFE_AFTER,
            ModelPackageRegistrationType="Registered",
        ),
        writes=(UPDATE,),
        left=frozenset({"AdditionalInferenceSpecifications"}),
    ),
    "everything dropped": Change(
        old=package(
            ModelApprovalStatus="Approved",
            ApprovalDescription="good enough",
            CustomerMetadataProperties=_METADATA_BEFORE,
        ),
        new=package(),
        writes=(UPDATE,),
    ),
    "everything for the first time": Change(
        old=package(),
        new=package(
            ModelApprovalStatus="Approved",
            ApprovalDescription="good enough",
            CustomerMetadataProperties=_METADATA_AFTER,
            AdditionalInferenceSpecificationsToAdd=[specification("first")],
            AdditionalInferenceSpecificationDefinition=specification("second"),
            ModelCard=card("Draft", "churn"),
            ModelLifeCycle=_LIFE_BEFORE,
            ModelPackageRegistrationType="Logged",
        ),
        writes=(UPDATE, UPDATE, UPDATE),
        final=frozenset({"ModelCard", "ModelLifeCycle", "ModelPackageRegistrationType"}),
        left=frozenset({"AdditionalInferenceSpecifications"}),
    ),
    "card": Change(
        old=package(ModelCard=card("Draft", "churn"), ModelApprovalStatus="Approved"),
        new=package(ModelCard=card("PendingReview", "fraud"), ModelApprovalStatus="Rejected"),
        writes=(UPDATE, UPDATE, UPDATE),
    ),
    "card into the archive": Change(
        old=package(ModelCard=card("Approved", "churn"), CustomerMetadataProperties=_METADATA_BEFORE),
        new=package(ModelCard=card("Archived", "history"), CustomerMetadataProperties=_METADATA_AFTER),
        writes=(UPDATE, UPDATE, UPDATE),
    ),
    "card out of the archive": Change(
        old=package(ModelCard=card("Archived", "history"), CustomerMetadataProperties=_METADATA_BEFORE),
        new=package(ModelCard=card("Draft", "churn"), CustomerMetadataProperties=_METADATA_AFTER),
        writes=(UPDATE, UPDATE, UPDATE),
    ),
    "environment": Change(
        old=package(Environment={"KEPT": "1", "CHANGED": "1", "DROPPED": "1"}, ModelLifeCycle=_LIFE_BEFORE),
        new=package(Environment={"KEPT": "1", "CHANGED": "2", "ADDED": "2"}, ModelLifeCycle=_LIFE_AFTER),
        writes=(UPDATE, UPDATE),
        behaviour=_REPLACEABLE,
    ),
    "environment and first life cycle": Change(
        old=package(Environment={"LEVEL": "1"}),
        new=package(
            Environment={"LEVEL": "2"}, ModelLifeCycle=_LIFE_BEFORE, ModelPackageRegistrationType="Logged"
        ),
        writes=(UPDATE, UPDATE),
        behaviour=_REPLACEABLE,
        final=frozenset({"ModelLifeCycle", "ModelPackageRegistrationType"}),
    ),
    "environment and first source": Change(
        old=package(Environment={"LEVEL": "1"}, CustomerMetadataProperties=_METADATA_BEFORE),
        new=package(
            Environment={"LEVEL": "2"},
            CustomerMetadataProperties=_METADATA_AFTER,
            SourceUri="s3://models/churn.tar.gz",
        ),
        writes=(UPDATE, UPDATE),
        behaviour=_REPLACEABLE,
        final=frozenset({"SourceUri"}),
    ),
    "source": Change(
        old=package(SourceUri="s3://models/old.tar.gz", CustomerMetadataProperties=_METADATA_BEFORE),
        new=package(SourceUri="s3://models/new.tar.gz", CustomerMetadataProperties=_METADATA_AFTER),
        writes=(UPDATE, UPDATE),
        behaviour=_REPLACEABLE,
    ),
    "card status and specifications": Change(
        old=package(
            ModelCard=card("Draft", "churn"), AdditionalInferenceSpecifications=[specification("first")]
        ),
        new=package(
            ModelCard=card("Approved", "churn"),
            AdditionalInferenceSpecifications=[specification("first"), specification("second")],
        ),
        writes=(UPDATE, UPDATE),
        final=frozenset({"AdditionalInferenceSpecifications"}),
    ),
    "tags": Change(
        old=unversioned(
            Tags=tags(kept="1", changed="1", dropped="1"), CustomerMetadataProperties=_METADATA_BEFORE
        ),
        new=unversioned(
            Tags=tags(kept="1", changed="2", added="2"), CustomerMetadataProperties=_METADATA_AFTER
        ),
        writes=(UPDATE, ADD, DROP),
    ),
    "tags without room": Change(
        old=unversioned(Tags=tags(**_FULL)),
        new=unversioned(Tags=tags(**_FULL_BUT_THREE | {"tag-9": "new", "a": "1", "b": "2", "c": "3"})),
        writes=(DROP, ADD),
    ),
    "stack tags": Change(
        old=unversioned(Tags=tags(own="1")),
        new=unversioned(Tags=tags(own="1")),
        writes=(ADD, DROP),
        old_stack_tags={"kept": "1", "changed": "1", "dropped": "1", "own": "overruled"},
        new_stack_tags={"kept": "1", "changed": "2", "added": "2", "own": "overruled again"},
    ),
    "all of an unversioned package": Change(
        old=unversioned(
            ModelCard=card("Draft", "churn"),
            CustomerMetadataProperties=_METADATA_BEFORE,
            Tags=tags(changed="1", dropped="1"),
        ),
        new=unversioned(
            ModelCard=card("Approved", "fraud"),
            CustomerMetadataProperties=_METADATA_AFTER,
            Tags=tags(changed="2", added="2"),
        ),
        writes=(UPDATE, UPDATE, UPDATE, ADD, DROP),
    ),
}


# --- creates ----------------------------------------------------------------------------------------


def validated(**members: Any) -> Json:
    """A template's properties of a version that SageMaker validates."""
    return package(ValidationSpecification=validation(), **members)


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


# --- what they come to ------------------------------------------------------------------------------

# What differs between two runs that came to the same.
_OF_THE_RUN = frozenset({"CreationTime", "LastModifiedTime", "LastModifiedBy"})


def lasting(value: Any) -> Any:
    """Without what differs between two runs that came to the same: times, and the order of tags."""
    if isinstance(value, list):
        return [lasting(item) for item in value]
    if not isinstance(value, dict):
        return value
    found = {name: lasting(item) for name, item in value.items() if name not in _OF_THE_RUN}
    if isinstance(found.get("Tags"), list):
        found["Tags"].sort(key=lambda tag: str(tag["Key"]))
    if found.get("ApprovalDescription") == "":  # the API's way to have none
        del found["ApprovalDescription"]
    return found
