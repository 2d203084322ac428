"""The settings of the local SageMaker that tests and demos choose, also while the server runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from .arns import is_group_arn

Settings = TypeVar("Settings")


@dataclass
class Fault:
    """An error to answer with, instead of or after the operation."""

    code: str
    """Error code, such as `ThrottlingException` or `AccessDeniedException`."""
    message: str = "A fault asked for by the test."
    operation: str = "*"
    """The operation it hits, `*` for every SageMaker operation."""
    http_status: int = 400
    times: int | None = 1
    """How many calls still fail; None: all of them."""
    after: int = 0
    """How many calls of that operation pass before the first one fails."""
    happens: bool = False
    """Whether the operation takes effect and only its answer is lost (not of operations that are moto's)."""

    def strikes(self, operation: str) -> bool:
        """Return whether this call fails, and count it."""
        if self.operation not in ("*", operation) or self.times == 0:
            return False
        if self.after > 0:
            self.after -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True


@dataclass
class Behaviour:
    """How this SageMaker behaves where the real one varies, takes time or is not known."""

    describes_until_completed: int = 2
    """Describes of an unversioned package, or one being validated, that answer `Pending` or `InProgress`. A
    version without validation is `Completed` at the first Describe, always."""
    pending_describes: int = 1
    """How many of those answer `Pending`; the others answer `InProgress`. Unversioned packages only."""
    validation_failures: dict[str, str] = field(default_factory=dict)
    """Name of a validation profile, or an image, to the reason: a package validated with it ends `Failed`."""
    delete_describes: int | None = None
    """Describes that still answer `Deleting`. None: 1, or 0 for a version without validation."""
    visible_after_describes: int = 0
    """Describes that answer "does not exist" after a create (read after write)."""
    unknown_after_write: int = 0
    """Calls about a package, of any operation but List, that answer "does not exist" after each create,
    update or change of its tags (read after write)."""
    stale_describes: int = 0
    """Describes that still answer the previous values after an update (read after write)."""
    resource_limit: int | None = None
    """Packages an account may have in a region; the next create is `ResourceLimitExceeded`."""
    status_override: str | None = None
    """A status that Describe and List answer for every package, such as an unknown one."""
    statuses: dict[str, str] = field(default_factory=dict)
    """ARN of a package to the status that Describe and List answer for it, before `status_override`."""
    describes_until_updated: int = 0
    """Describes that answer `InProgress` after an update. Not known of AWS."""
    update_failures: dict[str, str] = field(default_factory=dict)
    """Name of a status item to the reason: an update leaves a package `Failed` with them. Not known of
    AWS."""
    names_in_lower_case: bool = False
    """Whether names, and names in ARNs, are answered in lower case, as the service did until 2022."""
    names_left_out: bool = False
    """Whether Describe and List leave out `ModelPackageName`, of unversioned packages too."""
    shared_groups: list[str] = field(default_factory=list)
    """ARNs of groups that every account may use, whether they have been made or not; versions are in the
    group's account."""
    group_not_found_as_resource: bool = False
    """Whether a create in a group that does not exist is `ResourceNotFound`; it has been seen at AWS."""
    token_conflicts: bool = False
    """Whether a create with a `ClientToken` used for another request is `ConflictException`; otherwise it
    answers the ARN of that request. Not known of AWS."""
    inference_specification_replaceable: bool = False
    """Whether Update may replace an `InferenceSpecification` or `SourceUri` that is set. Not known of AWS."""
    source_uri_replaces_specification: bool = False
    """Whether an update that sets `SourceUri` to the ARN of a model or package replaces an
    `InferenceSpecification` by the one of that source. Not known of AWS."""
    unversioned_updatable: bool = True
    """Whether Update works on unversioned packages. Not known of AWS."""
    conflict_while_validating: bool = False
    """Whether Update and Delete answer `ConflictException` until validation has ended. Not known of AWS."""
    kms_decrypt_denied: bool = False
    """Describe of a model card under a customer's key is denied unless `IncludedData` is `MetadataOnly`."""
    unapproved_deployable: bool = False
    """Whether CreateModel takes a version that is not `Approved`. Not known of AWS."""
    describes_until_in_service: int = 1
    """Describes of an endpoint that answer `Creating`, `Updating` or `Deleting`."""
    endpoint_failures: dict[str, str] = field(default_factory=dict)
    """Name of a model or a configuration, or an image, to the reason: an endpoint created with it ends
    `Failed`, one updated to it goes back to its previous configuration."""
    image_digests: dict[str, str] = field(default_factory=dict)
    """Image to the live digest of its tag. Other images have a digest made from their name."""
    tags_page: int = 50
    """Tags in one page of ListTags, at most."""
    faults: list[Fault] = field(default_factory=list)
    """Errors to answer with; of several that fit a call, the first."""

    def next_fault(self, operation: str) -> Fault | None:
        """Return the fault that strikes this call, and count it."""
        return next((fault for fault in self.faults if fault.strikes(operation)), None)

    def as_json(self) -> dict[str, Any]:
        """Return all fields as JSON has them."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Behaviour:
        """Make one from JSON; absent fields have their defaults.

        Raises:
            ValueError: a field is unknown, or what is given is no value of it.
        """
        unknown = sorted(set(values) - {known.name for known in fields(cls)})
        if unknown:
            raise ValueError(f"unknown behaviour: {', '.join(unknown)}")
        given = dict(values)
        try:
            if "faults" in given:
                given["faults"] = [_of_its_types(Fault(**fault)) for fault in given["faults"]]
        except TypeError as problem:
            raise ValueError(f"not a fault: {problem}") from problem
        behaviour = _of_its_types(cls(**given))
        others = [arn for arn in behaviour.shared_groups if not is_group_arn(arn)]
        if others:
            raise ValueError(f"not the ARN of a group in shared_groups: {others[0]!r}")
        return behaviour


def _of_its_types(made: Settings) -> Settings:
    """Return settings whose fields have values of the types that they are declared with.

    Raises:
        ValueError: a field has another one.
    """
    for name, hint in get_type_hints(type(made)).items():
        value = getattr(made, name)
        if not _fits(value, hint):
            raise ValueError(f"not a value of {name}: {value!r}")
    return made


def _fits(value: Any, hint: Any) -> bool:
    inner = get_args(hint)
    if get_origin(hint) is list:
        return isinstance(value, list) and all(_fits(each, inner[0]) for each in value)
    if get_origin(hint) is dict:
        return isinstance(value, dict) and all(_fits(each, inner[1]) for each in value.values())
    if inner:  # one of several types
        return any(_fits(value, each) for each in inner)
    return isinstance(value, hint) and (hint is bool or not isinstance(value, bool))
