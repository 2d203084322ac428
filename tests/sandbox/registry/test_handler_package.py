"""What the registry checks of a schema handler package, and that nothing is left of one that it refuses."""

from __future__ import annotations

import json
import random
import re
import stat
import struct
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from sandbox.registry import package as checks
from sandbox.registry.package import MAX_SCHEMA_BYTES, PackageError, remove, type_name_of, unpack
from tests.sandbox.helpers import cases
from tests.sandbox.registry.packages import TYPE, package_of, schema, settings, zipped

CODE = "def resource(event, context):\n    return {}\n"
PROTOCOL = "Current version is no longer supported. Please upgrade to CFN-CLI 2.0 following the guide: "
DEEP = 100_000


def reason(data: bytes, folder: Path, type_name: str = TYPE) -> str:
    """Return why a package is refused; after what `PackageHost` does then nothing is left of it."""
    with pytest.raises(PackageError) as refused:
        unpack(data, type_name, folder / "code")
    remove(folder / "code")
    assert list(folder.iterdir()) == []
    text = str(refused.value)
    assert text
    assert "Traceback" not in text
    assert str(folder) not in text
    return text


def entry(name: str, content: bytes = b"x", *, mode: int = 0, flags: int = 0) -> bytes:
    """A zip with one entry, whose name is as given: the writer would make some harmless."""
    data = BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        info = zipfile.ZipInfo("placeholder")
        info.external_attr = mode << 16
        archive.writestr(info, content)
        info.filename = info.orig_filename = name
        info.flag_bits |= flags
    return data.getvalue()


def packed(method: int) -> bytes:
    """A zip of one module, compressed by a method."""
    data = BytesIO()
    with zipfile.ZipFile(data, "w", method) as archive:
        archive.writestr("thing.py", CODE)
    return data.getvalue()


def nested(open_part: str, close_part: str) -> str:
    return open_part * DEEP + close_part * DEEP


def test_unpack_takes_what_the_registry_needs(tmp_path: Path) -> None:
    members = {
        "thing.py": CODE,
        "inner/data.txt": "text",
        "empty/": "",
        "./dot.py": "",
        "Inner/x": "other case",
    }
    made = unpack(package_of(members), TYPE, tmp_path / "code")
    assert (made.entry_point, made.schema["typeName"], made.code) == (
        "thing.resource",
        TYPE,
        tmp_path / "code",
    )
    assert made.schema_text == json.dumps(schema())
    code = tmp_path / "code"
    assert (code / "thing.py").read_text() == CODE
    assert sorted(str(path.relative_to(code)) for path in code.rglob("*")) == [
        *("Inner", "Inner/x", "dot.py", "empty", "inner", "inner/data.txt", "thing.py")
    ]
    assert stat.S_IMODE(code.stat().st_mode) == 0o700
    function = made.function("it", "eu-west-1")
    assert (function.name, function.region, function.handler) == ("it", "eu-west-1", "thing.resource")
    assert "eu-west-1" in function.arn


def test_unpack_keeps_files_executable(tmp_path: Path) -> None:
    data = BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, mode in (("tool", 0o755), ("mine", 0o4700), ("text", 0o4644), ("unset", 0)):
            info = zipfile.ZipInfo(name)
            info.external_attr = (stat.S_IFREG | mode) << 16
            archive.writestr(info, "")
    code = unpack(package_of(data.getvalue()), TYPE, tmp_path / "code").code
    executable = {path.name for path in code.iterdir() if path.stat().st_mode & 0o111}
    assert executable == {"tool", "mine"}
    assert not [path for path in code.iterdir() if path.stat().st_mode & 0o7000]


def test_unpack_takes_references_to_rules(tmp_path: Path) -> None:
    inner = {"type": "array", "items": {"type": "object", "properties": {"type": {"type": "string"}}}}
    references = ("#/definitions/Inner/items/properties/type", "#/properties/Name", "#/definitions/Inner")
    definitions = {f"A{number}": {"$ref": each} for number, each in enumerate(references)}
    data = package_of(CODE, definitions={"Inner": inner, **definitions})
    assert unpack(data, TYPE, tmp_path / "code").schema["definitions"]["A0"] == {"$ref": references[0]}


def test_unpack_takes_paths_as_long_as_they_may_be(tmp_path: Path) -> None:
    unpack(package_of({"a/" * 63 + "x": "", f"{'x' * 250}/" * 4 + "y" * 20: ""}), TYPE, tmp_path / "code")
    remove(tmp_path / "code")
    assert list(tmp_path.iterdir()) == []


def test_remove_leaves_what_is_too_deep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def rmtree(*_: Any, **__: Any) -> None:
        raise RecursionError

    monkeypatch.setattr("sandbox.registry.package.shutil.rmtree", rmtree)
    remove(tmp_path)


