"""Messages about a template's mistakes: where each is, what is expected there, what was meant. Pure.

A message never shows what is in a value, only what is odd about it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

from cloudformation_cli_python_lib.exceptions import InvalidRequest

from .errors import MAX_MESSAGE_CHARACTERS
from .patterns import expected_by
from .spelling import close, containing, equal, of_equal_parts, similar, simple

# Where a value is: the path of what holds it, and its key or index there; None is the properties themselves.
Path: TypeAlias = "tuple[Path, str | int] | None"

# What action, type and identifier leave of a message for all problems together, and the count of the rest.
MAX_PROBLEMS_CHARACTERS = MAX_MESSAGE_CHARACTERS - 250
# Of a problem's text beside its path, what is shown at least: enough for "is required and missing".
MIN_TEXT_CHARACTERS = 24
# Characters of a name that messages show: in a name's place a template may have a text of any length.
MAX_NAME_CHARACTERS = 64
ITEM = "[]"
# In the place of a value of a wrong type: empty, so that nothing follows from what is in it.
FAULTY: Mapping[str, Any] = MappingProxyType({})


class Problem(NamedTuple):
    """A mistake at a path.

    The text is a function where it takes a search, a millisecond each: of many problems few are shown. What
    is compared are the paths of values without which there is no problem; it may be about presence alone.
    """

    path: Path
    text: str | Callable[[], str]
    compared: tuple[Path, ...] = ()

    def __str__(self) -> str:
        """The path and the text."""
        return f"{text_of(self.path)} {self.full_text()}"

    def full_text(self) -> str:
        """The text, made where it is a function."""
        return self.text if isinstance(self.text, str) else self.text()


class Place(NamedTuple):
    """Where the schema has a member: in which shape, and its path from the top, with `[]` for any item."""

    shape: str
    path: tuple[str, ...]


def refuse(problems: Sequence[Problem]) -> None:
    """Put all problems into one failure, so that they can be corrected at once.

    Raises:
        InvalidRequest: there are problems.
    """
    if problems:
        raise InvalidRequest(str(problems[0]) if len(problems) == 1 else _in_one(problems))


def _in_one(problems: Sequence[Problem]) -> str:
    """All problems, their texts cut where they are too long; those that do not even fit then are counted."""
    start = f"{len(problems)} problems:"
    heads: list[str] = []
    texts: list[str] = []
    room, more = MAX_PROBLEMS_CHARACTERS - len(start), ""
    for number, problem in enumerate(problems, 1):
        head, text = f" ({number}) {text_of(problem.path)} ", problem.full_text()
        rest = f" and {len(problems) - number} more" if number < len(problems) else ""
        least = sum(min(len(each), MIN_TEXT_CHARACTERS) for each in (*texts, text))
        if heads and room - len(head) - len(rest) < least:
            more = f" and {len(problems) - len(heads)} more"
            break
        room -= len(head)
        heads.append(head)
        texts.append(text)
    shown = "".join(map("".join, zip(heads, _fitting(texts, room - len(more)), strict=True)))
    return f"{start}{shown}{more}"


def _fitting(texts: Sequence[str], room: int) -> list[str]:
    """The texts, the longest of them cut so that all together are not too long."""
    limit = room
    for position, length in enumerate(sorted(map(len, texts))):
        limit = max(room // (len(texts) - position), MIN_TEXT_CHARACTERS)
        if length > limit:
            break
        room -= length
    return [_cut(text, limit) if len(text) > limit else text for text in texts]


def _cut(text: str, max_characters: int) -> str:
    """The text without its last words, which are too many; a word alone is cut itself."""
    whole_words = text[: max_characters - 2].rpartition(" ")[0].rstrip(" ,;:(")
    return f"{whole_words or text[: max_characters - 3]}..."


# --- places -----------------------------------------------------------------------------------------


def path_of(*keys: str | int) -> Path:
    """The path of these keys and indexes, from the top."""
    return (path_of(*keys[:-1]), keys[-1]) if keys else None


def keys_of(path: Path) -> list[str | int]:
    """The keys and indexes of a path, from the top."""
    keys: list[str | int] = []
    while path is not None:
        path, key = path
        keys.append(key)
    return keys[::-1]


def text_of(path: Path) -> str:
    """A path in a message: `Tags[2].Key`."""
    return _text(keys_of(path)) or "the properties"


def _text(keys: Iterable[str | int]) -> str:
    text = ""
    for key in keys:
        if isinstance(key, int):
            text += f"[{key}]"
        else:
            shown = key if len(key) <= MAX_NAME_CHARACTERS else f"{key[:MAX_NAME_CHARACTERS]}..."
            text += f".{shown}" if text else shown
    return text


# --- names ------------------------------------------------------------------------------------------

# Names of the SDK, the console or a neighbouring type for a member, without case and separators.
_SYNONYMS = {
    "approval": "ModelApprovalStatus",
    "artifacts": "ModelDataUrl",
    "artifacturi": "ModelDataUrl",
    "baselines": "DriftCheckBaselines",
    "card": "ModelCard",
    "container": "Containers",
    "containerimage": "Image",
    "env": "Environment",
    "environmentvariables": "Environment",
    "envvars": "Environment",
    "groupname": "ModelPackageGroupName",
    "imageuri": "Image",
    "imageurl": "Image",
    "inferenceinstances": "SupportedRealtimeInferenceInstanceTypes",
    "inferenceinstancetypes": "SupportedRealtimeInferenceInstanceTypes",
    "kmskey": "KmsKeyId",
    "kmskeyarn": "KmsKeyId",
    "labels": "Tags",
    "lifecycle": "ModelLifeCycle",
    "marketplacecert": "CertifyForMarketplace",
    "metrics": "ModelMetrics",
    "modelartifacts": "ModelDataUrl",
    "modeldata": "ModelDataUrl",
    "modelpackagegroup": "ModelPackageGroupName",
    "modelpackagegrouparn": "ModelPackageGroupName",
    "modeluri": "ModelDataUrl",
    "modelurl": "ModelDataUrl",
    "name": "Key",
    "primarycontainer": "Containers",
    "realtimeinferenceinstances": "SupportedRealtimeInferenceInstanceTypes",
    "responsetypes": "SupportedResponseMIMETypes",
    "role": "ValidationRole",
    "rolearn": "ValidationRole",
    "s3location": "S3Uri",
    "s3path": "S3Uri",
    "s3url": "S3Uri",
    "sourceurl": "SourceUri",
    "supportedresponsetypes": "SupportedResponseMIMETypes",
    "tagname": "Key",
    "transforminstances": "SupportedTransformInstanceTypes",
    "transformjob": "TransformJobDefinition",
}
# What stands beside `Properties` in a template.
_ATTRIBUTES = frozenset(
    {
        *("Type", "Properties", "DependsOn", "Condition", "Metadata", "DeletionPolicy"),
        *("UpdateReplacePolicy", "CreationPolicy", "UpdatePolicy"),
    }
)
# Properties of the types beside this one.
_OTHER_TYPES = {
    "EnableNetworkIsolation": "AWS::SageMaker::Model",
    "ExecutionRoleArn": "AWS::SageMaker::Model",
    "ModelPackageGroupDescription": "AWS::SageMaker::ModelPackageGroup",
    "ProductionVariants": "AWS::SageMaker::EndpointConfig",
    "VpcConfig": "AWS::SageMaker::Model",
}
# How alike names anywhere in the schema have to be.
_MIN_LIKENESS_ELSEWHERE = 0.8
_MAX_PLACES = 2
_MAX_MEMBERS = 8


def unknown(path: Path, members: Collection[str], places: Sequence[Place]) -> str:
    """The message about a member that the schema does not have there, and where it belongs.

    `members` are those that it has there, `places` all that a template may have anywhere.
    """
    keys = keys_of(path)
    advice = next(_advice(str(keys[-1])[:MAX_NAME_CHARACTERS], keys, members, places))
    return f"is not a property of this type{advice}"


def _advice(
    name: str, keys: list[str | int], members: Collection[str], places: Sequence[Place]
) -> Iterator[str]:
    """What to do about a misplaced or misspelt name, the most certain first."""
    if _is_function(name):
        yield f"; {_FUNCTION}"
    elsewhere: dict[str, list[Place]] = {}
    for place in places:
        elsewhere.setdefault(place.path[-1], []).append(place)
    synonym = _SYNONYMS.get(simple(name), "")
    exact = equal(name, members) or ([synonym] if synonym in members else [])
    # The members that the name is in: no advice may lead back to where one is.
    around = [key for key in keys[:-1] if isinstance(key, str)]
    inside = f"; what there is here: {_some(members)}"
    if not exact and (synonym in around or equal(name, around) or of_equal_parts(name, around)):
        yield inside
    beside = exact or containing(name, members)
    meant = f"; did you mean {' or '.join(beside)}?" if beside else ""
    if len(keys) == 1 and name == "Properties":
        yield "; they are here already, so leave out this level"
    if len(keys) == 1 and name in _ATTRIBUTES:
        yield f"; it is an attribute of a template's resource, beside Properties{meant}"
    known = [other for other in (*equal(name, elsewhere), synonym) if other in elsewhere]
    # A member of what contains its name, as SourceAlgorithmSpecification contains SourceAlgorithms.
    inner = [other for other in known if not exact and _lies_in(beside, keys, elsewhere[other])]
    if meant and not inner:
        yield meant
    for other in inner or known:
        where = _nearest(keys, elsewhere[other])
        yield f"; it belongs {where}" if other == name else f"; did you mean {other}, {where}?"
    for other in similar(name, members):
        yield f"; did you mean {other}?"
    for other in similar(name, elsewhere, _MIN_LIKENESS_ELSEWHERE):
        yield inside if other in around else f"; did you mean {other}, {_nearest(keys, elsewhere[other])}?"
    if name in _OTHER_TYPES:
        yield f"; it is one of {_OTHER_TYPES[name]}"
    if len(members) <= _MAX_MEMBERS:
        yield inside
    yield "; there is nothing like it, so leave it out"


def _lies_in(members: Collection[str], keys: list[str | int], places: Sequence[Place]) -> bool:
    """Whether one of the places is in one of these members, beside which the keys end."""
    inside = [[*_items(keys[:-1]), each] for each in members]
    return any([*place.path[: len(keys)]] in inside for place in places)


def _items(keys: Iterable[str | int]) -> list[str]:
    """The keys as in a place's path."""
    return [ITEM if isinstance(key, int) else key for key in keys]


