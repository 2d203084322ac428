"""How a refusal is worded: where the fault is, what is wanted there, what was meant. Pure.

Imported where somebody has made a mistake, and not before: no other invocation pays for it. What is in a
value is never shown, only what is odd about it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import islice
from typing import Any, NamedTuple, TypeAlias

# Where a value is: its key or index, in what is there; None is the properties themselves.
Path: TypeAlias = "tuple[Path, str | int] | None"


class Problem(NamedTuple):
    """A fault at a path; the words are only made when they are read."""

    path: Path
    words: Callable[[], str]

    def __str__(self) -> str:
        return f"{text_of(self.path)} {self.words()}"


class Place(NamedTuple):
    """Where the schema has a member: in which shape, and its path from the top, with `[]` for any item."""

    shape: str
    path: tuple[str, ...]


# Problems that one message tells of; it has a thousand characters.
MOST_TOLD = 5
# Characters of a name that messages show: what a template has in a name's place may be of any length.
SHOWN = 64
ITEM = "[]"


def refusal(problems: Sequence[Problem]) -> str:
    """All problems in one message, so that nobody mends one thing after the other."""
    if len(problems) == 1:
        return str(problems[0])
    told = " ".join(f"({number}) {problem}" for number, problem in enumerate(problems[:MOST_TOLD], 1))
    more = len(problems) - MOST_TOLD
    return f"{len(problems)} problems: {told}{f' and {more} more' if more > 0 else ''}"


# --- places -----------------------------------------------------------------------------------------


def keys_of(path: Path) -> list[str | int]:
    """The keys and indexes of a path, from the top."""
    keys: list[str | int] = []
    while path is not None:
        path, key = path
        keys.append(key)
    return keys[::-1]


def text_of(path: Path) -> str:
    """A path as messages give it: `Tags[2].Key`."""
    return _text(keys_of(path)) or "the properties"


def _text(keys: Iterable[str | int]) -> str:
    text = ""
    for key in keys:
        if isinstance(key, int):
            text += f"[{key}]"
        else:
            shown = key if len(key) <= SHOWN else f"{key[:SHOWN]}..."
            text += f".{shown}" if text else shown
    return text


# --- names ------------------------------------------------------------------------------------------

# What people write who know the SDK, the console or a neighbouring type, without case and separators.
_SAME = {
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
# Properties that people bring along from the types beside this one.
_OF_OTHERS = {
    "EnableNetworkIsolation": "AWS::SageMaker::Model",
    "ExecutionRoleArn": "AWS::SageMaker::Model",
    "ModelPackageGroupDescription": "AWS::SageMaker::ModelPackageGroup",
    "ProductionVariants": "AWS::SageMaker::EndpointConfig",
    "VpcConfig": "AWS::SageMaker::Model",
}
# How alike two names have to be: beside each other, and anywhere in the schema.
_ALIKE = 0.7
_VERY_ALIKE = 0.8
_MOST_MEANT = 3
_MOST_PLACES = 2
_MOST_MEMBERS = 8
_CAPITALS_AND_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


def unknown(path: Path, members: Collection[str], places: Sequence[Place]) -> str:
    """What is wrong with a member that the schema does not have there, and where it belongs.

    `members` are those that it has there, `places` all that a template may have anywhere.
    """
    keys = keys_of(path)
    advice = next(_advice(str(keys[-1])[:SHOWN], keys, members, places))
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
    same = _SAME.get(_simple(name), "")
    beside = _equal(name, members) or ([same] if same in members else []) or _more_words(name, members)
    meant = f"; did you mean {' or '.join(beside)}?" if beside else ""
    if len(keys) == 1 and name in _ATTRIBUTES:
        yield f"; it is an attribute of a template's resource, beside Properties{meant}"
    if meant:
        yield meant
    for found in (*_equal(name, elsewhere), same):
        if found in elsewhere:
            where = _nearest(keys, elsewhere[found])
            yield f"; it belongs {where}" if found == name else f"; did you mean {found}, {where}?"
    for found in _like(name, members, _ALIKE):
        yield f"; did you mean {found}?"
    for found in _like(name, elsewhere, _VERY_ALIKE):
        yield f"; did you mean {found}, {_nearest(keys, elsewhere[found])}?"
    if name in _OF_OTHERS:
        yield f"; it is one of {_OF_OTHERS[name]}"
    if len(members) <= _MOST_MEMBERS:
        yield f"; what there is here: {', '.join(members)}"
    yield "; there is nothing like it, so leave it out"


def _is_function(name: str) -> bool:
    return name == "Ref" or name.startswith("Fn::")


def did_you_mean(value: str, known: Collection[str]) -> str:
    """The known value that somebody may have meant, as the end of a sentence; empty when none is close."""
    shown = value[:SHOWN]
    found = _equal(shown, known) or _more_words(shown, known) or _like(shown, known, _ALIKE)
    return f"; did you mean {found[0]}?" if found else ""


def _simple(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _equal(name: str, known: Iterable[str]) -> list[str]:
    """The known names that differ in case and separators only."""
    return [each for each in known if _simple(each) == _simple(name) != ""]


def _more_words(name: str, known: Iterable[str]) -> list[str]:
    """The known names that have all words of this one: those with no others, or else a few with more."""
    words = _words(name)
    found = [each for each in known if words and words <= _words(each)]
    same = [each for each in found if words == _words(each)]
    return same or (found if len(found) <= _MOST_MEANT else [])


def _words(name: str) -> set[str]:
    return {word.lower().removesuffix("s") for word in _CAPITALS_AND_WORDS.findall(name)}


def _like(name: str, known: Iterable[str], least: float) -> list[str]:
    by_lower = {each.lower(): each for each in known}
    return [by_lower[each] for each in get_close_matches(name.lower(), by_lower, n=1, cutoff=least)]


def _nearest(keys: list[str | int], places: Sequence[Place]) -> str:
    """In which objects a member can be: of each shape those that are nearest to where it was put."""
    here = [ITEM if isinstance(key, int) else key for key in keys[:-1]]
    shared = max(_common(here, place.path) for place in places)
    near = [place for place in places if _common(here, place.path) == shared]
    names: list[str] = []
    for shape in dict.fromkeys(place.shape for place in (near if shared else sorted(near, key=_depth))):
        alike = [place.path for place in near if place.shape == shape]
        shortest = [path for path in alike if len(path) == min(map(len, alike))]
        # Near the fault all are as near, statistics and constraints say; far from it one stands for all.
        names += [_text(_numbered(keys, path[:-1])) for path in (shortest if shared else shortest[:1])]
    return "at the top of the properties" if "" in names else f"in {' or '.join(names[:_MOST_PLACES])}"


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


def wrong_kind(path: Path, wanted: str, value: Any, members: Collection[str] = ()) -> str:
    """What is wrong with a value of another kind; `members` are those of the object that is wanted."""
    advice = _how_to_write(wanted, value, str(keys_of(path)[-1]), members)
    return f"must be {wanted}, not {_kind_of(value)}{f': {advice}' if advice else ''}"


def _how_to_write(wanted: str, value: Any, name: str, members: Collection[str]) -> str:
    if isinstance(value, Mapping) and len(value) == 1 and _is_function(str(next(iter(value)))):
        return _FUNCTION
    advice = ""
    if wanted == "a list" and isinstance(value, Mapping):
        advice = (
            "write each as an item with Key and Value"
            if set(members) == _KEY_AND_VALUE
            else "put a hyphen before its first line, or brackets around it"
        )
    elif wanted == "a list" and not members:
        advice = "put it in brackets, or a hyphen before it"
    elif wanted == "an object" and not members:
        advice = "write KEY: VALUE, without hyphens"
    elif wanted == "an object" and isinstance(value, list | tuple):
        advice = "leave out the hyphen or the brackets"
    elif wanted == "an object" and isinstance(value, str) and value.lstrip()[:1] == "{":
        advice = "write the object itself, not JSON in a string"
    elif wanted == "an object":
        more = ", ..." if len(members) > _MOST_MEMBERS else ""
        advice = f"it has {', '.join(islice(members, _MOST_MEMBERS))}{more}"
    elif wanted == "a string" and name in _JSON:
        advice = (
            "write its JSON in one string, as Fn::ToJsonString makes it (Transform: AWS::LanguageExtensions)"
        )
    elif wanted == "a string" and not isinstance(value, Mapping):
        advice = "give one value, without hyphen or brackets"
    return advice


def _kind_of(value: Any) -> str:
    kinds = ((Mapping, "an object"), (list | tuple, "a list"), (bool, "a boolean"), (str, "a string"))
    return next((name for kind, name in kinds if isinstance(value, kind)), "a number")


# --- values -----------------------------------------------------------------------------------------


class Wanted(NamedTuple):
    """What a pattern asks for, and what is often odd about values that it does not match."""

    words: str
    odd: tuple[tuple[re.Pattern[str], str], ...] = ()


def _odd(**words_of: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((_ODDITIES[name], words) for name, words in words_of.items())


_ODDITIES = {
    name: re.compile(pattern)
    for name, pattern in {
        "not_replaced": r"\$\{",
        "placeholder": r"<[a-zA-Z][\w -]*>",
        "quoted": r"\A['\"]|['\"]\Z",
        "line_break": r"[\n\r\u0085\u2028\u2029]",
        "edge": r"\A\s|\s\Z",
        "space": r"\s",
        "arn": r"\Aarn:aws[a-z-]*:s3:::",
        "http": r"(?i)\Ahttp://",
        "capitals": r"\A(?=.*[A-Z])(?i:s3|https)://",
        "upper": r"[A-Z]",
        "no_ml": r"\A(?!ml\.)[a-z0-9-]+\.[a-z0-9-]+\Z",
        "no_size": r"\Aml\.[^.]*\Z",
        "package": r"\Aarn:[^/]*:model-package/",
        "version": r"\Aarn:[^/]*/[^/]*/",
    }.items()
}
_NOT_REPLACED = _odd(
    not_replaced="${...} in it was not replaced, which takes !Sub before the string",
    placeholder="a placeholder in it, <...>, was not filled in",
)
_LINE_BREAK = _odd(line_break="it has a line break in it")
_WORD = (
    *_NOT_REPLACED,
    *_odd(
        quoted="it has quotation marks of its own",
        edge="it begins or ends with a space or a line break",
        space="it has a space in it",
    ),
)
_TEXT = (*_NOT_REPLACED, *_LINE_BREAK)

_ADDRESS = Wanted(
    "an address that begins with s3:// or https://, such as s3://bucket/path/model.tar.gz",
    (
        *_odd(
            arn="it is an ARN: write s3:// before bucket and key instead",
            http="it begins with http://",
            capitals="what stands before :// has to be in small letters",
        ),
        *_WORD,
    ),
)
_SIMPLE_NAME = "letters, digits and hyphens, with a letter or a digit at both ends and no more than 63 in all"
_METADATA = "letters, digits, spaces and _ . : / = + - @"

# The patterns of the schema in words; a test holds the two together.
PATTERNS = {
    r"^(https|s3)://([^/]+)/?(.*)$": _ADDRESS,
    r"^(arn:aws[a-z\-]*:sagemaker:[a-z0-9\-]*:[0-9]{12}:[a-z\-]*\/)?"
    r"([a-zA-Z0-9]([a-zA-Z0-9-]){0,62})(?<!-)$": Wanted(
        f"a name ({_SIMPLE_NAME}) or an ARN that ends in one",
        (
            *_odd(package="it is the ARN of a package", version="there is something behind the name"),
            *_WORD,
        ),
    ),
    r"^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$": Wanted(_METADATA, _TEXT),
    r"^.*$": Wanted("text on one line", _LINE_BREAK),
    r"^.{0,1024}$": Wanted("text on one line", _LINE_BREAK),
    r"^[-\w]+\/.+$": Wanted("a media type such as text/csv or application/json", _WORD),
    r"^[0-9]\.[A-Za-z0-9.-]+$": Wanted(
        'a version that begins with a digit and a dot, such as "2.1" (in quotes)', _WORD
    ),
    r"^[A-Za-z0-9\.\-_]+$": Wanted("letters, digits and . - _", _WORD),
    r"^[Ss][Hh][Aa]256:[0-9a-fA-F]{64}$": Wanted("sha256: and 64 hexadecimal digits", _WORD),
    r"^[\S\s]*$": Wanted("text"),
    r"^[\S\s]+$": Wanted("text"),
    r"^[\S]+$": Wanted("an image as registry/repository:tag, without spaces", _WORD),
    r"^[\p{L}\p{M}\p{Z}\p{N}\p{P}]{0,1024}$": Wanted(
        "letters, digits, spaces and punctuation on one line; $ + < = > ^ ` | ~ are symbols, which SageMaker"
        " does not take here",
        _TEXT,
    ),
    r"^[\p{L}\p{M}\p{Z}\p{S}\p{N}\p{P}]*$": Wanted(
        "text on one line, without tabs and control characters", _LINE_BREAK
    ),
    r"^[\p{L}\p{Z}\p{N}_.:\/=+\-@]*$": Wanted(_METADATA, _TEXT),
    r"^[\p{L}\p{Z}\p{N}_.:\/=+\-@]{1,128}$": Wanted(f"{_METADATA}, no more than 128 in all", _TEXT),
    r"^[a-zA-Z0-9-]+$": Wanted("letters, digits and hyphens", _WORD),
    r"^[a-zA-Z0-9](-*[a-zA-Z0-9])*$": Wanted(
        "letters, digits and hyphens, with a letter or a digit at both ends", _WORD
    ),
    r"^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$": Wanted(_SIMPLE_NAME, _WORD),
    r"^[a-zA-Z0-9]+(-[a-zA-Z0-9]+)*$": Wanted("letters and digits, with single hyphens between them", _WORD),
    r"^[a-zA-Z0-9:/_-]*$": Wanted("the id, the ARN or the alias (alias/...) of a KMS key", _WORD),
    r"^[a-zA-Z_][a-zA-Z0-9_]{0,1023}$": Wanted(
        "letters, digits and _, with no digit first and no more than 1024 in all", _WORD
    ),
    r"^\d{1,4}.\d{1,4}.\d{1,4}$": Wanted("a version of three numbers, such as 1.0.0", _WORD),
    r"^arn:aws[a-z\-]*:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+$": Wanted(
        "the ARN of a role, such as arn:aws:iam::123456789012:role/validation; of a role in the template that"
        " is !GetAtt Role.Arn, because !Ref gives its name",
        _WORD,
    ),
    r"^arn:aws[a-z\-]*:sagemaker:[a-z0-9\-]{9,16}:[0-9]{12}:model-package/[\S]{1,2048}$": Wanted(
        "the ARN of a model package", _WORD
    ),
    r"^ml\.[a-z0-9-]+\.[a-z0-9-]+$": Wanted(
        "an instance type as ml.family.size, such as ml.m5.xlarge",
        (
            *_WORD,
            *_odd(
                upper="it has capital letters",
                no_ml="it does not begin with ml.",
                no_size="it has no size",
            ),
        ),
    ),
}


def wrong_pattern(pattern: str, value: str) -> str:
    """What a value has to look like, and what is odd about this one, without showing it."""
    return f"must be {_in_words(pattern, value)} (it must match the pattern {pattern})"


def wrong_key(patterns: Collection[str], key: str) -> str:
    """What a key of a map has to look like, and what is odd about this one."""
    wanted = " or ".join(_in_words(pattern, key) for pattern in patterns)
    return (
        f"is no key that can be here: it must be {wanted} (it must match the pattern {' or '.join(patterns)})"
    )


def _in_words(pattern: str, value: str) -> str:
    wanted = PATTERNS[pattern]
    odd = next((words for oddity, words in wanted.odd if oddity.search(value)), "")
    return f"{wanted.words}{f': {odd}' if odd else ''}"