def test_unpack_does_without_names_that_the_registry_does_not_need(tmp_path: Path) -> None:
    config = {
        "runtime": "python3.9",
        "entrypoint": "thing.resource",
        "settings": {"protocolVersion": "2.0.0"},
    }
    assert unpack(package_of(CODE, config=config), TYPE, tmp_path / "code").entry_point == "thing.resource"


@cases(
    "data, expected",
    {
        "nothing": (b"", "The schema handler package is not a zip file: "),
        "text": (b"no zip at all", "The schema handler package is not a zip file: "),
        "an empty zip": (zipped({}), "The package has no .rpdk-config at its top: build it with `cfn submit"),
        "a folder around it": (
            zipped({"top/.rpdk-config": "{}", "top/schema.json": "{}"}),
            "The package has no .rpdk-config at its top",
        ),
        "no schema": (zipped({".rpdk-config": "{}"}), "The package has no schema.json at its top"),
        "no handlers": (
            zipped({".rpdk-config": json.dumps(settings()), "schema.json": json.dumps(schema())}),
            "The package has no ResourceProvider.zip at its top",
        ),
        "handlers that are no zip": (package_of(b"x"), "ResourceProvider.zip is not a zip file: "),
        "settings that are no JSON": (package_of(CODE, config="{"), ".rpdk-config is not JSON: "),
        "settings that are a list": (package_of(CODE, config="[]"), ".rpdk-config is not a JSON object"),
        "settings without end": (package_of(CODE, config=nested("[", "]")), ".rpdk-config is not JSON: "),
        "a schema that is no JSON": (package_of(CODE, definition="{,}"), "schema.json is not JSON: "),
        "a schema in another encoding": (
            package_of(CODE, definition=b"\xff\xfe{}"),
            "schema.json is not JSON: ",
        ),
        "a schema that is a text": (package_of(CODE, definition='"x"'), "schema.json is not a JSON object"),
        "a schema without end": (package_of(CODE, definition=nested("[", "]")), "schema.json is not JSON: "),
        "a huge schema": (
            package_of(CODE, description="x" * MAX_SCHEMA_BYTES),
            "schema.json is too large: at most 1 MiB are taken, unpacked",
        ),
    },
)
def test_unpack_refuses_what_is_no_package(tmp_path: Path, data: bytes, expected: str) -> None:
    assert reason(data, tmp_path).startswith(expected)


@cases(
    "members, expected",
    {
        "no description": ({"description": None}, "/: 'description' is a required property"),
        "no properties": ({"properties": None}, "/: 'properties' is a required property"),
        "no identifier": ({"primaryIdentifier": None}, "/: 'primaryIdentifier' is a required property"),
        "additional properties": ({"additionalProperties": None}, "'additionalProperties' is a required"),
        "an unknown member": ({"colour": "red"}, "/: 'colour' does not match any of the regexes"),
        "a handler without permissions": ({"handlers": {"create": {}}}, "/handlers/create: 'permissions' is"),
        "a handler's": (
            {"definitions": {"A": {"$ref": "#/handlers/create"}}},
            "/definitions/A: $ref #/handlers/create leads to no definition and no property",
        ),
        "a text": (
            {"definitions": {"A": {"$ref": "#/description"}}},
            "/definitions/A: $ref #/description leads to no definition and no property",
        ),
        "a property's description": (
            {
                "properties": {"Name": {"type": "string", "description": "x"}},
                "definitions": {"A": {"$ref": "#/properties/Name/description"}},
            },
            "$ref #/properties/Name/description leads to no definition and no property",
        ),
        "all definitions": (
            {"definitions": {"A": {"$ref": "#/definitions"}}},
            "/definitions/A: $ref #/definitions leads to no definition and no property",
        ),
        "another document": (
            {"definitions": {"A": {"$ref": "https://schemas.example/a.json"}}},
            "/definitions/A: $ref leads out of the schema",
        ),
        "a file": (
            {"definitions": {"A": {"$ref": "file:///etc/passwd"}}},
            "/definitions/A: $ref leads out of the schema",
        ),
        "a file beside it": (
            {"definitions": {"A": {"$ref": "other.json#/A"}}},
            "/definitions/A: $ref leads out of the schema",
        ),
        "nothing": (
            {"definitions": {"A": {"$ref": "#/definitions/B"}}},
            "/definitions/A: $ref #/definitions/B leads to nothing",
        ),
        "itself": (
            {"definitions": {"A": {"$ref": "#/definitions/B"}, "B": {"$ref": "#/definitions/A"}}},
            "/definitions/A: $ref #/definitions/B leads back to itself",
        ),
        "a part that is another document": (
            {"definitions": {"A": {"$id": "https://schemas.example/a.json", "type": "string"}}},
            "/definitions/A: $id makes another document of a part of the schema",
        ),
    },
)
def test_unpack_refuses_a_schema(tmp_path: Path, members: dict[str, Any], expected: str) -> None:
    text = reason(package_of(CODE, **members), tmp_path)
    assert text.startswith("Error validating schema definition: ")
    assert expected in text