def meant(name: str, known: Collection[str]) -> list[str]:
    """The known names that a name may stand for; none when no known name is close."""
    synonym = _SYNONYMS.get(simple(name[:MAX_NAME_CHARACTERS]), "")
    return [synonym] if synonym in known else close(name[:MAX_NAME_CHARACTERS], known)


def _is_function(name: str) -> bool:
    return name == "Ref" or name.startswith("Fn::")


def did_you_mean(value: str, known: Collection[str]) -> str:
    """The known value that may be meant, as the end of a sentence; empty when none is close."""
    alike = close(value[:MAX_NAME_CHARACTERS], known)
    return f"; did you mean {alike[0]}?" if alike else ""


def _nearest(keys: list[str | int], places: Sequence[Place]) -> str:
    """In which objects a member can be: of each shape those that are nearest to where it was put."""
    here = _items(keys[:-1])
    shared = max(_common(here, place.path) for place in places)
    near = [place for place in places if _common(here, place.path) == shared]
    names: list[str] = []
    for shape in dict.fromkeys(place.shape for place in (near if shared else sorted(near, key=_depth))):
        alike = [place.path for place in near if place.shape == shape]
        shortest = [path for path in alike if len(path) == min(map(len, alike))]
        # Near the mistake all are as near (ModelMetrics has S3Uri twice); far from it one stands for all.
        names += [_text(_numbered(keys, path[:-1])) for path in (shortest if shared else shortest[:1])]
    return "at the top of the properties" if "" in names else f"in {' or '.join(names[:_MAX_PLACES])}"


