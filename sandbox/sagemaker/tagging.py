"""SageMaker's operations for the tags of what is kept here, whatever kind it is."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Protocol

from .arns import Scope
from .behaviour import Behaviour
from .history import History, key_items
from .package import Package
from .paging import invalid_token
from .refusals import check_tag_room, check_tags, tags_not_supported

Json = dict[str, Any]


class Tagged(Protocol):
    """What has tags."""

    tags: dict[str, str]


class Tagging:
    """AddTags, ListTags and DeleteTags for what `find` returns of an ARN."""

    def __init__(
        self, find: Callable[[Scope, str], Tagged], behaviour: Callable[[], Behaviour], history: History
    ) -> None:
        self._find = find
        self._behaviour = behaviour
        self._history = history
        self.operations: dict[str, Callable[[Scope, Json], Json]] = {
            "AddTags": self._add,
            "ListTags": self._list,
            "DeleteTags": self._delete,
        }

    def _add(self, scope: Scope, request: Json) -> Json:
        resource = self._find(scope, request["ResourceArn"])
        if isinstance(resource, Package) and resource.versioned:
            raise tags_not_supported()  # [V] for a create; not known of AddTags [I]
        check_tags(request["Tags"])
        tags = resource.tags | {tag["Key"]: tag["Value"] for tag in request["Tags"]}
        check_tag_room(tags)
        self._set(resource, tags)
        return {"Tags": tag_list(tags)}

    def _list(self, scope: Scope, request: Json) -> Json:
        tags = tag_list(self._find(scope, request["ResourceArn"]).tags)
        start, size = request.get("NextToken", "0"), request.get("MaxResults", len(tags) or 1)
        size = min(size, self._behaviour().tags_page)
        if not re.fullmatch("[0-9]{1,9}", start):
            raise invalid_token()
        end = int(start) + size
        return {"Tags": tags[int(start) : end]} | ({"NextToken": str(end)} if end < len(tags) else {})

    def _delete(self, scope: Scope, request: Json) -> Json:
        resource = self._find(scope, request["ResourceArn"])
        kept = {key: value for key, value in resource.tags.items() if key not in request["TagKeys"]}
        self._set(resource, kept)
        return {}

    def _set(self, resource: Tagged, tags: dict[str, str]) -> None:
        previous, resource.tags = resource.tags, tags
        if isinstance(resource, Package):
            self._history.record(resource.arn, key_items("tags", previous, tags))
            resource.unknown_calls = self._behaviour().unknown_after_write


def tag_list(tags: dict[str, str]) -> list[Json]:
    """Return tags as the API has them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]
