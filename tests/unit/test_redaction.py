"""Values that no message may show: which they are, and that they are hidden in every quotation."""

from __future__ import annotations

import html
import json
import random
import sys
import time
import unicodedata
import urllib.parse
from collections.abc import Callable
from typing import Any

import pytest

from aws_sagemaker_modelpackage import decoding, recast, redaction

from .tables import table, untraced


@table(
    "text, secrets, expected",
    {
        "anywhere in the text": ("the key is hunter22.", {"hunter22"}, "the key is ***."),
        "longer ones first": ("hunter22 hunter2", {"hunter2", "hunter22"}, "*** ***"),
        "short": ("1 error: '1' and \"1\" and A=1'", {"1"}, "1 error: '***' and \"***\" and A=***'"),
        "a short one where it stands alone": ("is us in status", {"us"}, "is *** in status"),
        "no part of another word": ("production is prod", {"prod"}, "production is ***"),
        "no path": (
            "Value 'x' at 'ModelApprovalStatus' failed",
            {"model approval status"},
            "Value 'x' at 'ModelApprovalStatus' failed",
        ),
        "no short one in another spelling": ("AB-CD-EFG", {"abcdefg"}, "AB-CD-EFG"),
        "a longer one in another spelling": ("AB-CD-EFGH", {"abcdefgh"}, "***"),
        "a card's content by its path": (
            "Value '{\"a\": 'b'}' at 'modelCard.modelCardContent' failed",
            set(),
            "Value '***' at 'modelCard.modelCardContent' failed",
        ),
        "an environment by its path": (
            "Value 'x' at 'inferenceSpecification.containers.1.member.environment.KEY' failed",
            set(),
            "Value '***' at 'inferenceSpecification.containers.1.member.environment.KEY' failed",
        ),
        "metadata by its path, and nothing else": (
            "Value 'x' at 'customerMetadataProperties' failed; Value 'y' at 'sourceUri' failed",
            set(),
            "Value '***' at 'customerMetadataProperties' failed; Value 'y' at 'sourceUri' failed",
        ),
        "the refused caller": (
            "User: arn:aws:sts::1:assumed-role/Deployer/me is not authorized to perform this, says Deployer",
            {"arn:aws:sts::1:assumed-role/Deployer/me", "Deployer"},
            "User: arn:aws:sts::1:assumed-role/Deployer/me is not authorized to perform this, says ***",
        ),
        "an ARN anywhere else": (
            "no User: arn:aws:iam::1:role/Deployer is not authorized to do so",
            {"arn:aws:iam::1:role/Deployer"},
            "no User: *** is not authorized to do so",
        ),
        "a value in a caller's place": (
            "User: arn:aws:s3:::my-secret-bucket is not authorized to do so",
            {"my-secret-bucket"},
            "User: arn:aws:s3:::*** is not authorized to do so",
        ),
        "a value with the words around one": (
            "Value 'a' at 'b' Value 'c' at 'environment.KEY' and Value 'd' at 'e'",
            set(),
            "Value 'a' at 'b' Value '***' at 'environment.KEY' and Value 'd' at 'e'",
        ),
        "a value with a path in it": (
            "Value 'see at 'home' or Value 'b' at 'environment.KEY', Value 'd' at 'e'",
            set(),
            "Value '***' at 'environment.KEY', Value 'd' at 'e'",
        ),
        "a value around a path": (
            "no, look at 'home', please",
            {"look at 'home', please"},
            "no, ***",
        ),
        "free text in a path's place": (
            "unexpected character at 'Kundenstamm der Volksbank'",
            {"Kundenstamm der Volksbank"},
            "unexpected character at '***'",
        ),
        "a word in a path's place": (
            "unexpected at 'hunter22.member'",
            {"hunter22"},
            "unexpected at '***.member'",
        ),
        "a value as a key in a path": (
            "no value at 'environment.hunter22' or at 'containers.1.member.environment.hunter22'",
            {"hunter22"},
            "no value at 'environment.***' or at 'containers.1.member.environment.***'",
        ),
        "a value as an index": (
            "'10' at 'containers.10.member.environment', not at '10'",
            {"10"},
            "'***' at 'containers.10.member.environment', not at '***'",
        ),
        "whole words": ("Value 'x' at 'modelCardinality'", set(), "Value 'x' at 'modelCardinality'"),
    },
)
def test_redact(text: str, secrets: set[str], expected: str) -> None:
    members = {"modelapprovalstatus", "inferencespecification", "containers", "environment", "sourceuri"}
    assert redaction.Redactor(secrets, members).redact(text) == expected


