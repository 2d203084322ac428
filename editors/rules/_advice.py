"""cfn-lint's rules for what SageMaker accepts and is hardly ever meant.

W911x are about properties that have no effect or lack another one, W912x about models, images and instances,
W913x about texts and names, W914x about names of the template where a function is meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from functools import cache
from typing import Any

from editors.rules._linter import instance_types
from editors.rules._resource_type import GROUP, GROUP_TYPE, IGNORED, SPECIFICATION, Keys
from editors.rules._rule import API, CONTAINER, FUNCTIONS, Rule, ValueRule
from editors.rules._template import Package, Value

VALIDATION = "ValidationSpecification"
DATA_SOURCE = f"{API}S3ModelDataSource.html"


# --- properties -------------------------------------------------------------------------------------


class ClientToken(Rule):
    """ClientToken is set. The handlers have tokens of their own, one for each resource."""

    id = "W9111"
    message = (
        "is not needed, so leave it out: two resources with one token share one package, and a token"
        " that was used before brings back the ARN of a deleted one"
    )

    def _paths(self, package: Package) -> Iterable[Keys]:
        return package.present("ClientToken")


class IgnoredProperty(Rule):
    """A property is ignored. The schema has it because SageMaker's answers have it."""

    id = "W9112"
    message = "belongs to SageMaker and is ignored: leave it out"

    def _paths(self, package: Package) -> Iterable[Keys]:
        return package.present(*IGNORED)


class ApprovalOfUnversioned(Rule):
    """An unversioned package has an approval. SageMaker has approvals for versions only."""

    id = "W9113"
    message = f"is for versions only: set {GROUP}, or leave it out"

    def _paths(self, package: Package) -> Iterable[Keys]:
        return [] if package.versioned else package.present("ModelApprovalStatus")


class ApprovedWithoutModel(Rule):
    """An approved version has no model. One that waits for approval may be a trial of the type."""

    id = "W9114"
    message = "is missing, and so is SourceUri: the version is Approved, but says nothing of a model"

    def _paths(self, package: Package) -> Iterable[Keys]:
        approved = package.versioned and package.literal("ModelApprovalStatus") == "Approved"
        return [(SPECIFICATION,)] if approved and not package.present(SPECIFICATION, "SourceUri") else []


class CertifiedWithoutValidation(Rule):
    """A certified package has no validation. SageMaker validates it for AWS Marketplace."""

    id = "W9115"
    message = "is missing: with CertifyForMarketplace SageMaker validates the package, and needs a job for it"

    def _paths(self, package: Package) -> Iterable[Keys]:
        return [(VALIDATION,)] if package.certified and not package.present(VALIDATION) else []


class SkippedValidation(Rule):
    """A validation is described and skipped. Only one of the two can be meant."""

    id = "W9116"
    message = f"skips the {VALIDATION}: leave out one of the two"

    def _paths(self, package: Package) -> Iterable[Keys]:
        skipped = package.literal("SkipModelValidation") == "All"
        return [("SkipModelValidation",)] if skipped and package.present(VALIDATION) else []


class IncompleteModelCard(Rule):
    """ModelCard lacks its content or its status. A new card needs both."""

    id = "W9117"
    source_url = f"{API}ModelPackageModelCard.html"
    message = "is missing: a new card has a content and a status"

    def _paths(self, package: Package) -> Iterable[Keys]:
        card = package.literal("ModelCard")
        names = ("ModelCardContent", "ModelCardStatus") if isinstance(card, dict) else ()
        return [("ModelCard", name) for name in names if name not in card]


# --- models, images and instances -------------------------------------------------------------------


class ModelDataTwice(ValueRule):
    """A container has its model twice. ModelDataUrl and ModelDataSource are two forms of the same."""

    id = "W9121"
    source_url = CONTAINER
    message = "and ModelDataSource say the same: leave out one of the two"

    def _is_wrong(self, value: Value) -> bool:
        return value.name == "ModelDataUrl" and "ModelDataSource" in value.siblings


class FolderAsModelDataUrl(ValueRule):
    """ModelDataUrl is a folder. It is the address of one archive."""

    id = "W9122"
    source_url = CONTAINER
    message = (
        "is the address of one archive (.tar.gz): for a folder take ModelDataSource with S3DataType"
        " S3Prefix and CompressionType None"
    )

    def _is_wrong(self, value: Value) -> bool:
        return value.name == "ModelDataUrl" and str(value.text).endswith("/")


