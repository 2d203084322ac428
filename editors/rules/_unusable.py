"""cfn-lint's rules for what the handlers leave to SageMaker or CloudFormation, which refuse or cannot use it.

E912x are about values, E913x about what `Ref`, `Fn::GetAtt`, `Fn::Sub` and `Fn::Join` return.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

from editors.rules._resource_type import (
    GROUP,
    GROUP_TYPE,
    READ_ONLY,
    SPECIFICATION,
    TYPE,
    Keys,
    wrong_pattern,
)
from editors.rules._rule import API, CONTAINER, FUNCTIONS, Rule, ValueRule
from editors.rules._template import Package, Reference, Value

BUCKET, REPOSITORY, ROLE = "AWS::S3::Bucket", "AWS::ECR::Repository", "AWS::IAM::Role"
GROUP_ARN = "ModelPackageGroupArn"
# What may return the name of a group that it has from elsewhere.
MAY_RETURN_A_GROUP = (
    *(GROUP_TYPE, "AWS::CloudFormation::Stack", "AWS::CloudFormation::CustomResource"),
    *("AWS::ServiceCatalog::CloudFormationProvisionedProduct", "AWS::SageMaker::Project"),
)


# --- values -----------------------------------------------------------------------------------------


class ReadOnlyProperty(Rule):
    """A read-only property is set. CloudFormation refuses it, for its value comes from the handlers."""

    id = "E9121"
    message = "is an attribute of the finished package, which CloudFormation refuses here: leave it out"

    def _paths(self, package: Package) -> Iterable[Keys]:
        return package.present(*READ_ONLY)


class ModelCardContent(ValueRule):
    """ModelCardContent is no JSON object. SageMaker refuses other texts."""

    id = "E9122"
    source_url = f"{API}ModelPackageModelCard.html"

    def _messages(self, value: Value) -> Iterator[str]:
        if value.keys != ("ModelCard", "ModelCardContent") or value.text is None:
            return
        why = "it is JSON, but no object"
        try:
            if isinstance(json.loads(value.text), dict):
                return
        except json.JSONDecodeError as error:
            why = f"it is no JSON from character {error.pos + 1} on"
        except RecursionError:
            why = "it is nested too deeply"
        yield f"must be a JSON object in one string, such as '{{\"model_overview\": {{}}}}': {why}"


class UnversionedWithoutModel(Rule):
    """An unversioned package has no model. SageMaker takes only versions without one."""

    id = "E9123"
    algorithm = "SourceAlgorithmSpecification"
    message = f"is missing: an unversioned package needs it, or a {algorithm}; a version, {GROUP}"

    def _paths(self, package: Package) -> Iterable[Keys]:
        has_model = package.present(SPECIFICATION, self.algorithm, "SourceUri")
        return [] if package.versioned or has_model else [(SPECIFICATION,)]


class CertifiedVersion(Rule):
    """A version is certified. AWS Marketplace lists unversioned packages only."""

    id = "E9124"
    message = f"is for unversioned packages only: leave it out, or take {GROUP} out"

    def _paths(self, package: Package) -> Iterable[Keys]:
        return [("CertifyForMarketplace",)] if package.versioned and package.certified else []


class IncompleteDigest(ValueRule):
    """An image has an incomplete digest. SageMaker would not find the image."""

    id = "E9125"
    source_url = CONTAINER
    message = "has no digest behind @: write @sha256: and its 64 hexadecimal digits, in small letters"

    def _is_wrong(self, value: Value) -> bool:
        end = value.pieces[-1] if value.name == "Image" and value.pieces else None
        return isinstance(end, str) and "@" in end and not re.search(r"@sha256:[0-9a-f]{64}\Z", end)


# --- what functions return --------------------------------------------------------------------------


class BucketAsAddress(ValueRule):
    """A bucket is given as an address. Ref returns its name, and no attribute is an S3 URI."""

    id = "E9131"
    source_url = FUNCTIONS

    def _messages(self, value: Value) -> Iterator[str]:
        if not value.is_address and value.name != "SourceUri":
            return
        for position, bucket in value.references(BUCKET):
            start = value.pieces[0]
            write = f"write !Sub s3://${{{bucket.name}}}/path/{'model.tar.gz' if value.is_address else ''}"
            if position == 0:
                yield f"{value.notation(bucket)} gives no address: {write}"
            elif position == 1 and (
                (start == "s3://" and bucket.attribute) or (start == "https://" and bucket.attribute == "Arn")
            ):
                yield f"{value.notation(bucket)} gives no bucket's name: {write}"


class AddressWithoutScheme(ValueRule):
    """An address that functions join has a wrong beginning. It has to be s3:// or https://."""

    id = "E9132"
    source_url = FUNCTIONS

    def _messages(self, value: Value) -> Iterator[str]:
        start = value.pieces[0] if value.is_address and value.pieces else None
        # E9113 is about literals.
        if isinstance(value.value, str) or not isinstance(start, str):
            return
        if not any(start.startswith(each) or each.startswith(start) for each in ("s3://", "https://")):
            yield wrong_pattern(value.pattern, start)