def _depth(place: Place) -> int:
    return len(place.path)


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count


def _numbered(keys: list[str | int], path: tuple[str, ...]) -> Iterator[str | int]:
    """The path with the items it has in common with the keys; of any other list the first item."""
    alike = True
    for position, name in enumerate(path):
        key = keys[position] if alike and position < len(keys) - 1 else None
        alike = alike and (isinstance(key, int) if name == ITEM else key == name)
        yield name if name != ITEM else key if isinstance(key, int) else 0


# --- kinds of values --------------------------------------------------------------------------------

_FUNCTION = "functions are for templates, CloudFormation resolves them there: give the value itself"
# Members whose text is JSON.
_JSON = frozenset({"ModelCardContent", "DataInputConfig"})
_KEY_AND_VALUE = frozenset({"Key", "Value"})


def wrong_kind(path: Path, expected: str, value: Any, members: Collection[str] = ()) -> str:
    """The message about a value of another kind; `members` are those of the object that is expected."""
    advice = _how_to_write(expected, value, str(keys_of(path)[-1]), members)
    return f"must be {expected}, not {_kind_of(value)}{f': {advice}' if advice else ''}"


def _how_to_write(expected: str, value: Any, name: str, members: Collection[str]) -> str:
    if isinstance(value, Mapping) and len(value) == 1 and _is_function(str(next(iter(value)))):
        return _FUNCTION
    advice = ""
    if expected == "a list" and _kinds_in(value) == ["a list"]:
        advice = "write the list itself, without a name before it"
    elif expected == "a list" and isinstance(value, Mapping):
        advice = (
            "write each as an item with Key and Value"
            if set(members) == _KEY_AND_VALUE
            else "put a hyphen before its first line, or brackets around it"
        )
    elif expected == "a list" and not members:
        advice = "put it in brackets, or a hyphen before it"
    elif expected == "an object" and not members:
        advice = "write KEY: VALUE, without hyphens"
    elif expected == "an object" and isinstance(value, list | tuple):
        advice = "leave out the hyphen or the brackets"
    elif expected == "an object" and isinstance(value, str) and value.lstrip()[:1] == "{":
        advice = "write the object itself, not JSON in a string"
    elif expected == "an object":
        advice = f"it has {_some(members)}"
    elif expected == "a string" and name in _JSON:
        advice = (
            "write its JSON in one string, as Fn::ToJsonString makes it (Transform: AWS::LanguageExtensions)"
        )
    elif expected == "a string" and not isinstance(value, Mapping):
        advice = "give one value, without hyphen or brackets"
    return advice