class PrefixWithoutSlash(ValueRule):
    """The S3Uri of a prefix does not end with a slash. SageMaker demands it."""

    id = "W9123"
    source_url = DATA_SOURCE
    message = "is a prefix (S3DataType S3Prefix), so it must end with /"

    def _is_wrong(self, value: Value) -> bool:
        text = value.text if value.name == "S3Uri" else None
        return text is not None and not text.endswith("/") and _model_data_type(value) == "S3Prefix"


class ImageRegistry(ValueRule):
    """An image is in no registry of Amazon ECR. SageMaker reads images from there."""

    id = "W9124"
    source_url = CONTAINER
    message = (
        "is in no registry that SageMaker reads: give it as"
        " ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY:TAG"
    )

    def _is_wrong(self, value: Value) -> bool:
        ecr = r"\d{12}\.dkr[.-]ecr[.-][^/]+/\S+"
        return value.name == "Image" and value.text is not None and not re.match(ecr, value.text)


class InstanceType(ValueRule):
    """An instance type is not known. A family that cfn-lint does not know may be new."""

    id = "W9125"

    def _messages(self, value: Value) -> Iterator[str]:
        is_type = any(str(key).endswith(("InstanceType", "InstanceTypes")) for key in value.keys[-2:])
        match = re.fullmatch(r"ml\.([a-z0-9-]+)\.([a-z0-9-]+)", value.text or "") if is_type else None
        sizes_of = _known_instance_types()
        if match and sizes_of and match[2] not in sizes_of.get(match[1], set().union(*sizes_of.values())):
            known = [f"ml.{family}.{size}" for family, sizes in sizes_of.items() for size in sizes]
            close = get_close_matches(match[0], known, n=1)
            yield f"is no instance type that is known{f'; did you mean {close[0]}?' if close else ''}"


@cache
def _known_instance_types() -> dict[str, set[str]]:
    """The sizes of each family that cfn-lint knows, in any region; older versions have no lists."""
    sizes_of: dict[str, set[str]] = {}
    for each in instance_types():
        _, family, size = each.split(".")
        sizes_of.setdefault(family, set()).add(size)
    return sizes_of


class CompressedPrefix(ValueRule):
    """A prefix is compressed. Gzip is for one archive."""

    id = "W9126"
    source_url = DATA_SOURCE
    message = "Gzip is for one archive: take S3DataType S3Object, or CompressionType None"

    def _is_wrong(self, value: Value) -> bool:
        compressed = value.name == "CompressionType" and value.text == "Gzip"
        return compressed and _model_data_type(value) == "S3Prefix"


class ObjectWithSlash(ValueRule):
    """The S3Uri of an object ends with a slash. That is a prefix."""

    id = "W9127"
    source_url = DATA_SOURCE
    message = "ends with / and so is no object: take S3DataType S3Prefix, or name the object"

    def _is_wrong(self, value: Value) -> bool:
        is_folder = value.name == "S3Uri" and (value.text or "").endswith("/")
        return is_folder and _model_data_type(value) == "S3Object"


def _model_data_type(value: Value) -> Any:
    """The S3DataType beside a value of a model's data, or None.

    What a transform job reads has no CompressionType beside it; there a prefix is any beginning of keys.
    """
    return value.siblings.get("S3DataType") if "CompressionType" in value.siblings else None


# --- texts and names --------------------------------------------------------------------------------


class BucketName(ValueRule):
    """A bucket's name has capitals or _. No new bucket has. W9141 is about names of the template."""

    id = "W9131"
    source_url = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html"
    message = "has capitals or _ in the bucket's name, which no bucket of today has"

    def _is_wrong(self, value: Value) -> bool:
        bucket = _old_bucket_name(value)
        return bucket is not None and bucket not in value.template_names


def _old_bucket_name(value: Value) -> str | None:
    """The bucket in a literal address, if no new bucket could have that name."""
    bucket = re.match(r"s3://([^/]*[A-Z_][^/]*)", value.text or "")
    # In a bucket's place there may be the ARN of an access point.
    return bucket[1] if bucket and not bucket[1].startswith("arn:") else None


class ParameterWithoutRef(ValueRule):
    """A value is a parameter's name. Its value is meant, which Ref returns."""

    id = "W9132"
    source_url = FUNCTIONS

    def _messages(self, value: Value) -> Iterator[str]:
        if _is_template_name(value) and value.text not in value.resources():
            yield f"is the name of a parameter in this template: write !Ref {value.text}"


# The ends of the names of properties that mostly refer to something.
_REFERRING = ("Url", "Uri", "Arn", "Role", "Image", "ImageDigest", "KmsKeyId", GROUP)


def _is_template_name(value: Value) -> bool:
    return value.text in value.template_names and value.name.endswith(_REFERRING)


