"""Base classes of the rules for model packages: each rule has one id, and is about one thing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from editors.rules._linter import CloudFormationLintRule, RuleMatch
from editors.rules._resource_type import Keys, Topic, path_text
from editors.rules._template import Package, Value, packages

API = "https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_"
CONTAINER = f"{API}ModelPackageContainerDefinition.html"
FUNCTIONS = "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html"


class Rule(CloudFormationLintRule):  # type: ignore[misc] # cfn-lint's classes are not typed for mypy
    """Base of all rules. The first sentence of a rule's docstring is what it reports, the rest why.

    A rule has a message for the paths of properties that are wrong, or are missing.
    """

    source_url = f"{API}CreateModelPackage.html"
    tags = ["resources", "sagemaker"]  # noqa: RUF012 - cfn-lint's own form
    message: str

    def __init_subclass__(cls) -> None:
        """Set the texts that cfn-lint shows."""
        cls.shortdesc, _, cls.description = (cls.__doc__ or "").removesuffix(".").partition(". ")

    def match(self, cfn: Any) -> list[RuleMatch]:
        """The matches in a template; cfn-lint drops those that another scenario of conditions repeats."""
        return [
            RuleMatch(["Resources", logical_id, "Properties", *keys], message)
            for logical_id, package in packages(cfn)
            for keys, message in self._problems(package)
        ]

    def _problems(self, package: Package) -> Iterator[tuple[Keys, str]]:
        for keys in self._paths(package):
            yield keys, f"{path_text(keys)} {self.message}"

    def _paths(self, package: Package) -> Iterable[Keys]:
        raise NotImplementedError


class RefusalRule(Rule):
    """Base of rules for what the handlers refuse, with their messages about one topic."""

    topic: Topic

    def _problems(self, package: Package) -> Iterator[tuple[Keys, str]]:
        for topic, keys, message in package.refusals:
            if topic == self.topic:
                yield keys, message


class ValueRule(Rule):
    """Base of rules about single values, with one message or with the first of several."""

    def _problems(self, package: Package) -> Iterator[tuple[Keys, str]]:
        for value in package.values():
            if message := next(self._messages(value), None):
                yield value.keys, f"{path_text(value.keys)} {message}"

    def _messages(self, value: Value) -> Iterator[str]:
        if self._is_wrong(value):
            yield self.message

    def _is_wrong(self, value: Value) -> bool:
        raise NotImplementedError