class BucketWithoutKey(ValueRule):
    """ModelDataUrl has a bucket and no key. It is the address of one object."""

    id = "E9133"
    source_url = CONTAINER
    message = "has a bucket and no key: write s3://bucket/path/model.tar.gz"

    def _is_wrong(self, value: Value) -> bool:
        if value.name != "ModelDataUrl" or not value.is_address:
            return False
        buckets = [Reference(bucket.name, "") for _, bucket in value.references(BUCKET)]
        # What is only known at deployment may have a key in it.
        texts = ["bucket" if each in buckets else each for each in value.pieces]
        known = [each for each in texts if isinstance(each, str)]
        # W9122 is about literals that end with a slash.
        only_bucket = r"s3://[^/]+" if isinstance(value.value, str) else r"s3://[^/]+/?"
        return known == texts and bool(re.fullmatch(only_bucket, "".join(known)))


class RoleReference(ValueRule):
    """A role is not given by its ARN. Ref returns its name, and an ARN is no part of a text."""

    id = "E9134"
    source_url = FUNCTIONS

    def _messages(self, value: Value) -> Iterator[str]:
        for position, role in value.references(ROLE) if ":role/" in value.pattern else ():
            write = f"write !GetAtt {role.name}.Arn"
            if position == 0 and role.attribute != "Arn":
                what = f"no ARN, {role.attribute} is something else" if role.attribute else "the role's name"
                yield f"{value.notation(role)} gives {what}: {write}"
            elif role.attribute == "Arn" and len(value.pieces) > 1:
                yield f"{value.notation(role)} gives a whole ARN: {write} and nothing else"


class RepositoryAsImage(ValueRule):
    """A repository is given as an image. An image begins with RepositoryUri, or a registry."""

    id = "E9135"
    source_url = CONTAINER

    def _messages(self, value: Value) -> Iterator[str]:
        for position, repository in value.references(REPOSITORY) if value.name == "Image" else ():
            if repository.attribute == "Arn" or (position == 0 and repository.attribute != "RepositoryUri"):
                write = f"write !Sub ${{{repository.name}.RepositoryUri}}:TAG"
                yield f"{value.notation(repository)} gives no image: {write}"


class LogicalIdAsGroup(ValueRule):
    """A group is given by its logical id. Its name is a property, and its ARN what Ref returns."""

    id = "E9136"
    source_url = FUNCTIONS

    def _messages(self, value: Value) -> Iterator[str]:
        for name, group in value.resources(GROUP_TYPE).items() if value.name == GROUP else ():
            if value.pieces == [name] and group.get("Properties", {}).get(GROUP) != name:
                yield f"is the logical id of a {GROUP_TYPE}, which is not its name: write !Ref {name}"


class NotAGroup(ValueRule):
    """Something else is given as a group. No attribute of its type names a group."""

    id = "E9137"
    source_url = FUNCTIONS

    def _messages(self, value: Value) -> Iterator[str]:
        reference = value.pieces[0] if value.name == GROUP and len(value.pieces) == 1 else None
        if not isinstance(reference, Reference):
            return
        kind = str(value.resources().get(reference.name, {}).get("Type", ""))
        is_parameter = (kind, reference.attribute) == ("AWS::SSM::Parameter", "Value")
        if kind == TYPE or (kind.startswith("AWS::") and kind not in MAY_RETURN_A_GROUP and not is_parameter):
            what = "package" if kind == TYPE else kind
            yield f"{value.notation(reference)} is of a {what}: give the name or the ARN of a {GROUP_TYPE}"


class GroupReference(ValueRule):
    """A group is given by a wrong attribute. ModelPackageGroupArn is right, and no part of a text."""

    id = "E9138"
    source_url = FUNCTIONS

    def _messages(self, value: Value) -> Iterator[str]:
        for _, group in value.references(GROUP_TYPE) if value.name == GROUP else ():
            write = f"write !GetAtt {group.name}.{GROUP_ARN}"
            if group.attribute in ("CreationTime", "ModelPackageGroupStatus"):
                yield f"{value.notation(group)} gives neither name nor ARN: {write}"
            elif len(value.pieces) > 1 and group.attribute in ("", GROUP_ARN):
                yield f"{value.notation(group)} gives a whole ARN: {write} and nothing else"