@table(
    "properties, expected",
    {
        "no properties": (None, set()),
        "a text": ({"Task": "a b/c"}, {"a b/c"}),
        "a message": ({"Name": "a", "FailureReason": "b is not allowed"}, {"a"}),
        "an image": ({"Image": "1.dkr.ecr/m:2"}, {"1.dkr.ecr/m:2", "1.dkr.ecr", "m", "2"}),
        "a place in S3": ({"a": [{"S3Uri": "s3://b/k"}]}, {"s3://b/k", "s3", "b", "k"}),
        "an ARN": (
            {"a": "arn:aws:iam::1:role/x"},
            {"arn:aws:iam::1:role/x", "arn", "aws", "iam", "1", "role", "x"},
        ),
        "nothing confidential": (
            {"Environment": {"A": "b"}, "CustomerMetadataProperties": {"c": "d"}, "ModelCard": {"e": "f"}},
            set(),
        ),
    },
)
def test_open_in(properties: Any, expected: set[str]) -> None:
    assert redaction.open_in(properties) == expected


@table(
    "properties, secrets",
    {
        "no properties": (None, set()),
        "nothing confidential": ({"Task": "x", "SecurityConfig": {"KmsKeyId": "k"}}, set()),
        "the environment's values, not its names": ({"Environment": {"A": "b"}}, {"b"}),
        "a container's environment": (
            {"InferenceSpecification": {"Containers": [{"Environment": {"A": "b"}}, "odd"]}},
            {"b"},
        ),
        "metadata": ({"CustomerMetadataProperties": {"a": "b", "c": 1, "d": True}}, {"b", "1"}),
        "a key that is named like a card's status": (
            {"CustomerMetadataProperties": {"ModelCardStatus": "b"}, "Environment": {"ModelCardStatus": "c"}},
            {"b", "c"},
        ),
        "a card's content as a whole and in parts, not its status": (
            {
                "ModelCard": {
                    "ModelCardContent": '{"a": ["b", {"c": "d"}], "e": 1}',
                    "ModelCardStatus": "Draft",
                }
            },
            {
                '{"a": ["b", {"c": "d"}], "e": 1}',
                "b",
                "d",
                "1",
            },
        ),
        "a card that is no JSON": ({"ModelCard": {"ModelCardContent": "{no JSON"}}, {"{no JSON"}),
        "an empty card": ({"ModelCard": {"ModelCardContent": ""}}, set()),
        "the names that a card's author chose": (
            {"ModelCard": {"ModelCardContent": '{"a": {"custom_details": {"owner": "x", "": "y"}}}'}},
            {
                '{"a": {"custom_details": {"owner": "x", "": "y"}}}',
                "owner",
                "x",
                "y",
            },
        ),
        "a card that cannot be parsed": ({"ModelCard": {"ModelCardContent": "[" * 100_000}}, {"[" * 100_000}),
    },
)
def test_secrets_in(properties: Any, secrets: set[str]) -> None:
    assert redaction.secrets_in(properties) == secrets


CARDS = {
    "spaces": ' \r\n\t{"a": {"b": "top \\"secret", "n": 0.10}}',
    "a byte order mark": '\ufeff{"a": {"b": "top \\"secret", "n": 0.10}}',
    "both": ' \ufeff\n["top \\"secret", 0.10]',
    "a comma at the end": '{"a": {"b": "top \\"secret", "n": 0.10,},}',
    "a line break in a text": '{"a": "c\nd", "b": "top \\"secret", "n": 0.10}',
    "a cut": '{"a": [0.10, "top \\"secret", "c',
    "a cut in a value": '{"n": 0.10, "b": "top \\"secret',
    "a cut in an escape": '{"n": 0.10, "b": "top \\"secret\\',
    "a huge number": f'{{"a": {"1" * 5_000}, "b": "top \\"secret", "n": 0.10}}',
    "a number of no use": '{"a": 1.2.3, "b": "top \\"secret", "n": 0.10}',
    "depth": f'{{"n": 0.10, "b": "top \\"secret", "a": {"[" * 100_000}',
    "values of one name": '{"b": "top \\"secret", "b": "c", "n": 0.10, "n": 1}',
    "JSON in a text": json.dumps('{"b": "top \\"secret", "n": 0.10}'),
    "JSON in a value": json.dumps({"a": ' {"b": "top \\"secret", "n": 0.10}'}),
    "a name of the author's": '{"custom_details": {"top \\"secret": 0.10}}',
    "a name of the author's, with a comma": '{"custom_details": {"top \\"secret": 0.10,}}',
    "a name of the author's, of two": '{"custom_details": {"top \\"secret": 0.10}, "custom_details": 1}',
}


