"""What stands in for libraries in the package, what is left out, and that no shipped module needs more."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path

import pytest

from packager.build import LEFT_OUT, STAND_INS, Package, stand_ins
from packager.sbom import STAND_IN
from sandbox.shared.processes import clean_environment

SOURCES = sorted(each.relative_to(STAND_INS) for each in STAND_INS.rglob("*.py"))

# Imports of what is not in the package, by the beginning of the name, with the reason why none is missed.
ABSENT = {
    "OpenSSL": "in urllib3.contrib.pyopenssl, which botocore tries and does without",
    "StringIO": "of Python 2",
    "awscrt": "AWS's runtime in C, which botocore tries and does without",
    "backports": "a decoder of answers that urllib3 tries and does without",
    "botocore.customizations.useragent": "for other programs to add; botocore tries and does without",
    "brotli": "as backports",
    "brotlicffi": "as backports",
    "compression": "as backports; of Python 3.14",
    "cryptography": "as OpenSSL",
    "dateutil.zoneinfo": "for a time zone that the machine does not know; the API's times name none",
    "idna": "for the name of a host that is not ASCII, which urllib3 then refuses: it has another form, xn--",
    "mypy_boto3_sagemaker": "for type checkers",
    "six.moves": "made by six itself",
    "socks": "in urllib3.contrib.socks, which botocore does not import",
    "typing_extensions": "for type checkers",
    "urllib3.contrib.emscripten": "in a browser only",
}
# The shipped modules that import a stand-in, each read for what it does with it.
IMPORTERS = {
    # Sessions of an event's credentials, in methods that `resource` overrides.
    "boto3": {"cloudformation_cli_python_lib/boto3_proxy.py"},
    # The path of the certificates, for TLS.
    "certifi": {"botocore/httpsession.py"},
    # The targets of hooks, in HookRequestData.
    "requests": {"cloudformation_cli_python_lib/utils.py"},
    # The docstrings of clients and waiters; handlers.py takes what is botocore's own, in utils.py.
    "botocore.docs": {"botocore/client.py", "botocore/handlers.py", "botocore/waiter.py"},
    # `probe`, which is urllib3's own.
    "urllib3.http2": {"urllib3/connection.py"},
}

# Statements that ask a stand-in for more, and what they are refused.
REFUSED = {
    "import boto3; boto3.client('s3')": "boto3.client",
    "from boto3 import resource": "boto3.resource",
    "import boto3.dynamodb.conditions": "boto3.dynamodb",
    "from boto3.session import Session; Session()": "boto3.session.Session",
    "from boto3.session import Session; Session.client": "boto3.session.Session.client",
    "from boto3.session import Session; Session.__new__(Session)": "boto3.session.Session",
    "from boto3.session import Other": "boto3.session.Other",
    "import requests; requests.get('https://example.com')": "requests.get",
    "import requests.exceptions": "requests.exceptions",
    "from requests.adapters import HTTPAdapter; HTTPAdapter(max_retries=1)": "requests.adapters.HTTPAdapter",
    "from requests.adapters import HTTPAdapter; type('Own', (HTTPAdapter,), {'__init__': print})": (
        "requests.adapters.HTTPAdapter"
    ),
    "from boto3 import __version__": "boto3.__version__",
    "import certifi; certifi.contents()": "certifi.contents",
    "import botocore.docs.service": "botocore.docs.service",
    "from botocore.docs import generate_docs": "botocore.docs.generate_docs",
    "from botocore.docs.docstring import Other": "botocore.docs.docstring.Other",
    "import urllib3.http2; urllib3.http2.inject_into_urllib3()": "urllib3.http2.inject_into_urllib3",
    "import urllib3.http2.connection": "urllib3.http2.connection",
    # The support library's own ways to them.
    "from cloudformation_cli_python_lib.boto3_proxy import _get_boto_session as get; "
    "from cloudformation_cli_python_lib.utils import Credentials; get(Credentials('a', 'b', 'c'))": (
        "boto3.session.Session"
    ),
    "from cloudformation_cli_python_lib.utils import HookRequestData; "
    "HookRequestData.deserialize({'payload': 'https://example.com', 'targetName': 'A'})": "requests.Session",
}
RUN = """
import json, sys
answers = {}
for statement in json.loads(sys.argv[1]):
    try:
        exec(statement, {})
    except Exception as error:
        answers[statement] = [type(error).__name__, str(error)]
print(json.dumps(answers))
"""


def run(handlers: Path, code: str, *arguments: str) -> str:
    """What a program prints that has the package alone on its path."""
    command = [sys.executable, "-S", "-c", code, *arguments]
    environment = clean_environment(PYTHONPATH=str(handlers), PYTHONDONTWRITEBYTECODE="1")
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    assert not done.returncode, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def answers(handlers: Path) -> dict[str, list[str]]:
    answers: dict[str, list[str]] = json.loads(run(handlers, RUN, json.dumps([*REFUSED])))
    return answers


@pytest.mark.parametrize("statement", REFUSED)
def test_stand_in_refuses_more_than_it_can_in_words(answers: dict[str, list[str]], statement: str) -> None:
    error, message = answers[statement]
    assert error == "StandInError"
    asked = REFUSED[statement]
    library = next(each for each in stand_ins() if asked.startswith(f"{each}."))
    assert message.startswith(f"{asked} is not in this package: {library}")
    for part in ("is a stand-in here", "never use", "`cfn submit`", "LEFT_OUT in packager/build.py"):
        assert part in message


def test_stand_in_says_why_it_has_no_version(handlers: Path) -> None:
    code = """
