"""Matches values with the schema's patterns, and says in English what each pattern asks for. Pure."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

# --- matching ---------------------------------------------------------------------------------------

# Python's `re` has no \p{..}. A control character stands for all non-ASCII characters of a category, in the
# pattern and in the value; the ASCII ones of the category are spelled out.
_CATEGORIES = {
    "L": "\x01a-zA-Z",
    "N": "\x020-9",
    "Z": "\x03 ",
    "P": "\x04!-#%-*,-/:;?@\\[-\\]_{}",
    "S": "\x05$+<->\\^`|~",
    "M": "\x06",
}
_CATEGORY = re.compile(r"\\p\{(\w)\}")


def matches(pattern: str, value: str) -> bool:
    """Whether the whole value matches as in Java and the service, where \\w, \\d and \\s are ASCII's."""
    return _compiled(pattern).fullmatch(_by_category(value) if "\\p{" in pattern else value) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(_CATEGORY.sub(lambda match: _CATEGORIES[match[1]], pattern), re.ASCII)


def _by_category(value: str) -> str:
    if value.isascii() and value.isprintable():
        return value

    def standing_for(character: str) -> str:
        if character.isascii():
            return character if character.isprintable() else "\0"
        return _CATEGORIES.get(unicodedata.category(character)[0], "\0")[0]

    return "".join(map(standing_for, value))


# --- what each pattern asks for ---------------------------------------------------------------------

# What is often odd about a value that does not match, each with a regular expression that finds it.
_Oddities = tuple[tuple[str, str], ...]

_NOT_REPLACED: _Oddities = (
    (r"\$\{", "${...} in it was not replaced, which takes !Sub before the string"),
    (r"<[a-zA-Z][\w -]*>", "a placeholder in it, <...>, was not filled in"),
)
_LINE_BREAK: _Oddities = ((r"[\n\r\u0085\u2028\u2029]", "it has a line break in it"),)
_WORD: _Oddities = (
    *_NOT_REPLACED,
    (r"\A['\"]|['\"]\Z", "it has quotation marks of its own"),
    (r"\A\s|\s\Z", "it begins or ends with a space or a line break"),
    (r"\s", "it has a space in it"),
)
_TEXT: _Oddities = (*_NOT_REPLACED, *_LINE_BREAK)
_ADDRESS: _Oddities = (
    (r"\Aarn:aws[a-z-]*:s3:::", "it is an ARN: write s3:// before bucket and key instead"),
    (r"(?i)\Ahttp://", "it begins with http://"),
    (r"\A(?=.*[A-Z])(?i:s3|https)://", "what stands before :// has to be in small letters"),
    *_WORD,
)
_GROUP: _Oddities = (
    (r"\Aarn:[^/]*:model-package/", "it is the ARN of a package"),
    (r"\Aarn:[^/]*/[^/]*/", "there is something behind the name"),
    *_WORD,
)
_INSTANCE_TYPE: _Oddities = (
    *_WORD,
    (r"[A-Z]", "it has capital letters"),
    (r"\A(?!ml\.)[a-z0-9-]+\.[a-z0-9-]+\Z", "it does not begin with ml."),
    (r"\Aml\.[^.]*\Z", "it has no size"),
)
_SIMPLE_NAME = "letters, digits and hyphens, with a letter or a digit at both ends and no more than 63 in all"
_METADATA = "letters, digits, spaces and _ . : / = + - @"