@table("card", CARDS)
def test_secrets_in_every_text_that_is_nearly_json(card: str) -> None:
    for properties in ({"ModelCard": {"ModelCardContent": card}}, {"Environment": {"CONFIG": card}}):
        found = redaction.secrets_in(properties)
        # A value that is cut in an escape ends with what is left of it.
        assert {each.rstrip("\\") for each in found} >= {'top "secret', "0.10", "0.1"} or "cut in" in card, (
            found
        )
        assert not {"a", "b", "n"} & found


@pytest.mark.parametrize(
    ("number", "spellings"),
    [
        ("1.10", {"1.10", "1.1"}),
        ("0.00001234", {"0.00001234", "1.234e-05"}),
        ("1E22", {"1E22", "1e+22", "10000000000000000000000"}),
        ("1e999999", {"1e999999", "inf"}),
        ("12345678901234567890", {"12345678901234567890"}),
    ],
)
def test_secrets_in_spells_numbers_as_they_are_and_as_python_does(number: str, spellings: set[str]) -> None:
    assert redaction.secrets_in({"Environment": {"A": f"[{number}]"}}) == {f"[{number}]", *spellings}


# --- other spellings --------------------------------------------------------------------------------

CONFIDENTIAL = """it's "ours" <a&b>
10% h\u00fcsh-hush"""
SPELLINGS = {
    "as it is": CONFIDENTIAL,
    "JSON": json.dumps(CONFIDENTIAL),
    "JSON without escapes": json.dumps(CONFIDENTIAL, ensure_ascii=False),
    "JSON in JSON": json.dumps(json.dumps({"value": CONFIDENTIAL})),
    "Python": repr(CONFIDENTIAL),
    "HTML": html.escape(CONFIDENTIAL),
    "HTML in HTML": html.escape(html.escape(CONFIDENTIAL)),
    "JSON in HTML": html.escape(json.dumps(CONFIDENTIAL)),
    "a URL": urllib.parse.quote(CONFIDENTIAL),
    "a URL in a URL": urllib.parse.quote(urllib.parse.quote(CONFIDENTIAL)),
    "a form": urllib.parse.quote_plus(CONFIDENTIAL),
    "one line": " ".join(CONFIDENTIAL.split()),
    "capitals": CONFIDENTIAL.upper(),
}


@table("spelling", SPELLINGS)
def test_redact_hides_escaped_values(spelling: str) -> None:
    text = redaction.Redactor({CONFIDENTIAL}).redact(f"not allowed: [{spelling}], says the service")
    assert text.startswith("not allowed: [")
    assert text.endswith(", says the service")
    assert redaction.REDACTED in text
    assert not any(part in text.lower() for part in ("ours", "hush", "sh-h"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Value 'alpha beta ga...' failed", "Value '***' failed"),
        ("Value '...ta gamma' failed", "Value '***' failed"),
        ("Value 'alpha\u2026gamma' failed", "Value '***' failed"),
        ("Value 'alpha beta ga ...' failed", "Value '***' failed"),
        ("Value 'alpha beta ga'... failed", "Value '*** failed"),
        ("Value '... ta gamma' failed", "Value '***' failed"),
        ("near '...lpha beta gamm...' or ...beta...", "near '***' or ...beta..."),
        ("near '...lpha beta gumm...'", "near '...lpha beta gumm...'"),
        *(
            (f"near 'alpha beta ga{cut}'", "near '***'")
            for cut in (
                "..",
                "\u2025",
                "\u22ef",
                "\u3002\u3002\u3002",
                ". . .",
                "[...]",
                "(...)",
                "<\u2026>",
                "\ufe19",
                "[truncated]",
                " [TRUNCATED]",
                "(truncated)",
                "&hellip;",
                "&#8230;",
                "%E2%80%A6",
                "\\u2026",
                "\ufffd...",
                "\ufffd\ufffd \u2026",
            )
        ),
        ("and so on ... al", "and so on ... al"),
        ("too short: al...", "too short: al..."),
        ("no part of it...", "no part of it..."),
        ("alpha beta", "alpha beta"),
    ],
)
def test_redact_hides_cut_values(text: str, expected: str) -> None:
    assert redaction.Redactor({"alpha beta gamma"}).redact(text) == expected