class NotAfterGroup(ValueRule):
    """A version does not wait for its group. CloudFormation orders resources by references."""

    id = "W9133"
    source_url = FUNCTIONS

    def _messages(self, value: Value) -> Iterator[str]:
        for name, resource in value.resources(GROUP_TYPE).items() if value.keys == (GROUP,) else ():
            if value.text is not None and resource.get("Properties", {}).get(GROUP) == value.text:
                yield f"does not wait for the group to be made: write !GetAtt {name}.ModelPackageGroupArn"


class SurroundingSpace(ValueRule):
    """A name or an address has a space at an end. A block of YAML ends with a line break."""

    id = "W9134"
    message = "begins or ends with a space or a line break: take it out"
    trimmed = ("Url", "Uri", "Path", "Image", "Name", "Id", "Arn")

    def _is_wrong(self, value: Value) -> bool:
        text = value.text or ""
        return value.name.endswith(self.trimmed) and text != text.strip()


class VersionAsNumber(ValueRule):
    """A version is a number. Numbers have no zeros at their end."""

    id = "W9135"
    message = "is a number, so 1.10 becomes 1.1: put it in quotes"

    def _is_wrong(self, value: Value) -> bool:
        return value.name in ("FrameworkVersion", "HubContentVersion") and isinstance(value.value, float)


class MediaType(ValueRule):
    """A content type is no media type. A media type has a slash in it."""

    id = "W9136"
    message = "is no media type: give one such as text/csv or application/json"

    def _is_wrong(self, value: Value) -> bool:
        # SupportedResponseMIMETypes has a pattern, which E9113 checks.
        place = _media_type_place(value)
        return place in ("ContentType", "SupportedContentTypes") and "/" not in str(value.text)


def _media_type_place(value: Value) -> str | None:
    """The property that has a literal string as its media type, or as one of its media types."""
    names = {"SupportedContentTypes", "SupportedResponseMIMETypes"} & {*map(str, value.keys[-2:-1])}
    names |= {"ContentType"} & {value.name}
    return names.pop() if names and value.text is not None else None


class DomainOrTask(ValueRule):
    """Domain or Task is almost right. SageMaker takes any text, Inference Recommender only some."""

    id = "W9137"
    values = {  # noqa: RUF012 - read only
        "Domain": ("COMPUTER_VISION", "NATURAL_LANGUAGE_PROCESSING", "MACHINE_LEARNING"),
        "Task": (
            *("IMAGE_CLASSIFICATION", "OBJECT_DETECTION", "TEXT_GENERATION", "IMAGE_SEGMENTATION"),
            *("FILL_MASK", "CLASSIFICATION", "REGRESSION", "OTHER"),
        ),
    }

    def _messages(self, value: Value) -> Iterator[str]:
        known = self.values.get(value.name, ()) if len(value.keys) == 1 else ()
        words = re.findall(r"[a-z]+", (value.text or "").lower())
        if not words or value.text in known:
            return
        # The same letters before the same words: CLASSIFICATION is a value of its own.
        meant = [each for each in known if each.lower().replace("_", "") == "".join(words)]
        meant = meant or [each for each in known if {*words} <= {*each.lower().split("_")}]
        if meant:
            did_you_mean = f"did you mean {' or '.join(meant)}?"
            yield f"is none of the values that Inference Recommender knows; {did_you_mean}"


class SeveralMediaTypes(MediaType):
    """One string has several media types. A comma makes no list of it. Without a slash, see W9136."""

    id = "W9138"

    def _messages(self, value: Value) -> Iterator[str]:
        place, text = _media_type_place(value), value.text or ""
        if place and "," in text and '"' not in text and not self._is_wrong(value):
            one = "give one of them" if place == "ContentType" else "give each as an item of its own"
            yield f"has a comma in it, so it is one media type and no list: {one}"


# --- names of the template --------------------------------------------------------------------------


class BucketWithoutRef(ValueRule):
    """A bucket is given by a name of this template. Its own name is meant, which Ref returns."""

    id = "W9141"
    source_url = FUNCTIONS

    def _messages(self, value: Value) -> Iterator[str]:
        bucket = _old_bucket_name(value)
        if bucket in value.template_names:
            yield f"has a name of this template for a bucket: write !Sub s3://${{{bucket}}}/..."


class ResourceWithoutRef(ValueRule):
    """A value is a resource's logical id. A function that refers to it is meant. E9136 is about groups."""

    id = "W9142"
    source_url = FUNCTIONS

    def _messages(self, value: Value) -> Iterator[str]:
        is_group = value.keys == (GROUP,) and value.text in value.resources(GROUP_TYPE)
        if _is_template_name(value) and value.text in value.resources() and not is_group:
            yield f"is the logical id of a resource in this template: write !Ref or !GetAtt of {value.text}"