# What each pattern of the schema asks for; a test compares the two.
PATTERNS: dict[str, tuple[str, _Oddities]] = {
    r"^(https|s3)://([^/]+)/?(.*)$": (
        "an address that begins with s3:// or https://, such as s3://bucket/path/model.tar.gz",
        _ADDRESS,
    ),
    r"^(arn:aws[a-z\-]*:sagemaker:[a-z0-9\-]*:[0-9]{12}:[a-z\-]*\/)?"
    r"([a-zA-Z0-9]([a-zA-Z0-9-]){0,62})(?<!-)$": (
        f"a name ({_SIMPLE_NAME}) or an ARN that ends in one",
        _GROUP,
    ),
    r"^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$": (_METADATA, _TEXT),
    r"^.*$": ("text on one line", _LINE_BREAK),
    r"^.{0,1024}$": ("text on one line", _LINE_BREAK),
    r"^[-\w]+\/.+$": ("a media type such as text/csv or application/json", _WORD),
    r"^[0-9]\.[A-Za-z0-9.-]+$": (
        'a version that begins with a digit and a dot, such as "2.1" (in quotes)',
        _WORD,
    ),
    r"^[A-Za-z0-9\.\-_]+$": ("letters, digits and . - _", _WORD),
    r"^[Ss][Hh][Aa]256:[0-9a-fA-F]{64}$": ("sha256: and 64 hexadecimal digits", _WORD),
    r"^[\S\s]*$": ("text", ()),
    r"^[\S\s]+$": ("text", ()),
    r"^[\S]+$": ("an image as registry/repository:tag, without spaces", _WORD),
    r"^[\p{L}\p{M}\p{Z}\p{N}\p{P}]{0,1024}$": (
        "letters, digits, spaces and punctuation on one line; $ + < = > ^ ` | ~ are symbols, which SageMaker"
        " does not take here",
        _TEXT,
    ),
    r"^[\p{L}\p{M}\p{Z}\p{S}\p{N}\p{P}]*$": (
        "text on one line, without tabs and control characters",
        _LINE_BREAK,
    ),
    r"^[\p{L}\p{Z}\p{N}_.:\/=+\-@]*$": (_METADATA, _TEXT),
    r"^[\p{L}\p{Z}\p{N}_.:\/=+\-@]{1,128}$": (f"{_METADATA}, no more than 128 in all", _TEXT),
    r"^[a-zA-Z0-9-]+$": ("letters, digits and hyphens", _WORD),
    r"^[a-zA-Z0-9](-*[a-zA-Z0-9])*$": (
        "letters, digits and hyphens, with a letter or a digit at both ends",
        _WORD,
    ),
    r"^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$": (_SIMPLE_NAME, _WORD),
    r"^[a-zA-Z0-9]+(-[a-zA-Z0-9]+)*$": ("letters and digits, with single hyphens between them", _WORD),
    r"^[a-zA-Z0-9:/_-]*$": ("the id, the ARN or the alias (alias/...) of a KMS key", _WORD),
    r"^[a-zA-Z_][a-zA-Z0-9_]{0,1023}$": (
        "letters, digits and _, with no digit first and no more than 1024 in all",
        _WORD,
    ),
    r"^\d{1,4}.\d{1,4}.\d{1,4}$": ("a version of three numbers, such as 1.0.0", _WORD),
    r"^arn:aws[a-z\-]*:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+$": (
        "the ARN of a role, such as arn:aws:iam::123456789012:role/validation; of a role in the template that"
        " is !GetAtt Role.Arn, because !Ref gives its name",
        _WORD,
    ),
    r"^arn:aws[a-z\-]*:sagemaker:[a-z0-9\-]{9,16}:[0-9]{12}:model-package/[\S]{1,2048}$": (
        "the ARN of a model package",
        _WORD,
    ),
    r"^ml\.[a-z0-9-]+\.[a-z0-9-]+$": (
        "an instance type as ml.family.size, such as ml.m5.xlarge",
        _INSTANCE_TYPE,
    ),
}


def expected_by(pattern: str, value: str) -> str:
    """What a pattern of the schema asks for, and what is odd about this value, which is not shown."""
    text, oddities = PATTERNS[pattern]
    odd = next((oddity for expression, oddity in oddities if re.search(expression, value)), "")
    return f"{text}{f': {odd}' if odd else ''}"