# --- other scripts ----------------------------------------------------------------------------------


@table(
    "text, secrets, expected",
    {
        "a Chinese name": (
            "Value '\u7530\u4e2d' and \u7530\u4e2d\u3055\u3093",
            {"\u7530\u4e2d"},
            "Value '***' and ***\u3055\u3093",
        ),
        "one character, only in quotes": (
            "'\u7530' at \u7530\u4e2d and \u7530",
            {"\u7530"},
            "'***' at \u7530\u4e2d and \u7530",
        ),
        "escaped": ("Value '\\u7530\\u4E2D' or %e7%94%b0%E4%B8%AD", {"\u7530\u4e2d"}, "Value '***' or ***"),
        "a short word of a script with marks": (
            "is '\u0939\u093f\u0928' or \\u0939\\u093f\\u0928",
            {"\u0939\u093f\u0928"},
            "is '***' or ***",
        ),
        "cut at its end": (
            "Value '\u7530\u4e2d\u592a... or \u7530...",
            {"\u7530\u4e2d\u592a\u90ce"},
            "Value '*** or ***",
        ),
        "cut at its beginning": ("Value '...\u592a\u90ce'", {"\u7530\u4e2d\u592a\u90ce"}, "Value '***'"),
        "cut in an escape": (
            "Value '\\u7530\\u4e2d\\u59...', \u2026b0%E4%B8%AD'",
            {"\u7530\u4e2d\u592a\u90ce", "\u592a\u90ce\u7530\u4e2d"},
            "Value '***', ***'",
        ),
        "without its marks, in a script with marks of their own width": (
            "is '\u0939\u0928'",
            {"\u0939\u093f\u0928"},
            "is '***'",
        ),
        "references without semicolons": (
            "is &#1082&#1083;&#X44E or &#x43a &#x43b &#x44e",
            {"\u043a\u043b\u044e"},
            "is *** or &#x43a &#x43b &#x44e",
        ),
        "names without semicolons": ("is caf&eacute au lait", {"caf\u00e9 au lait"}, "is ***"),
        "references with zeros": (
            "is &#00001082;&#0000001083;&#x0000044e;",
            {"\u043a\u043b\u044e"},
            "is ***",
        ),
        "references without semicolons, cut": (
            "is &#1082&#1083&#1102&#1095&#1082&#10... or &#x43a&#x43b&#x44e&#x447&#x43a&#x4 ...",
            {"\u043a\u043b\u044e\u0447\u043a\u043b\u044e\u0447\u0438"},
            "is *** or ***",
        ),
        "long escapes": (
            r"is \u{00043a}\u{43b}\U0000044E and \U0000043a\u{00000043b}\u{44e}",
            {"\u043a\u043b\u044e"},
            "is *** and ***",
        ),
        "a short one of other widths in another case": ("is ab or xAbx", {"\uff21\uff42"}, "is *** or xAbx"),
        "marks as they are typed": ("a Zoe\u0308 b", {"Zo\u00eb"}, "a *** b"),
        "marks as one": ("a Zo\u00eb b", {"Zoe\u0308"}, "a *** b"),
        "marks in capitals": ("a ZO\u00cb b", {"Zo\u00eb"}, "a *** b"),
        "without its marks it is another word": ("a Zoe b", {"Zo\u00eb"}, "a Zoe b"),
        "marks escaped": ("a Zoe\\u0308 b", {"Zo\u00eb"}, "a *** b"),
        "marks at the end": ("Andre\u0301!", {"Andr\u00e9"}, "***!"),
        "capitals of their own": ("is FUSS or fu\u00df", {"Fu\u00df"}, "is *** or ***"),
        "a Turkish i": ("DI\u015e \u0130\u015eLER", {"d\u0131\u015f i\u015fler"}, "***"),
        "full width": ("\uff28\uff35\uff2e\uff34\uff25\uff32\uff12\uff12", {"hunter22"}, "***"),
        "symbols": (
            "a \U0001f525\U0001f525b or \\ud83d\\udd25\\ud83d\\udd25",
            {"\U0001f525\U0001f525"},
            "a ***b or ***",
        ),
        "symbols as bytes": ("x%F0%9F%94%A5y", {"\U0001f525"}, "x***y"),
        "bytes of Python": (r"b'\xe7\x94\xb0\xe4\xb8\xad'", {"\u7530\u4e2d"}, "b'***'"),
        "no code of a region": ("in eu-west-1", {"EU", "\u00cb\u00fc"}, "in eu-west-1"),
        "a form's spaces": ("is a+bc", {"a bc"}, "is ***"),
        "in the words of another": ("Stra\u00dfenbahn", {"Bahn", "Stra\u00dfe"}, "Stra\u00dfenbahn"),
    },
)
def test_redact_in_other_scripts(text: str, secrets: set[str], expected: str) -> None:
    assert redaction.Redactor(secrets).redact(text) == expected


