"""The members that the service adds to a package when it stores it: digests, ETags, defaults."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from copy import deepcopy
from typing import Any

from .arns import Scope, is_model_arn, is_package_arn, last_part
from .behaviour import Behaviour

Json = dict[str, Any]


class Additions:
    """Completes requests, with the images and models of the account."""

    def __init__(
        self,
        scope: Scope,
        behaviour: Behaviour,
        containers_of_model: Callable[[str], list[Json]],
        specification_of_package: Callable[[str], Json | None],
    ) -> None:
        self._scope = scope
        self._behaviour = behaviour
        self._containers_of_model = containers_of_model
        self._specification_of_package = specification_of_package

    def complete(self, data: Json) -> None:
        """Add the members that Describe answers beyond those of the request."""
        if "InferenceSpecification" not in data:
            derived = self._derived_specification(data)
            if derived is not None:
                data["InferenceSpecification"] = derived
        if "InferenceSpecification" in data:
            self._complete_containers(data["InferenceSpecification"])
        for specification in data.get("AdditionalInferenceSpecifications", []):
            self._complete_containers(specification)
        for algorithm in data.get("SourceAlgorithmSpecification", {}).get("SourceAlgorithms", []):
            if "ModelDataUrl" in algorithm:
                algorithm.setdefault("ModelDataETag", _etag(algorithm["ModelDataUrl"]))  # [C]
        for profile in data.get("ValidationSpecification", {}).get("ValidationProfiles", []):
            profile["TransformJobDefinition"]["TransformOutput"].setdefault("KmsKeyId", "")  # [R]

    def fills_in(self, source: str | None) -> bool:
        """Return whether a `SourceUri` brings a specification along: that of a model or a package. [C]"""
        return source is not None and (is_package_arn(source) or is_model_arn(source))

    def _complete_containers(self, specification: Json) -> None:
        for container in specification["Containers"]:
            if "Image" in container:
                container.setdefault("ImageDigest", self._digest(container["Image"]))  # [R]
            if "ModelDataUrl" in container:
                container.setdefault("ModelDataETag", _etag(container["ModelDataUrl"]))  # [C]
            container.setdefault("IsCheckpoint", False)  # [C]
            additional = [one["S3DataSource"] for one in container.get("AdditionalModelDataSources", [])]
            single = container.get("ModelDataSource", {}).get("S3DataSource")
            for source in [*additional, *([single] if single else [])]:
                source.setdefault("ETag", _etag(source["S3Uri"]))  # [C]
                if "ManifestS3Uri" in source:
                    source.setdefault("ManifestEtag", _etag(source["ManifestS3Uri"]))  # [C]
            if "AdditionalS3DataSource" in container:
                source = container["AdditionalS3DataSource"]
                source.setdefault("ETag", _etag(source["S3Uri"]))  # [C]

    def _digest(self, image: str) -> str:
        known = self._behaviour.image_digests.get(image)
        return known or "sha256:" + hashlib.sha256(image.encode()).hexdigest()

    def _derived_specification(self, data: Json) -> Json | None:
        """Return the specification of the algorithm, model or package that a package was made from. [R]"""
        algorithms = data.get("SourceAlgorithmSpecification", {}).get("SourceAlgorithms", [])
        if algorithms:
            return self._specification([self._algorithm_container(algorithms[0])])
        source = data.get("SourceUri", "")
        if is_package_arn(source):
            known = self._specification_of_package(source)
            return deepcopy(known) if known else self._specification([self._container(source)])
        if is_model_arn(source):
            members = ("ContainerHostname", "Image", "ModelDataUrl", "ModelDataSource", "Environment")
            containers = [
                {key: one[key] for key in members if one.get(key)}
                for one in self._containers_of_model(last_part(source))
            ]
            return self._specification(containers or [self._container(source)])
        return None

    def _specification(self, containers: list[Json]) -> Json:
        return {
            "Containers": deepcopy(containers),
            "SupportedTransformInstanceTypes": ["ml.m5.large"],
            "SupportedRealtimeInferenceInstanceTypes": ["ml.m5.large"],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        }

    def _container(self, source: str) -> Json:
        registry = f"{self._scope.account}.dkr.ecr.{self._scope.region}.amazonaws.com"
        return {"Image": f"{registry}/{last_part(source).lower()}:1"}

    def _algorithm_container(self, algorithm: Json) -> Json:
        data = {key: algorithm[key] for key in ("ModelDataUrl", "ModelDataSource") if key in algorithm}
        return self._container(algorithm["AlgorithmName"]) | data


def _etag(uri: str) -> str:
    return hashlib.sha256(uri.encode()).hexdigest()[:32]
