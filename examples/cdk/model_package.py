"""A SageMaker model package for CDK apps, under whatever name the type is registered in the account.

One file to copy. The CDK's own `CfnModelPackage` has one type name, and hands the app's tags to versions,
which SageMaker refuses (aws-cdk issue 33699).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jsii
from aws_cdk import CfnDeletionPolicy, CfnResource, ITaggableV2, TagManager, TagType
from constructs import Construct

TYPE_NAME = "AWS::SageMaker::ModelPackage"


@jsii.implements(ITaggableV2)
class ModelPackage(CfnResource):
    """One model package: a version if `properties` have a `ModelPackageGroupName`, otherwise unversioned.

    `properties` are the type's, named as in a template, and may hold the CDK's tokens. None is added or left
    out: what the type does not take, it refuses itself, with the reason. Tags of the app and its stacks reach
    an unversioned package. A version cannot have any; they belong on its group.

    A package that is replaced is kept, because it is the record of what was in production; one that leaves
    the stack is deleted. `apply_removal_policy` changes both.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        properties: Mapping[str, Any],
        type_name: str = TYPE_NAME,
    ) -> None:
        versioned = "ModelPackageGroupName" in properties
        given = dict(properties)
        # The tag manager writes an unversioned package's tags, so it has to know those in the properties.
        own = {} if versioned else {tag["Key"]: tag["Value"] for tag in given.pop("Tags", ())}
        kind = TagType.NOT_TAGGABLE if versioned else TagType.KEY_VALUE
        self._tags = TagManager(kind, type_name, own, tag_property_name="Tags")
        super().__init__(scope, construct_id, type=type_name, properties=given)
        if versioned and "Tags" in given:
            # The CDK leaves them out of what is not taggable; the type says where they belong.
            self.add_property_override("Tags", given["Tags"])
        self.cfn_options.update_replace_policy = CfnDeletionPolicy.RETAIN
        self.cfn_options.deletion_policy = CfnDeletionPolicy.DELETE

    @property
    def cdk_tag_manager(self) -> TagManager:
        """Where the CDK leaves tags; it writes none of them into a version."""
        return self._tags

    @property
    def arn(self) -> str:
        """The package's ARN, which is also what `ref` is."""
        return self.ref

    @property
    def creation_time(self) -> str:
        """When the package was created."""
        return self.get_att("CreationTime").to_string()

    @property
    def status(self) -> str:
        """The package's status: `Completed`, once it is deployed."""
        return self.get_att("ModelPackageStatus").to_string()