@pytest.mark.parametrize(
    "value", ["\U0001f525\U0001f680\U0001f9ea\U0001f511", "\U00010400\U00010401\U00010402" * 3]
)
@pytest.mark.parametrize("dots", ["...", " \u2026"])
def test_redact_hides_values_that_are_cut_in_a_pair(value: str, dots: str) -> None:
    escaped = json.dumps(value)[1:-1]
    for at in range(36, len(escaped)):
        assert redaction.Redactor({value}).redact(f"is '{escaped[:at]}{dots}'") == "is '***'", at
        assert redaction.Redactor({value}).redact(f"is '{dots.strip()}{escaped[-at:]}'") == "is '***'", at


CHANGES: list[Callable[[str], str]] = [str.upper, str.lower, str.title, str.swapcase, str.casefold]


@untraced
def test_fold_makes_forms_and_cases_of_every_letter_equal() -> None:
    different = []
    for code in range(sys.maxunicode + 1):
        char = chr(code)
        # Ideographs and syllables without a case are many, and all alike.
        is_alike = unicodedata.name(char, "").startswith(("CJK UNIFIED", "TANGUT", "EGYPTIAN", "ANATOLIAN"))
        if unicodedata.category(char)[0] not in "LNM" or (is_alike and code % 64):
            continue
        cases = {char, *(change(f"a{char}b")[1:-1] for change in CHANGES)}
        forms = {unicodedata.normalize(form, each) for form in ("NFC", "NFKD") for each in cases}
        if len({decoding.letters_of(decoding.fold(each)) for each in cases | forms}) > 1:
            different.append(f"{code:04x}")
    assert different == []


def test_not_shown_leaves_out_what_is_open_in_any_spelling() -> None:
    secrets = {"Churn Model", "Zo\u00eb", "other", "***"}
    assert redaction.not_shown(secrets, {"churn-model", "ZOE\u0308", "+++"}) == {"other", "***"}


# --- work -------------------------------------------------------------------------------------------

RANDOM = random.Random(1)  # noqa: S311 - no secret


def _word(letters: str, length: int) -> str:
    return "".join(RANDOM.choices(letters, k=length))


HAN = "".join(map(chr, range(0x4E00, 0x8E00)))
LETTERS = "abcdefghijklmnopqrstuvwxyz"


