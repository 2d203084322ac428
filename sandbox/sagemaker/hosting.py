"""SageMaker's operations for models, endpoint configurations and endpoints."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from sandbox.shared.errors import ApiError, refusal

from .arns import Scope
from .behaviour import Behaviour
from .package import Package
from .paging import page_of
from .refusals import check_tag_room, check_tags
from .registry import Hosted, Registry

Json = dict[str, Any]

# Members of requests that are no part of what is described.
_NOT_STORED = ("DeploymentConfig", "Tags")
# What an endpoint's answer has of its configuration.
_OF_CONFIGURATION = ("AsyncInferenceConfig", "ExplainerConfig", "MetricsConfig", "CrossRegionTrafficConfig")
# What a variant's summary has as the configuration has it.
_OF_VARIANT = ("VariantName", "ManagedInstanceScaling", "RoutingConfig")
_IN_PROGRESS = frozenset({"Creating", "Updating", "Deleting"})


@dataclass(frozen=True)
class _Kind:
    """A kind of resource: its name in operations and members, in ARNs, and in messages."""

    name: str
    arn: str
    noun: str


_MODEL = _Kind("Model", "model", "model")
_CONFIGURATION = _Kind("EndpointConfig", "endpoint-config", "endpoint configuration")
_ENDPOINT = _Kind("Endpoint", "endpoint", "endpoint")


class Hosting:
    """Models, endpoint configurations and endpoints of all accounts, in the registries that it is handed.

    Moto's own keep a part of what they are given, and are replaced by another of the same name.
    """

    def __init__(
        self,
        registry: Callable[[Scope], Registry],
        find_package: Callable[[Scope, str], Package],
        behaviour: Callable[[], Behaviour],
        now: Callable[[], float],
    ) -> None:
        self._registry = registry
        self._find_package = find_package
        self._behaviour = behaviour
        self._now = now
        self.operations: dict[str, Callable[[Scope, Json], Json]] = {
            "CreateModel": self._create_model,
            "CreateEndpointConfig": self._create_configuration,
            "CreateEndpoint": self._create_endpoint,
            "DescribeEndpoint": self._describe_endpoint,
            "UpdateEndpoint": self._update_endpoint,
            "UpdateEndpointWeightsAndCapacities": self._update_capacities,
            "DeleteEndpoint": self._delete_endpoint,
        }
        for kind in (_MODEL, _CONFIGURATION):
            self.operations[f"Describe{kind.name}"] = self._describing(kind)
            self.operations[f"Delete{kind.name}"] = self._deleting(kind)
        for kind in (_MODEL, _CONFIGURATION, _ENDPOINT):
            self.operations[f"List{kind.name}s"] = self._listing(kind)

    def find(self, scope: Scope, arn: str) -> Hosted:
        """Return what has an ARN.

        Raises:
            ApiError: there is nothing of that ARN.
        """
        kind, _, name = arn.split(":", 5)[5].partition("/")
        return self._find(
            scope, next(each for each in (_MODEL, _CONFIGURATION, _ENDPOINT) if each.arn == kind), name
        )

    def containers(self, scope: Scope, name: str) -> list[Json]:
        """Return the containers of a model; none if there is no such model."""
        model = self._registry(scope).hosted.get(scope.arn(f"model/{name}").lower())
        return deepcopy(_containers(model.data)) if model else []

    def _find(self, scope: Scope, kind: _Kind, name: str) -> Hosted:
        arn = scope.arn(f"{kind.arn}/{name}")
        hosted = self._registry(scope).hosted.get(arn.lower())
        if hosted is None:
            raise refusal(f'Could not find {kind.noun} "{arn}".')  # [V]
        return hosted

    def _add(self, scope: Scope, kind: _Kind, request: Json, data: Json) -> Hosted:
        name, tags = request[f"{kind.name}Name"], request.get("Tags", [])
        arn, registry = scope.arn(f"{kind.arn}/{name}"), self._registry(scope)
        if arn.lower() in registry.hosted:
            raise refusal(f'Cannot create already existing {kind.noun} "{arn}".')  # [V]
        check_tags(tags)
        check_tag_room({tag["Key"]: tag["Value"] for tag in tags})
        data = {key: value for key, value in data.items() if key not in _NOT_STORED} | {
            f"{kind.name}Arn": arn,
            "CreationTime": self._now(),
        }
        number = max((one.number for one in registry.hosted.values()), default=0) + 1
        added = Hosted(arn, name, number, data, {tag["Key"]: tag["Value"] for tag in tags})
        registry.hosted[arn.lower()] = added
        return added

    def _describing(self, kind: _Kind) -> Callable[[Scope, Json], Json]:
        return lambda scope, request: self._find(scope, kind, request[f"{kind.name}Name"]).data

    def _deleting(self, kind: _Kind) -> Callable[[Scope, Json], Json]:
        def delete(scope: Scope, request: Json) -> Json:
            # Also while an endpoint uses it. [D]
            hosted = self._find(scope, kind, request[f"{kind.name}Name"])
            del self._registry(scope).hosted[hosted.arn.lower()]
            return {}

        return delete

    def _listing(self, kind: _Kind) -> Callable[[Scope, Json], Json]:
        members = [f"{kind.name}Name", f"{kind.name}Arn", "CreationTime"]
        if kind is _ENDPOINT:
            members += ["LastModifiedTime", "EndpointStatus"]

        def list_all(scope: Scope, request: Json) -> Json:
            prefix = scope.arn(f"{kind.arn}/")
            hosted = [one for one in self._registry(scope).hosted.values() if one.arn.startswith(prefix)]

            def key(one: Hosted) -> list[Any]:
                by_name = request.get("SortBy") == "Name"
                return [one.name, one.number] if by_name else [one.data["CreationTime"], one.number]

            matches, token = page_of(
                request, sorted(hosted, key=key), key, lambda one: _is_match(one, request)
            )
            summaries = [{member: one.data[member] for member in members} for one in matches]
            return {f"{kind.name}s": summaries} | ({"NextToken": token} if token else {})

        return list_all

    # --- models ---

    def _create_model(self, scope: Scope, request: Json) -> Json:
        if ("PrimaryContainer" in request) == bool(request.get("Containers")):
            # [D] that it is one of them, wording [I]
            raise refusal("Specify either PrimaryContainer or Containers.")
        for container in _containers(request):
            self._check_container(scope, container)
        given = {"EnableNetworkIsolation": False, **request}
        return {"ModelArn": self._add(scope, _MODEL, request, given).arn}

    def _check_container(self, scope: Scope, container: Json) -> None:
        package_name = container.get("ModelPackageName")
        has_own = any(name in container for name in ("Image", "ModelDataUrl", "ModelDataSource"))
        if has_own == (package_name is not None):
            raise refusal(  # [V] for both, [I] for neither
                "Specify one of either Image and Model Data URL or ModelPackageName in container definition."
            )
        if package_name is None:
            return
        package = self._find_package(scope, package_name)
        status = package.status(self._behaviour())
        if status != "Completed":
            raise refusal(  # [I]
                f"ModelPackage {package.arn} cannot be used to create a model, its status is {status}."
            )
        approval = package.data.get("ModelApprovalStatus", "Approved")
        if package.versioned and approval != "Approved" and not self._behaviour().unapproved_deployable:
            raise refusal(  # [D] that a version is approved before it is deployed, the refusal [I]
                f"ModelPackage {package.arn} cannot be used to create a model, its approval status is "
                f"{approval}."
            )

    # --- endpoint configurations ---

    def _create_configuration(self, scope: Scope, request: Json) -> Json:
        variants = [*request["ProductionVariants"], *request.get("ShadowProductionVariants", [])]
        names = [variant["VariantName"] for variant in variants]
        if len(set(names)) != len(names):
            raise refusal("The names of production variants must be unique.")  # [I]
        for variant in variants:
            if "ModelName" in variant:
                self._find(scope, _MODEL, variant["ModelName"])
            kinds = [
                name for name in ("InstanceType", "InstancePools", "ServerlessConfig") if name in variant
            ]
            if len(kinds) != 1:
                raise refusal(  # [D] that a variant has one of them, wording [I]
                    f"The production variant {variant['VariantName']} needs one of InstanceType, "
                    "InstancePools and ServerlessConfig."
                )
        given = {"EnableNetworkIsolation": False, **request}
        return {"EndpointConfigArn": self._add(scope, _CONFIGURATION, request, given).arn}

    # --- endpoints ---

    def _create_endpoint(self, scope: Scope, request: Json) -> Json:
        configuration = self._find(scope, _CONFIGURATION, request["EndpointConfigName"])
        endpoint = self._add(scope, _ENDPOINT, request, request)
        self._deploy(scope, endpoint, configuration, request, "Creating")
        return {"EndpointArn": endpoint.arn}

    def _describe_endpoint(self, scope: Scope, request: Json) -> Json:
        endpoint = self._find(scope, _ENDPOINT, request["EndpointName"])
        answer = endpoint.data
        if endpoint.data["EndpointStatus"] in _IN_PROGRESS:
            if endpoint.describes == 0:
                self._settle(scope, endpoint)
                # One that was deleted is not found.
                return self._find(scope, _ENDPOINT, request["EndpointName"]).data
            endpoint.describes -= 1
        return answer

    def _update_endpoint(self, scope: Scope, request: Json) -> Json:
        endpoint = self._free(scope, request)
        configuration = self._find(scope, _CONFIGURATION, request["EndpointConfigName"])
        self._deploy(scope, endpoint, configuration, request, "Updating")
        return {"EndpointArn": endpoint.arn}

    def _update_capacities(self, scope: Scope, request: Json) -> Json:
        endpoint = self._free(scope, request)
        changed = deepcopy(endpoint.data)
        variants = {variant["VariantName"]: variant for variant in changed.get("ProductionVariants", [])}
        for given in request["DesiredWeightsAndCapacities"]:
            variant = variants.get(given["VariantName"])
            if variant is None:
                raise refusal(  # as moto has it [C]
                    f'The variant name(s) "{given["VariantName"]}" is/are not present within endpoint '
                    f'configuration "{changed["EndpointConfigName"]}".'
                )
            for member, name in (("DesiredWeight", "Weight"), ("DesiredInstanceCount", "InstanceCount")):
                if member in given:
                    variant[f"Desired{name}"] = variant[f"Current{name}"] = given[member]
        self._begin(endpoint, "Updating", changed)
        return {"EndpointArn": endpoint.arn}

    def _delete_endpoint(self, scope: Scope, request: Json) -> Json:
        self._begin(self._free(scope, request, also_failed=True), "Deleting", None)
        return {}

    def _free(self, scope: Scope, request: Json, *, also_failed: bool = False) -> Hosted:
        """Return an endpoint that can be changed."""
        endpoint = self._find(scope, _ENDPOINT, request["EndpointName"])
        if endpoint.data["EndpointStatus"] in _IN_PROGRESS:
            raise refusal(f'Cannot update in-progress endpoint "{endpoint.arn}".')  # [V], of a deletion [C]
        if endpoint.data["EndpointStatus"] == "Failed" and not also_failed:
            raise refusal(f'Cannot update failed endpoint "{endpoint.arn}".')  # [D], wording [I]
        return endpoint

    def _deploy(
        self, scope: Scope, endpoint: Hosted, configuration: Hosted, request: Json, status: str
    ) -> None:
        """Begin to bring an endpoint to a configuration."""
        data, previous = configuration.data, dict(endpoint.data)
        deployed = {
            **{key: previous[key] for key in ("EndpointName", "EndpointArn", "CreationTime")},
            **{key: data[key] for key in _OF_CONFIGURATION if key in data},
            "EndpointConfigName": configuration.name,
            "EndpointStatus": "InService",
        }
        for member in ("ProductionVariants", "ShadowProductionVariants"):
            if member in data:
                deployed[member] = [self._summary(scope, variant) for variant in data[member]]
        if "DataCaptureConfig" in data:
            deployed["DataCaptureConfig"] = _capture_summary(data["DataCaptureConfig"])
        if "DeploymentConfig" in request:
            deployed["LastDeploymentConfig"] = request["DeploymentConfig"]
        elif request.get("RetainDeploymentConfig") and "LastDeploymentConfig" in previous:
            deployed["LastDeploymentConfig"] = previous["LastDeploymentConfig"]
        if request.get("RetainAllVariantProperties"):
            _retain(deployed, previous, request.get("ExcludeRetainedVariantProperties", []))
        reason = self._failure(scope, configuration)
        if reason and status == "Creating":
            deployed = {**deployed, "EndpointStatus": "Failed", "FailureReason": reason}
            deployed.pop("ProductionVariants", None)
        elif reason:  # [D] that it goes back, and to which status
            deployed = {**previous, "FailureReason": reason}
        if status == "Creating":
            endpoint.data |= {"EndpointConfigName": configuration.name}
        self._begin(endpoint, status, deployed)

    def _begin(self, endpoint: Hosted, status: str, next_data: Json | None) -> None:
        endpoint.data = {**endpoint.data, "EndpointStatus": status, "LastModifiedTime": self._now()}
        endpoint.data.pop("FailureReason", None)
        endpoint.next_data = next_data
        endpoint.describes = self._behaviour().describes_until_in_service

    def _settle(self, scope: Scope, endpoint: Hosted) -> None:
        """End what is in progress."""
        if endpoint.next_data is None:
            del self._registry(scope).hosted[endpoint.arn.lower()]
        else:
            endpoint.data = {**endpoint.next_data, "LastModifiedTime": self._now()}

    def _failure(self, scope: Scope, configuration: Hosted) -> str | None:
        failures = self._behaviour().endpoint_failures
        models = [variant.get("ModelName", "") for variant in configuration.data["ProductionVariants"]]
        images = [image for model in models for image in self._images(scope, model)]
        return next(
            (failures[name] for name in (configuration.name, *models, *images) if name in failures), None
        )

    def _images(self, scope: Scope, model: str) -> Iterator[str]:
        """Yield the images that a model runs."""
        for container in self.containers(scope, model):
            if "Image" in container:
                yield container["Image"]
            elif "ModelPackageName" in container:
                try:
                    package = self._find_package(scope, container["ModelPackageName"])
                except ApiError:
                    continue  # it may be gone by now
                specification = package.data.get("InferenceSpecification", {})
                yield from (each["Image"] for each in specification.get("Containers", []) if "Image" in each)

    def _summary(self, scope: Scope, variant: Json) -> Json:
        """Return a variant as an endpoint in service describes it."""
        summary = {name: variant[name] for name in _OF_VARIANT if name in variant}
        images = self._images(scope, variant.get("ModelName", ""))
        summary["DeployedImages"] = [
            {"SpecifiedImage": image, "ResolvedImage": image, "ResolutionTime": self._now()}
            for image in images
        ]
        weight = variant.get("InitialVariantWeight", 1.0)  # [D] the default
        values = {"Weight": weight}
        if "InitialInstanceCount" in variant:
            values["InstanceCount"] = variant["InitialInstanceCount"]
        if "ServerlessConfig" in variant:
            values["ServerlessConfig"] = variant["ServerlessConfig"]
        for name, value in values.items():
            summary |= {f"Current{name}": value, f"Desired{name}": value}
        return summary


def _containers(data: Json) -> list[Json]:
    return [*([data["PrimaryContainer"]] if "PrimaryContainer" in data else []), *data.get("Containers", [])]


def _capture_summary(capture: Json) -> Json:
    enabled = capture.get("EnableCapture", False)
    return {
        "EnableCapture": enabled,
        "CaptureStatus": "Started" if enabled else "Stopped",
        "CurrentSamplingPercentage": capture["InitialSamplingPercentage"],
        "DestinationS3Uri": capture["DestinationS3Uri"],
        "KmsKeyId": capture.get("KmsKeyId", ""),
    }


def _retain(deployed: Json, previous: Json, excluded: list[Json]) -> None:
    """Keep what an endpoint's variants were changed to since they were deployed. [D]"""
    left_out = {each["VariantPropertyType"] for each in excluded}
    kept = {variant["VariantName"]: variant for variant in previous.get("ProductionVariants", [])}
    for variant in deployed["ProductionVariants"]:
        live = kept.get(variant["VariantName"], {})
        for name in ("Weight", "InstanceCount"):
            if f"Desired{name}" in live and f"Desired{name}" not in left_out:
                variant[f"Desired{name}"] = variant[f"Current{name}"] = live[f"Desired{name}"]
    if "DataCaptureConfig" in previous and "DataCaptureConfig" not in left_out:
        deployed["DataCaptureConfig"] = previous["DataCaptureConfig"]


def _is_match(one: Hosted, request: Json) -> bool:
    data, low, high = one.data, float("-inf"), float("inf")
    modified = data.get("LastModifiedTime", data["CreationTime"])
    return (
        request.get("NameContains", "").lower() in one.name.lower()
        and request.get("CreationTimeAfter", low)
        < data["CreationTime"]
        < request.get("CreationTimeBefore", high)
        and request.get("LastModifiedTimeAfter", low) < modified < request.get("LastModifiedTimeBefore", high)
        and request.get("StatusEquals") in (None, data.get("EndpointStatus"))
    )