def _some(members: Collection[str]) -> str:
    more = ", ..." if len(members) > _MAX_MEMBERS else ""
    return f"{', '.join(islice(members, _MAX_MEMBERS))}{more}"


def _kinds_in(value: Any) -> list[str]:
    return [_kind_of(each) for each in value.values()] if isinstance(value, Mapping) else []


def _kind_of(value: Any) -> str:
    kinds = ((Mapping, "an object"), (list | tuple, "a list"), (bool, "a boolean"), (str, "a string"))
    return next((name for kind, name in kinds if isinstance(value, kind)), "a number")


# --- values -----------------------------------------------------------------------------------------


def wrong_value(known: Collection[str], value: str) -> str:
    """The message about a value that is none of the known ones."""
    return f"must be one of {', '.join(known)}{did_you_mean(value, known)}"


def wrong_pattern(pattern: str, value: str) -> str:
    """The message about a value that does not match a pattern."""
    return f"must be {expected_by(pattern, value)} (it must match the pattern {pattern})"


def wrong_key(patterns: Collection[str], key: str) -> str:
    """The message about a key of a map that matches none of the patterns."""
    expected = " or ".join(expected_by(pattern, key) for pattern in patterns)
    pattern = " or ".join(patterns)
    return f"is no key that can be here: it must be {expected} (it must match the pattern {pattern})"