import boto3
try:
    boto3.__version__
except AttributeError as error:
    print(error)
"""
    assert run(handlers, code).startswith(
        "boto3.__version__ is not in this package: boto3 is a stand-in here"
    )


@pytest.mark.parametrize("source", SOURCES, ids=str)
def test_stand_in_is_shipped_as_it_is_and_names_itself(handlers: Path, source: Path) -> None:
    text = (STAND_INS / source).read_text()
    assert (handlers / source).read_text() == text
    documentation = ast.get_docstring(ast.parse(text)) or ""
    assert "stand-in" in documentation.partition("\n")[0].lower()


def test_stand_in_of_docstrings_says_that_there_are_none(handlers: Path) -> None:
    code = """
import inspect
from botocore.docs.docstring import ClientMethodDocstring, PaginatorDocstring, WaiterDocstring
def operation(): pass
for cls in (ClientMethodDocstring, PaginatorDocstring, WaiterDocstring):
    operation.__doc__ = cls(None, include_signature=False)
    print(inspect.getdoc(operation))
"""
    assert set(run(handlers, code).splitlines()) == {
        "The documentation of operations is not in this package (a stand-in is)."
    }


def test_stand_in_of_certifi_has_its_certificates(handlers: Path) -> None:
    import certifi

    path = Path(run(handlers, "import certifi; print(certifi.where())").strip())
    assert path == handlers / "certifi" / "cacert.pem"
    assert path.read_bytes() == Path(certifi.where()).read_bytes()


def test_package_has_no_library_that_a_stand_in_replaces(handlers: Path, package: Package) -> None:
    folders = {"boto3", "requests"}
    gone = {"s3transfer", "charset_normalizer", "idna"}
    assert not any((handlers / each).exists() for each in gone)
    shipped = {each.name for each in distributions(path=[str(handlers)])}
    assert shipped.isdisjoint(folders | gone)
    for folder in folders:
        files = {each.relative_to(handlers) for each in (handlers / folder).rglob("*.py")}
        assert files == {each for each in SOURCES if each.parts[0] == folder}
    properties = json.loads(package.bom.read_text())["metadata"]["properties"]
    assert [each["value"] for each in properties if each["name"] == STAND_IN] == stand_ins()


def test_stand_ins_are_of_what_is_left_out() -> None:
    """Where a library is shipped again, its stand-in is not."""
    for each in stand_ins():
        assert any(pattern.startswith(f"{each.replace('.', '/')}/") for pattern in LEFT_OUT), each


# --- what shipped modules import --------------------------------------------------------------------


def imports(root: Path) -> Iterator[tuple[str, str, str]]:
    """The path of each module that is shipped, what it imports, and which name of it, '' for the module."""
    for path in root.rglob("*.py"):
        file = path.relative_to(root)
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                yield from ((file.as_posix(), each.name, "") for each in node.names)
            elif isinstance(node, ast.ImportFrom):
                parent = file.parts[: len(file.parts) - node.level] if node.level else ()
                module = ".".join((*parent, *filter(None, [node.module])))
                yield from ((file.as_posix(), module, each.name) for each in node.names)


def source_of(root: Path, module: str) -> Path | None:
    """The file of a module in the package."""
    path = root.joinpath(*module.split("."))
    return next((each for each in (path.with_suffix(".py"), path / "__init__.py") if each.is_file()), None)


def test_shipped_modules_import_what_is_there_or_known_to_be_absent(handlers: Path) -> None:
    absent = {
        module
        for _, module, _ in imports(handlers)
        if module.partition(".")[0] not in sys.stdlib_module_names and not source_of(handlers, module)
    }
    unknown = {module for module in absent if not any(f"{module}.".startswith(f"{each}.") for each in ABSENT)}
    assert unknown == set()
    unused = {each for each in ABSENT if not any(f"{module}.".startswith(f"{each}.") for module in absent)}
    # Of a newer Python's, so that it is a module there.
    assert unused <= {"compression"}


def test_shipped_modules_import_names_that_stand_ins_have(handlers: Path) -> None:
    importers: dict[str, set[str]] = {each: set() for each in IMPORTERS}
    for file, module, name in imports(handlers):
        for library in stand_ins():
            if f"{module}.".startswith(f"{library}.") and not file.startswith(
                f"{library.replace('.', '/')}/"
            ):
                importers[library].add(file)
                source = source_of(handlers, module)
                assert source, module
                tree = ast.parse(source.read_text())
                names = {each.name for each in tree.body if isinstance(each, ast.ClassDef | ast.FunctionDef)}
                names |= {
                    target.id
                    for each in tree.body
                    if isinstance(each, ast.Assign)
                    for target in each.targets
                    if isinstance(target, ast.Name)
                }
                assert not name or name in names or source_of(handlers, f"{module}.{name}"), (
                    file,
                    module,
                    name,
                )
    assert importers == IMPORTERS
