"""The bill of materials of a package in CycloneDX's JSON: dependencies, versions, hashes, licenses.

It follows from the package alone: it has no time and no serial number, which would differ in every build.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from importlib.metadata import Distribution

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense, License, LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

# The property with the interpreter that compiled the modules: each version writes other bytecode.
INTERPRETER = "bytecode:interpreter"
# One for each module that has the name of a library's and is none of it.
STAND_IN = "stand-in"


def package(name: str, version: str, license_id: str, sha256: str) -> Component:
    """Return the component that a bill of materials is of: an archive with this SHA-256."""
    return Component(
        type=ComponentType.APPLICATION,
        name=name,
        version=version,
        bom_ref=name,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=sha256)],
        licenses=[LicenseFactory().make_from_string(license_id)],
    )


def write(
    component: Component,
    dependencies: Iterable[Distribution],
    wheels: Mapping[str, str],
    interpreter: str,
    stand_ins: Iterable[str],
) -> str:
    """Return the bill of materials of a package with these dependencies.

    `wheels` are the SHA-256 of what each was installed from, by name; `interpreter` is '' for no bytecode;
    `stand_ins` are names of modules.
    """
    properties = [Property(name=INTERPRETER, value=interpreter)] if interpreter else []
    properties += [Property(name=STAND_IN, value=module) for module in stand_ins]
    bom = Bom(metadata=BomMetaData(component=component, properties=properties))
    components = [_component(each, wheels[each.name]) for each in dependencies]
    bom.components.update(components)
    bom.register_dependency(component, components)
    document = json.loads(JsonV1Dot6(bom).output_as_string())
    del document["serialNumber"], document["metadata"]["timestamp"]
    return json.dumps(document, indent=2, sort_keys=True) + "\n"


def _component(dependency: Distribution, sha256: str) -> Component:
    url = PackageURL("pypi", name=dependency.name, version=dependency.version)
    return Component(
        name=dependency.name,
        version=dependency.version,
        bom_ref=url.to_string(),
        purl=url,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=sha256)],
        licenses=_licenses(dependency),
    )


def _licenses(dependency: Distribution) -> list[License]:
    """The declared license: as SPDX names it, or else in the words of the classifiers."""
    metadata = dependency.metadata
    declared = [*metadata.get_all("License-Expression", ()), *metadata.get_all("License", ())]
    made = [LicenseFactory().make_from_string(each) for each in declared[:1]]
    if any(isinstance(each, LicenseExpression) or each.id for each in made):
        return [*made]
    classifiers = [each for each in metadata.get_all("Classifier", ()) if each.startswith("License ::")]
    return [DisjunctiveLicense(name=each.rpartition(" :: ")[2]) for each in classifiers] or [*made]
