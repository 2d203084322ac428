"""The requests that Create and Update refuse although they fit the API description."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.shared.errors import ApiError, refusal

from .behaviour import Behaviour

MAX_ADDITIONAL_SPECIFICATIONS = 15  # in all, also when they are added one by one [D]
MAX_METADATA_ENTRIES = 50  # also when they are added in several updates [I]
MAX_TAGS = 50  # [D]

Json = dict[str, Any]


def check_create(request: Json, behaviour: Behaviour) -> None:
    """Refuse a create that the service refuses.

    Raises:
        ApiError: the service's error for it.
    """
    has_name, has_group = "ModelPackageName" in request, "ModelPackageGroupName" in request
    if not has_name and not has_group:
        raise refusal("Missing ARN")  # [V]
    if has_name and has_group:
        raise refusal(  # [C]
            "Both ModelPackageName and ModelPackageGroupName are provided in the input. "
            "Cannot determine which one to use."
        )
    if has_group and request.get("Tags"):
        raise tags_not_supported()
    check_tags(request.get("Tags", []))
    _check_sources(request)
    additional = request.get("AdditionalInferenceSpecifications", [])
    _check_names([specification["Name"] for specification in additional])
    _check_specification(request.get("InferenceSpecification"), behaviour)
    for specification in additional:
        _check_digests(specification, behaviour)
    if has_name:
        _check_unversioned(request)


def _check_unversioned(request: Json) -> None:
    _check_members_of_versions(request)
    specification = request.get("InferenceSpecification")
    if specification is None and not _algorithms(request):
        raise refusal(  # [I]: only versions are known without either
            "InferenceSpecification or SourceAlgorithmSpecification is required for non-versioned "
            "ModelPackages"
        )
    for name in ("SupportedTransformInstanceTypes", "SupportedRealtimeInferenceInstanceTypes"):
        if specification is not None and not specification.get(name):
            raise refusal(f"{name} is required for non-versioned ModelPackages")  # [D], wording [I]


def check_update(request: Json, live: Mapping[str, Any], behaviour: Behaviour) -> None:
    """Refuse an update of the live package that the service refuses.

    Raises:
        ApiError: the service's error for it.
    """
    versioned = "ModelPackageGroupName" in live
    if not versioned and not behaviour.unversioned_updatable:
        raise refusal("Only versioned ModelPackages can be updated.")  # documented so [D], wording [I]
    _check_sources(request)
    if "ApprovalDescription" in request and "ModelApprovalStatus" not in request:
        raise refusal("ApprovalDescription requires ModelApprovalStatus.")  # [C] that they go together
    for name in ("InferenceSpecification", "SourceUri"):
        # They can be set when absent [R]; whether a present one can be replaced is not known [I].
        if name in request and name in live and not behaviour.inference_specification_replaceable:
            raise refusal(f"{name} is already set and cannot be updated.")
    _check_specification(request.get("InferenceSpecification"), behaviour)
    _check_additions(request, live, behaviour)
    _check_card(request.get("ModelCard"), live.get("ModelCard", {}))
    if len(merged_metadata(request, live)) > MAX_METADATA_ENTRIES:
        raise refusal(f"CustomerMetadataProperties may have at most {MAX_METADATA_ENTRIES} entries.")  # [I]
    if not versioned:
        _check_members_of_versions(request)


def _check_sources(request: Json) -> None:
    if "SourceUri" in request and "InferenceSpecification" in request:
        raise refusal("SourceUri and InferenceSpecification cannot be specified together.")  # [C]


def _check_members_of_versions(request: Json) -> None:
    containers = list(_containers(request))
    if any(container.get("Environment") for container in containers):
        raise refusal(  # [V] for a create, the missing space and the plural included
            "1 validation errors detected:"
            "Environment variable map cannot be specified when using non-versioned ModelPackages"
        )
    if "SourceUri" in request:
        raise refusal("SourceUri is not supported for non-versioned ModelPackages")  # [C], wording [I]
    # Algorithms have theirs: AWS's SDK sends it. [C]
    if any("ModelDataSource" in container for container in containers):
        raise refusal("ModelDataSource is not supported for non-versioned ModelPackages")  # [C], wording [I]


def merged_metadata(request: Json, live: Mapping[str, Any]) -> dict[str, str]:
    """Return the customer metadata after an update: it merges, and keys go only when they are named. [D]"""
    kept: dict[str, str] = dict(live.get("CustomerMetadataProperties", {}))
    for key in request.get("CustomerMetadataPropertiesToRemove", []):
        kept.pop(key, None)
    kept.update(request.get("CustomerMetadataProperties", {}))
    return kept


def tags_not_supported() -> ApiError:
    """Return the error for tags on a version."""
    return refusal(  # [V]
        "Tags are not supported in Model Package versions. Please add them to the Model Package Group."
    )


def check_tags(tags: list[Json]) -> None:
    """Refuse tags with reserved or repeated keys.

    Raises:
        ApiError: the service's error for them.
    """
    keys = [tag["Key"] for tag in tags]
    if any(key.lower().startswith("aws:") for key in keys):
        raise refusal("aws: prefixed tag key names are not allowed for external use.")  # [D], wording [I]
    if len(set(keys)) != len(keys):
        raise refusal("Duplicate tag keys found. Tag keys must be unique.")  # [I]


def check_tag_room(tags: Mapping[str, str]) -> None:
    """Refuse more tags than a package may have.

    Raises:
        ApiError: ResourceLimitExceeded, there are more.
    """
    if len(tags) > MAX_TAGS:
        raise ApiError("ResourceLimitExceeded", f"A resource may have at most {MAX_TAGS} tags.")  # [D]


def _check_additions(request: Json, live: Mapping[str, Any], behaviour: Behaviour) -> None:
    added = request.get("AdditionalInferenceSpecificationsToAdd", [])
    every = [*live.get("AdditionalInferenceSpecifications", []), *added]
    _check_names([specification["Name"] for specification in every])
    if len(every) > MAX_ADDITIONAL_SPECIFICATIONS:
        raise refusal(  # [D], wording [I]
            f"A ModelPackage may have at most {MAX_ADDITIONAL_SPECIFICATIONS} "
            "additional inference specifications."
        )
    for specification in added:
        _check_digests(specification, behaviour)


def _check_names(names: list[str]) -> None:
    if len(set(names)) != len(names):
        raise refusal("Names of additional inference specifications must be unique.")  # [D], wording [I]


def _check_card(card: Json | None, live: Mapping[str, Any]) -> None:
    if card is None:
        return
    # The first card comes in one call. [I]
    if live and "ModelCardStatus" in card and "ModelCardContent" in card:
        raise refusal("ModelCardStatus and ModelCardContent cannot be updated together.")  # [C], wording [I]
    if "ModelCardContent" in card and live.get("ModelCardStatus") == "Archived":
        raise refusal("Model Card is in Archived state")  # [D]


def _check_specification(specification: Json | None, behaviour: Behaviour) -> None:
    if specification is None:
        return
    if any("AdditionalS3DataSource" in container for container in specification["Containers"]):
        raise refusal("AdditionalS3DataSource is not allowed in InferenceSpecification")  # [V]
    _check_digests(specification, behaviour)


def _check_digests(specification: Json, behaviour: Behaviour) -> None:
    for container in specification["Containers"]:
        image, digest = container.get("Image"), container.get("ImageDigest")
        # Only a tag that was moved on purpose is known well enough to refuse a digest for it.
        live = behaviour.image_digests.get(image)
        if digest is not None and live is not None and digest != live:
            raise refusal(f"The ImageDigest of {image} is not the digest of its tag.")  # [C], wording [I]


def _containers(request: Json) -> Iterator[Json]:
    """Yield the containers of all inference specifications of a request."""
    yield from request.get("InferenceSpecification", {}).get("Containers", [])
    for name in ("AdditionalInferenceSpecifications", "AdditionalInferenceSpecificationsToAdd"):
        for specification in request.get(name, []):
            yield from specification["Containers"]


def _algorithms(request: Json) -> list[Json]:
    algorithms: list[Json] = request.get("SourceAlgorithmSpecification", {}).get("SourceAlgorithms", [])
    return algorithms
