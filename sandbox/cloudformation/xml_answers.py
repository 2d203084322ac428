"""Changes the answers of a service of AWS's Query protocol."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any
from xml.etree import ElementTree

Element = ElementTree.Element


class Answer:
    """The result in the answer to one request, as XML that can be changed."""

    def __init__(self, body: bytes, action: str) -> None:
        self._root = ElementTree.fromstring(body)  # noqa: S314 - the engine's own answer
        self._namespace = self._root.tag.rpartition("}")[0] + "}"
        result = self._root.find(f"{self._namespace}{action}Result")
        assert result is not None
        self.result = result

    def __bytes__(self) -> bytes:
        ElementTree.register_namespace("", self._namespace[1:-1])
        return b'<?xml version="1.0" encoding="UTF-8"?>' + ElementTree.tostring(self._root)

    def members(self, element: Element, name: str) -> Iterator[Element]:
        """Return the items of a list in an element; none if it does not have the list."""
        return element.iterfind(f"{self._namespace}{name}/{self._namespace}member")

    def text(self, element: Element, name: str) -> str:
        """Return the text of a member; empty if there is none."""
        return element.findtext(f"{self._namespace}{name}") or ""

    def put(self, element: Element, name: str, value: Any) -> None:
        """Add a member in place of the one of that name; None only takes that one away."""
        self.drop(element, [name])
        if value is not None:
            self._write(ElementTree.SubElement(element, f"{self._namespace}{name}"), value)

    def drop(self, element: Element, names: Collection[str], *, empty: bool = False) -> None:
        """Take members away; with `empty`, those only that have neither a text nor members."""
        for child in list(element):
            is_kept = empty and (len(child) or child.text)
            if child.tag.removeprefix(self._namespace) in names and not is_kept:
                element.remove(child)

    def _write(self, element: Element, value: Any) -> None:
        if isinstance(value, dict):
            for name, each in value.items():
                self.put(element, name, each)
        elif isinstance(value, list):
            for each in value:
                self._write(ElementTree.SubElement(element, f"{self._namespace}member"), each)
        else:
            element.text = str(value).lower() if isinstance(value, bool) else str(value)
