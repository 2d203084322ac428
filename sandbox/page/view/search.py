"""Search over stacks, resources, outputs, packages and operations, by the texts that the pages show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sandbox.page.addresses import operation_address, package_address

from .operations import identifier, operation, polls_of
from .properties import leaves
from .stacks import address_of
from .texts import count, short, stack_tone, status_tone, title_of

Json = dict[str, Any]
Field = tuple[str, str]

MAX_RESULTS = 50  # of each kind
MAX_MATCHES = 3  # of one result
MAX_CHARACTERS = 200  # of a match


def search_view(
    query: str,
    stacks: Sequence[Mapping[str, Any]],
    packages: Iterable[Mapping[str, Any]],
    events: Sequence[Mapping[str, Any]],
) -> Json:
    """Return what the search page shows: a result has all words of the query, in any of its texts."""
    words = query.lower().split()
    title = title_of(f"{query.strip()}: search" if words else "Search")
    view: Json = {"title": title, "query": query, "words": bool(words), "kinds": [], "total": ""}
    if not words:
        return view
    kinds = [
        _kind("Stacks", "stack", _matching(words, map(_stack, stacks))),
        _kind("Resources", "resource", _matching(words, _resources(stacks))),
        _kind("Packages", "package", _matching(words, map(_package, packages))),
        _kind("Operations", "operation", _matching(words, _operations(events))),
    ]
    number = sum(kind["number"] for kind in kinds)
    total = (
        f"{count(number, 'result')} for {query.strip()}" if number else f"Nothing has {query.strip()} in it."
    )
    return {**view, "kinds": [kind for kind in kinds if kind["results"]], "total": total}


def _kind(heading: str, noun: str, results: Sequence[Json]) -> Json:
    left = len(results) - MAX_RESULTS
    return {
        "heading": heading,
        "number": len(results),
        "count": count(len(results), noun),
        "results": results[:MAX_RESULTS],
        "more": f"{count(left, noun)} more: add a word to the search." if left > 0 else "",
    }


def _matching(words: Sequence[str], entries: Iterable[tuple[Json, list[Field]]]) -> list[Json]:
    """Return the entries in whose fields, names of fields included, all words occur, with those fields."""
    results = []
    for entry, fields in entries:
        texts = [f"{name} {value}".lower() for name, value in fields]
        if not all(any(word in text for text in texts) for word in words):
            continue
        matches = [
            {"name": name, "text": _cut(value, words)}
            for (name, value), text in zip(fields, texts, strict=True)
            if name and any(word in text for word in words)
        ]
        results.append({**entry, "matches": matches[:MAX_MATCHES]})
    return results


def _cut(text: str, words: Sequence[str]) -> str:
    """Return the part of a long text around the first word that is in it."""
    if len(text) <= MAX_CHARACTERS:
        return text
    at = min((at for word in words if (at := text.lower().find(word)) >= 0), default=0)
    start = max(0, min(at - MAX_CHARACTERS // 2, len(text) - MAX_CHARACTERS))
    end = start + MAX_CHARACTERS
    return f"{'…' * (start > 0)}{text[start:end]}{'…' * (end < len(text))}"


def _stack(stack: Mapping[str, Any]) -> tuple[Json, list[Field]]:
    entry = {
        "title": stack["name"],
        "address": address_of(stack),
        "status": stack["status"],
        "tone": stack_tone(stack["status"]),
        "where": "",
    }
    fields = [
        ("", stack["name"]),
        ("", stack["status"]),
        ("Id", stack["id"]),
        ("Description", stack["description"]),
        ("Reason", stack["reason"]),
        *(("Reason", f"{each['resource']}: {each['reason']}") for each in stack["reasons"]),
        *(("Output", each["name"]) for each in stack["outputs"]),
    ]
    return entry, fields


def _resources(stacks: Iterable[Mapping[str, Any]]) -> Iterator[tuple[Json, list[Field]]]:
    for stack in stacks:
        for resource in stack["resources"]:
            entry = {
                "title": resource["logicalId"],
                "address": f"{address_of(stack)}#resources",
                "status": resource["status"],
                "tone": stack_tone(resource["status"]),
                "where": f"in stack {stack['name']}",
            }
            yield (
                entry,
                [
                    ("", resource["logicalId"]),
                    ("", resource["status"]),
                    ("Type", resource["type"]),
                    ("Physical id", resource["physicalId"]),
                    ("Reason", resource["reason"]),
                ],
            )


def _package(package: Mapping[str, Any]) -> tuple[Json, list[Field]]:
    arn = package["ModelPackageArn"]
    entry = {
        "title": short(arn),
        "address": package_address(arn),
        "status": package["ModelPackageStatus"],
        "tone": status_tone(package["ModelPackageStatus"]),
        "where": "",
    }
    return entry, [("", short(arn)), *((" / ".join(path), text) for path, text in leaves(package))]


def _operations(events: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Json, list[Field]]]:
    for key, polls in reversed(polls_of(events).items()):
        shown = operation(key, polls)
        newest = shown["events"][0]
        entry = {
            "title": f"{newest['action']} {newest['subject']}".strip(),
            "address": operation_address(identifier(polls[0])),
            "status": newest["status"],
            "tone": shown["tone"],
            "where": newest["where"],
        }
        fields = [("", entry["title"]), ("", entry["where"]), ("Function", newest["function"])]
        fields += [("Package", newest["arn"]), ("Token", newest["operation"])]
        for event in shown["events"]:
            fields += [("", event["status"]), ("Message", event["message"])]
            fields += [("Call", f"{call['name']} {call['outcome']}") for call in event["calls"]]
        yield entry, fields