def test_unpack_counts_the_problems_of_a_schema(tmp_path: Path) -> None:
    unknown = {f"unknown{number}": {"$ref": "elsewhere"} for number in range(9)}
    text = reason(package_of(CODE, definitions=unknown), tmp_path)
    assert text.endswith("(and 4 more)")
    assert len(text) < 1024


@pytest.mark.parametrize("depth", [50, 2_000])
def test_unpack_ends_with_a_deep_schema(tmp_path: Path, depth: int) -> None:
    level = '{"type": "object", "additionalProperties": false, "properties": {"A": '
    deep = level * depth + '{"type": "string"}' + "}}" * depth
    text = json.dumps(schema(definitions={"Deep": 0})).replace('"Deep": 0', f'"Deep": {deep}')
    data = package_of(CODE, definition=text)
    if depth < 100:
        unpack(data, TYPE, tmp_path / "code")
    else:
        assert re.search("nested too deeply|is not JSON", reason(data, tmp_path))


@cases(
    "config, expected",
    {
        "another type": (
            settings("Acme::Test::Other"),
            f"The type name {TYPE} of the request is not that of .rpdk-config, Acme::Test::Other",
        ),
        "no protocol": (settings(settings={}), PROTOCOL),
        "no settings": (settings(settings=None), PROTOCOL),
        "settings that are none": (settings(settings="2.0.0"), PROTOCOL),
        "an old protocol": (settings(settings={"protocolVersion": "1.0.0"}), PROTOCOL),
        "java": (settings(runtime="java17"), "Handlers of the runtime java17 do not run on this machine"),
        "go": (settings(runtime="provided.al2"), "Handlers of the runtime provided.al2 do not run on this"),
        "no runtime": (settings(runtime=None), "Handlers of the runtime None do not run on this machine"),
        "a runtime in a list": (settings(runtime=["python3.12"]), "Handlers of the runtime ['python3.12'] "),
        "no entry point": (settings(entrypoint=None), ".rpdk-config has no entrypoint of the form module."),
        "no module": (settings(entrypoint="resource"), ".rpdk-config has no entrypoint of the form module."),
        "an option": (settings(entrypoint="-c.x"), ".rpdk-config has no entrypoint of the form module."),
        "a path": (settings(entrypoint="../thing.resource"), ".rpdk-config has no entrypoint of the form"),
    },
)
def test_unpack_refuses_settings(tmp_path: Path, config: Any, expected: str) -> None:
    assert reason(package_of(CODE, config=config), tmp_path).startswith(expected)


@pytest.mark.parametrize("name", ["my-handler.resource", "inner/thing.resource", "a.b-c/d.e"])
def test_unpack_takes_lambdas_entry_points(tmp_path: Path, name: str) -> None:
    made = unpack(package_of(CODE, config=settings(entrypoint=name)), TYPE, tmp_path / "code")
    assert made.entry_point == name


def test_unpack_refuses_another_types_schema(tmp_path: Path) -> None:
    other = package_of(CODE, type_name="Acme::Test::Other")
    expected = f"The type name {TYPE} of the request is not that of the schema, Acme::Test::Other"
    assert reason(other, tmp_path) == expected


@pytest.mark.parametrize(
    "name",
    [
        *("/etc/cron.d/evil", "//server/share", "../evil", "inner/../../evil", "..", "inner/.."),
        *("..\\evil", "inner\\..\\evil", "\\evil", "C:/evil", "C:evil", ".", "./"),
    ],
)
def test_unpack_refuses_entries_that_lead_out(tmp_path: Path, name: str) -> None:
    outside = set(tmp_path.parent.iterdir())
    text = reason(package_of(entry(name)), tmp_path)
    assert text == f"{name!r} in ResourceProvider.zip leads out of the package"
    assert set(tmp_path.parent.iterdir()) == outside


