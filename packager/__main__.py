"""Package the type for CloudFormation's registry: `python -m packager`, which is `make package`."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from packager import interpreter
from packager.build import PackageError, build
from packager.project import OURS, ROOT, InvalidTypeNameError, TypeName


def main(arguments: list[str] | None = None) -> int:
    """Build the package, print what it is, and return the exit code: 1 when it cannot be built."""
    parser = argparse.ArgumentParser(prog="python -m packager", description=__doc__)
    parser.add_argument(
        "--type-name",
        metavar="NAME",
        help="register it as this, such as Acme::SageMaker::ModelPackage (a private registry refuses AWS::)",
    )
    parser.add_argument(
        "--no-bytecode", action="store_true", help="smaller by half, and much slower to start in Lambda"
    )
    parser.add_argument(
        "--output", type=Path, metavar="FOLDER", default=ROOT, help="where the package goes (this project)"
    )
    options = parser.parse_args(arguments)
    output = options.output.resolve()
    python = None if options.no_bytecode else interpreter.find()
    if python is None and not options.no_bytecode:
        print(
            f"warning: {interpreter.missing()}. The package has no bytecode, so that Lambda compiles every"
            " module at every cold start",
            file=sys.stderr,
        )
    try:
        type_name = OURS if options.type_name is None else TypeName.registrable(options.type_name)
        project = output / "build" / type_name.hyphenated
        # Nothing is left of a previous build where this one fails.
        for suffix in (".zip", ".zip.sha256", ".cdx.json"):
            (output / type_name.archive).with_suffix(suffix).unlink(missing_ok=True)
        shutil.rmtree(project, ignore_errors=True)
        package = build(project, type_name, python)
    except (InvalidTypeNameError, PackageError) as problem:
        print(problem, file=sys.stderr)
        return 1
    for file in (package.archive, package.checksum, package.bom):
        shutil.copy(file, output / file.name)
    archive = package.archive
    print(f"{archive.name}: {type_name.name}, schema handler package, {archive.stat().st_size:,} bytes")
    print(f"  SHA-256: {package.sha256} (also in {package.checksum.name})")
    print(f"  bill of materials: {package.bom.name}")
    bytecode = f"with bytecode of {package.interpreter}" if package.bytecode else "without bytecode"
    print(f"  handlers for Lambda: {package.handlers_bytes:,} bytes in {package.files} files, {bytecode}")
    print(f"  project it was built from: {project.relative_to(output)}")
    print(f"  upload: aws s3 cp {archive.name} s3://BUCKET/{package.key} (PackageKey of registration.yaml)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