@table(
    "text, secrets",
    {
        "beginnings of each other": ("a" * 8_000, {"a" * length for length in range(8, 1_400)}),
        "beginnings of each other, interrupted": (
            f"{'a' * 10}z" * 720,
            {"a" * length for length in range(8, 1_400)},
        ),
        "all but the last letter": ("a" * 8_000, {"a" * length + "b" for length in range(8, 1_400)}),
        "cuts": ("aaa..." * 1_333, {"a" * 500 + "b" * length for length in range(8, 1_000)}),
        "cuts in many values": (
            "".join(f"{_word(LETTERS, 3)}..." for _ in range(1_333)),
            {_word(LETTERS, 9) for _ in range(10_000)},
        ),
        "two letters": (
            "".join(f"{_word('ab', 13)}..." for _ in range(500)),
            {_word("ab", 300) for _ in range(2_000)},
        ),
        "tiny values": (
            " ".join(_word(LETTERS, 4) for _ in range(1_600)),
            {_word(LETTERS, 4) for _ in range(20_000)},
        ),
        "similar values": (
            " ".join(f"feature_{number}" for number in range(500)),
            {f"feature_{number}" for number in range(20_000)},
        ),
        "Chinese": (HAN[:8_000], {HAN[at : at + 3] for at in range(16_000)}),
        "a million characters": ("a" * 8_000, {_word(LETTERS, 1_000) for _ in range(1_000)}),
        "quoted values": ("Value '" * 1_142, {"hunter22"}),
        "paths": ("Value ' at '" * 666, {"hunter22"}),
        "open paths": (" at 'hunter22'" * 570, {"hunter22"}),
        "backslashes": ("\\" * 8_000, {"hunter22"}),
        "percent signs": (f"%{'25' * 3_999}", {"hunter22"}),
        "ampersands": (f"&{'amp;' * 1_999}", {"hunter22"}),
        "layers": (f"%{'%32' * 2_600}", {"hunter22"}),
        "ligatures of many letters": ("\ufdfa" * 8_000, {"hunter22"}),
        "middles": (
            "...".join(_word(LETTERS, 13) for _ in range(500)),
            {_word(LETTERS, 1_000) for _ in range(1_000)},
        ),
        "references": ("&#" * 4_000, {"hunter22"}),
        "zeros": (f"&#{'0' * 7_990}", {"hunter22"}),
        "spaced dots": (". " * 4_000, {"hunter22"}),
        "dots": ("." * 8_000, {"hunter22"}),
        "marks": ("a" + "\u0301" * 7_999, {"hunter22"}),
    },
)
@untraced
def test_redact_ends_in_time(text: str, secrets: set[str]) -> None:
    # Of the process, which other work on the machine does not lengthen.
    begin = time.process_time()
    redactor = redaction.Redactor(secrets)
    for _ in range(20):
        redactor.redact(text)
    assert time.process_time() - begin < 5


@table(
    "text, secrets",
    {
        "layers of escapes": (f"is &{'#38;' * 9}amp;", {"hunter22"}),
        "very many letters": ("\ufdfa" * 2_000, {"hunter22"}),
        "values without end": ("is it", {"a" * redaction.MAX_SECRET_BYTES, "b"}),
        "values that grow": ("is it", {"\ufdfa" * (redaction.MAX_SECRET_BYTES // 30)}),
        "very many values": ("is it", {f"{number}" for number in range(redaction.MAX_SECRET_BYTES // 20)}),
    },
)
def test_redact_leaves_out_what_takes_too_much_work(text: str, secrets: set[str]) -> None:
    assert redaction.Redactor(secrets).redact(text) == redaction.UNCHECKED


def test_words_of_ordinary_messages_are_shown() -> None:
    texts = (
        "1 validation error detected: Value 'x' at 'task' failed to satisfy constraint: Member must be",
        "User: arn:aws:iam::1:user/x is not authorized to perform this because no policy allows it",
        "Could not access that: it does not exist. Please ensure that the role exists",
    )
    secrets = {
        "error",
        "not",
        "Value",
        "IS",
        "exist",
        "Role",
        "Policy",
        "failed",
        "action",
        "must",
        "hunter2",
    }
    redactor = redaction.Redactor(redaction.not_shown(secrets, recast.vocabulary()), recast.vocabulary())
    for text in texts:
        assert redactor.redact(f"{text} hunter2") == f"{text} ***"


@untraced
def test_not_shown_ends_in_time() -> None:
    begin = time.process_time()
    for grown in ({"\ufdfa" * 500_000}, {f"{number}" for number in range(redaction.MAX_SECRET_BYTES // 20)}):
        assert redaction.not_shown(grown, {"a"}) == grown
        assert redaction.not_shown({"a"}, {"a", *grown}) == {"a"}
    assert time.process_time() - begin < 2


@untraced
def test_redact_counts_the_work_of_all_texts() -> None:
    redactor = redaction.Redactor({"hunter22"})
    text = "hunter2 " * 100
    shown = [redactor.redact(text) for _ in range(1_000)]
    assert shown[0] == text
    assert shown[-1] == redaction.UNCHECKED


def test_redact_cuts_a_very_long_text() -> None:
    text = redaction.Redactor({"top secret here"}).redact(
        "x" * 7_990 + " it's top secret here" + "y" * 100_000
    )
    assert len(text) < 8_010
    assert "secret" not in text
    assert text.endswith("***")


def test_credentials_in_leaves_out_short_ones() -> None:
    assert redaction.credentials_in(["testing", None, "ASIAIOSFODNN7EXAMPLE"]) == {"ASIAIOSFODNN7EXAMPLE"}