@cases(
    "handlers, expected",
    {
        "a link": (
            entry("link", b"/etc/passwd", mode=stat.S_IFLNK | 0o777),
            "'link' in ResourceProvider.zip is a link; packages have files only",
        ),
        "an encrypted entry": (entry("secret", flags=1), "secret cannot be unpacked: "),
        "a long name": (entry("x" * 300), "'" + "x" * 300 + "' in ResourceProvider.zip cannot be unpacked: "),
        "bzip2": (packed(zipfile.ZIP_BZIP2), "thing.py is compressed by another method than Deflate"),
        "LZMA": (packed(zipfile.ZIP_LZMA), "thing.py is compressed by another method than Deflate"),
        "a deep folder": (
            zipped({"a/" * 65: ""}),
            f"{'a/' * 65!r} in ResourceProvider.zip is nested too dee",
        ),
        "a long path": (
            zipped({f"{'x' * 250}/" * 4 + "y" * 21: ""}),
            f"{'x' * 200!r} in ResourceProvider.zip is nested too deeply or too long: at most 64 names",
        ),
        "a file for a folder": (
            zipped({"a": "x", "a/b": "x"}),
            "'a/b' in ResourceProvider.zip cannot be unpacked: ",
        ),
    },
)
def test_unpack_refuses_an_entry(tmp_path: Path, handlers: bytes, expected: str) -> None:
    assert reason(package_of(handlers), tmp_path).startswith(expected)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_unpack_refuses_names_that_are_there_twice(tmp_path: Path) -> None:
    data = BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("thing.py", CODE)
        archive.writestr("thing.py", "raise SystemExit")
    text = reason(package_of(data.getvalue()), tmp_path)
    assert text == "ResourceProvider.zip has more than one entry 'thing.py'"


def test_unpack_refuses_what_is_too_large_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "MAX_UNPACKED_BYTES", 3 * 2**20)
    megabyte = b"\0" * 2**20
    fits = package_of({f"{number}.bin": megabyte for number in range(3)})
    unpack(fits, TYPE, tmp_path / "fits")
    remove(tmp_path / "fits")
    text = reason(package_of({f"{number}.bin": megabyte for number in range(4)}), tmp_path)
    assert text == "3.bin is too large: at most 3 MiB are taken, unpacked"
    assert reason(package_of({"bomb": megabyte * 50}), tmp_path).startswith("bomb is too large: ")


def test_unpack_does_not_believe_sizes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "MAX_UNPACKED_BYTES", 2**20)
    bomb = bytearray(zipped({"bomb": b"\0" * 50 * 2**20}))
    true, lie = struct.pack("<L", 50 * 2**20), struct.pack("<L", 10)
    assert bomb.count(true) == 2  # beside the entry, and in the directory
    text = reason(package_of(bytes(bomb).replace(true, lie)), tmp_path)
    assert text.startswith("bomb ")


def test_unpack_refuses_too_many_entries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "MAX_ENTRIES", 10)
    text = reason(package_of({f"{number}.py": "" for number in range(11)}), tmp_path)
    assert text == "ResourceProvider.zip has 11 entries; at most 10 are taken"


def test_unpack_counts_entries_before_it_reads_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "MAX_ENTRIES", 10)
    read: list[int] = []
    archive = zipfile.ZipFile

    def watched(data: BytesIO) -> zipfile.ZipFile:
        made = archive(data)
        read.append(len(made.infolist()))
        return made

    handlers = zipped({f"{number}.py": "" for number in range(11)})
    package = package_of(handlers)
    monkeypatch.setattr("sandbox.registry.package.zipfile.ZipFile", watched)
    reason(package, tmp_path)
    assert read == [3]  # the package's own


@pytest.mark.parametrize("where", ["package", "handlers"])
def test_unpack_ends_in_words_whatever_is_damaged(tmp_path: Path, where: str) -> None:
    draw = random.Random(15)  # noqa: S311 - the same damages each time
    whole = package_of(CODE) if where == "package" else zipped({"thing.py": CODE, "a/b.txt": "text" * 100})
    reasons: list[str] = []
    for number in range(400):
        data = bytearray(whole)
        for _ in range(draw.randint(1, 4)):
            data[draw.randrange(len(data))] = draw.randrange(256)
        del data[draw.choice([len(data), len(data), draw.randrange(len(data))]) :]
        damaged = bytes(data) if where == "package" else package_of(bytes(data))
        try:
            unpack(damaged, TYPE, tmp_path / str(number))
        except PackageError as problem:
            reasons.append(str(problem))
        remove(tmp_path / str(number))
    assert len(reasons) > 100
    assert not [text for text in reasons if not text or str(tmp_path) in text]
    assert list(tmp_path.iterdir()) == []


def test_type_name_of_reads_the_schema() -> None:
    assert type_name_of(package_of(CODE)) == TYPE


@pytest.mark.parametrize(
    "name", [None, 5, "Thing", "Acme::Thing", "../../x::y::z", "Acme::Test::Thing::MODULE"]
)
def test_type_name_of_refuses_other_names(name: Any) -> None:
    data = package_of(CODE, definition={"typeName": name})
    with pytest.raises(
        PackageError, match=r"schema\.json has no typeName of the form Organization::Service::R"
    ):
        type_name_of(data)
