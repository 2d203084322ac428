"""The pages of stacks, packages, operations, comparisons and searches, each at an address of its own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from sandbox.page import PageServer
from sandbox.shared.credentials import Access, Credentials
from tests.page.states import (
    ARN,
    SECRET,
    STACK_ID,
    Source,
    StoredDetails,
    described,
    detailed,
    details,
    event,
    failed,
    resource,
    source,
    stack,
)
from tests.sandbox.test_page_server import Markup, get, poll_often

__all__ = ["detailed", "details", "poll_often", "source"]  # fixtures

PAGES = (
    "/",
    "/stacks",
    "/stacks/shop",
    "/stacks/shop/11111111-2222",
    "/packages/churn/1",
    f"/packages/{ARN}/churn/1",
    "/compare",
    "/compare?left=churn/1&right=churn/1",
    "/operations/token",
    "/search",
    "/search?q=churn",
)


def texts_of(server: PageServer, path: str, status: int = 200) -> list[str]:
    """The texts of the page at an address."""
    answered, _, body = get(server, path)
    assert answered == status, body
    return Markup(body).texts


@pytest.mark.parametrize("path", PAGES)
def test_page_is_whole_and_safe(detailed: PageServer, path: str) -> None:
    status, headers, body = get(detailed, path)
    page = Markup(body)
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert headers["Cache-Control"] == "no-store"
    assert SECRET not in body
    assert [tag for tag, _ in page.tags].count("h1") == 1
    assert [attrs for tag, attrs in page.tags if tag == "script" and not attrs.get("src")] == []
    names = {name for _, attrs in page.tags for name in attrs}
    assert not [name for name in names if name == "style" or name.startswith("on")]
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    for value in page.values("href", "action"):
        if value and value[0] != "#":
            assert get(detailed, value.partition("#")[0])[0] == 200


@pytest.mark.parametrize("path", PAGES)
def test_page_unchanged_is_not_sent_again(detailed: PageServer, details: StoredDetails, path: str) -> None:
    tag = get(detailed, path)[1]["ETag"]
    assert get(detailed, path, {"If-None-Match": tag})[0] == 304
    if path.startswith(("/packages", "/compare?")):
        details.described[0]["ModelApprovalStatus"] = "Approved"
        assert get(detailed, path, {"If-None-Match": tag})[0] == 200


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/nothing", "There is nothing at /nothing."),
        ("/packages/churn/7", "There is no package churn/7."),
        ("/compare?left=churn/1&right=churn/7", "There is no package churn/7."),
        ("/stacks/other", "There is no stack other. Stacks in this sandbox: shop."),
        ("/stacks/shop/other", "There is no stack shop. Stacks in this sandbox: shop."),
        ("/operations/other", "There is no operation with the token other."),
    ],
)
def test_page_says_what_is_missing(detailed: PageServer, path: str, text: str) -> None:
    assert text in " ".join(texts_of(detailed, path, 404))


def test_page_says_why_there_is_no_stack(detailed: PageServer, details: StoredDetails) -> None:
    details.known = {"stacks": [], "deleted": [], "problem": "CloudFormation has not answered yet."}
    assert "CloudFormation has not answered yet." in " ".join(texts_of(detailed, "/stacks/shop", 404))
    assert "CloudFormation has not answered yet." in texts_of(detailed, "/")
    assert "CloudFormation has not answered yet." in texts_of(detailed, "/stacks")


def test_page_says_that_the_source_failed(detailed: PageServer, source: Source) -> None:
    source.problem = ConnectionRefusedError(111, "Connection refused")
    for path in ("/", "/packages/churn/1", "/operations/token", "/search?q=a"):
        assert "Connection refused" in " ".join(texts_of(detailed, path, 503))


# --- the token ---------------------------------------------------------------------------------------


@pytest.fixture
def guarded(source: Source, details: StoredDetails) -> Iterator[tuple[PageServer, str]]:
    """The page as `start` serves it, and its token."""
    credentials = Credentials.new()
    with PageServer(source, access=Access(credentials), details=details) as server:
        yield server, credentials.page_token


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/?token={}", "/"),
        ("/stacks/shop?token={}", "/stacks/shop"),
        ("/packages/churn/1?token={}", "/packages/churn/1"),
        ("/search?q=a+%26b&token={}", "/search?q=a+%26b"),
        ("/search?token={}&q=%C3%A9", "/search?q=%C3%A9"),
        ("/compare?left=churn/1&token={}&right=churn/2", "/compare?left=churn%2F1&right=churn%2F2"),
        ("/stacks/a%20b%3F?token={}", "/stacks/a%20b%3F"),
        ("//evil.example/?token={}", "/evil.example/"),
        ("///evil.example?token={}", "/evil.example"),
        ("/%5Cevil.example?token={}", "/%5Cevil.example"),
        ("/%2Fevil.example?token={}", "/evil.example"),
    ],
)
def test_token_leads_to_the_address_that_was_opened(
    guarded: tuple[PageServer, str], path: str, location: str
) -> None:
    server, token = guarded
    status, headers, _ = get(server, path.format(token))
    assert (status, headers["Location"]) == (302, location)
    assert token in headers["Set-Cookie"]


# --- a stack -----------------------------------------------------------------------------------------


def test_stack_page_links_to_packages_and_nested_stacks(detailed: PageServer, details: StoredDetails) -> None:
    child = stack("shop-Inner", id=f"{STACK_ID}/shop-Inner/9", parent=stack()["id"], resources=[])
    nested = resource(logicalId="Inner", physicalId=child["id"], type="AWS::CloudFormation::Stack")
    details.known["stacks"] = [stack(resources=[resource(), nested]), child]
    page = Markup(get(detailed, "/stacks/shop")[2])
    links = page.values("href")
    assert {"/packages/churn/1", "/stacks/shop-Inner"} <= set(links)
    for text in ("CREATE_COMPLETE", "Package churn/1", "Stack shop-Inner", "exported as churn-arn", "of it"):
        assert text in page.texts
    assert "/stacks/shop" in Markup(get(detailed, "/stacks/shop-Inner")[2]).values("href")
    assert "nested in shop" in texts_of(detailed, "/")


def test_stack_page_shows_the_handlers_message_and_links_to_its_operation(
    detailed: PageServer, details: StoredDetails
) -> None:
    text = (
        'Resource handler returned message: "no ping" (RequestToken: token, HandlerErrorCode: NotStabilized)'
    )
    reason = {"resource": "Version", "status": "CREATE_FAILED", "reason": text, "time": 1.0}
    details.known["stacks"] = [stack(status="ROLLBACK_COMPLETE", reasons=[reason], outputs=[], resources=[])]
    page = Markup(get(detailed, "/stacks/shop")[2])
    assert {"NotStabilized: no ping", "ROLLBACK_COMPLETE"} <= set(page.texts)
    assert "/operations/token" in page.values("href")
    assert "Version: NotStabilized: no ping" in texts_of(detailed, "/")


def test_stack_page_has_the_operations_of_its_own_stack_only(
    detailed: PageServer, details: StoredDetails, source: Source
) -> None:
    gone = stack("shop", id=f"{STACK_ID}/shop/0", status="DELETE_COMPLETE", deleted=2.0, outputs=[])
    details.known["deleted"] = [gone]
    details.of_stacks[gone["id"]] = [event(id="7", operation="earlier")]
    source.state["events"] = []  # those of the newest events are of others
    for path, own, other in (
        ("/stacks/shop", "token", "earlier"),
        ("/stacks/shop/0", "earlier", "token"),
    ):
        links = Markup(get(detailed, path)[2]).values("href")
        assert (f"/operations/{own}" in links, f"/operations/{other}" in links) == (True, False)


def test_pages_say_that_the_stacks_may_be_old(detailed: PageServer, details: StoredDetails) -> None:
    details.known["problem"] = "CloudFormation did not answer: gone"
    for path in ("/", "/stacks", "/stacks/shop", "/packages/churn/1", "/search?q=a"):
        assert "CloudFormation did not answer: gone" in " ".join(texts_of(detailed, path))
    details.known["stacks"] = []
    assert "not known" in " ".join(texts_of(detailed, "/packages/churn/1"))


def test_stack_page_hides_outputs_with_secrets(detailed: PageServer, details: StoredDetails) -> None:
    hidden = {"name": "Password", "value": "(NoEcho)", "description": "", "export": "", "isHidden": True}
    details.known["stacks"][0]["outputs"].append(hidden)
    page = Markup(get(detailed, "/stacks/shop")[2])
    assert "(NoEcho)" in page.texts
    assert "(NoEcho)" not in page.values("data-copy")


def test_stack_page_of_a_deleted_stack(detailed: PageServer, details: StoredDetails) -> None:
    gone = stack("gone", status="DELETE_COMPLETE", deleted=2.0, outputs=[])
    details.known["deleted"] = [gone]
    assert "/stacks/gone/11111111-2222" in Markup(get(detailed, "/stacks")[2]).values("href")
    for path in ("/stacks/gone", "/stacks/gone/11111111-2222"):
        assert "This stack has been deleted." in texts_of(detailed, path)
    assert details.wanted == [gone["id"]] * 2  # whose resources are not read before
    assert "1 deleted stack" in texts_of(detailed, "/")


# --- a package ---------------------------------------------------------------------------------------


def test_package_page_shows_every_property_but_confidential_values(
    detailed: PageServer, details: StoredDetails
) -> None:
    details.described = [
        described(
            1,
            ModelPackageStatus="Failed",
            ModelPackageStatusDetails={
                "ValidationStatuses": [{"Name": "smoke", "Status": "Failed", "FailureReason": "no ping"}],
                "ImageScanStatuses": [],
            },
            CertifyForMarketplace=False,
            Task="7",
            Tags=[{"Key": "team", "Value": "risk"}],
        ),
        described(2),
    ]
    page = Markup(get(detailed, "/packages/churn/1")[2])
    texts = page.texts
    for text in (
        "registry/churn:1",
        "text/csv",
        "(string)",
        "(JSON object)",
        "Draft",
        "owner",
        "KEY",
        "no ping",
    ):
        assert text in texts
    for text, kind in (("false", "boolean"), ("7", "string"), ("1", "number")):
        assert texts[texts.index(text, texts.index("Properties")) + 1] == kind or kind == "number"
    assert {"team", "risk"} <= set(texts)
    links = set(page.values("href"))
    assert {"/stacks/shop", "/operations/token", "/compare?left=churn/1&right=churn/2"} <= links


def test_no_page_quotes_confidential_values_in_reasons_of_failures(
    detailed: PageServer, details: StoredDetails
) -> None:
    reason = f"the container ended: KEY={SECRET}, after 3 s"
    failed_scan = {"Name": "smoke", "Status": "Failed", "FailureReason": reason}
    status = {"ValidationStatuses": [failed_scan], "ImageScanStatuses": [failed_scan]}
    details.described = [described(1, ModelPackageStatusDetails=status), described(2)]
    for path in ("/packages/churn/1", "/compare?left=churn/1&right=churn/2", "/search?q=container"):
        body = get(detailed, path)[2]
        assert "the container ended" in body
        assert SECRET not in body
    assert f"Nothing has {SECRET} in it." in texts_of(detailed, f"/search?q={SECRET}")


def test_pages_offer_no_comparison_without_another_package(
    detailed: PageServer, details: StoredDetails
) -> None:
    assert "There is no other package." in texts_of(detailed, "/packages/churn/1")
    assert "<select" not in get(detailed, "/packages/churn/1")[2]
    details.described = []
    assert "There is no package to compare." in texts_of(detailed, "/compare")
    assert "<select" not in get(detailed, "/compare")[2]


def test_package_page_compares_with_the_versions_beside_it(
    detailed: PageServer, details: StoredDetails
) -> None:
    details.described = [described(number) for number in (1, 2, 4, 10, 11)]
    page = Markup(get(detailed, "/packages/churn/4")[2])
    links = [each for each in page.values("href") if "?" in each]
    assert links == ["/compare?left=churn/2&right=churn/4", "/compare?left=churn/4&right=churn/10"]
    others = [f"churn/{number}" for number in (11, 10, 2, 1)]
    assert page.values("value") == ["", "churn/4", *others]  # the first one is the search's


# --- an operation ------------------------------------------------------------------------------------


def test_operation_page_has_all_polls_and_calls(detailed: PageServer, source: Source) -> None:
    waiting = {"status": "IN_PROGRESS", "callbackDelaySeconds": 2}
    source.state["events"] = [
        event(id="1", **waiting),
        event(id="2", callback=True, **waiting),
        failed(id="3", callback=True),
        event(id="4", operation="another"),
    ]
    texts = texts_of(detailed, "/operations/token")
    polls = list(dict.fromkeys(text for text in texts if re.fullmatch("poll [0-9]+", text)))
    assert polls == ["poll 1", "poll 2", "poll 3"]
    assert {"failed: NotStabilized", "validation profile smoke-test: no", "3 polls, 3 calls"} <= set(texts)
    # In the list of polls, in the waterfall's three drawings and in its table.
    assert texts.count("CreateModelPackage") == 3 * 5


def test_operation_page_has_each_operation_with_the_token(detailed: PageServer, source: Source) -> None:
    source.state["events"] = [event(id="1"), event(id="2", logicalId="Other", stack="a/b?")]
    texts = texts_of(detailed, "/operations/token")
    headings = [text for text in texts if text.startswith("CREATE ") and "·" not in text]
    assert headings == ["CREATE Version", "CREATE Other"]


@pytest.mark.parametrize("token", ["a/b", "a b?c#d", "é", ".", "..", "a%2Fb", "/a", "a//b", "../../a", "a/"])
def test_operation_address_of_any_token(detailed: PageServer, source: Source, token: str) -> None:
    source.state["events"] = [event(operation=token)]
    links = [each for each in Markup(get(detailed, "/")[2]).values("href") if each.startswith("/operations/")]
    assert links[0].rpartition("/")[2] not in (".", "..")  # which browsers take for another address
    assert token in texts_of(detailed, links[0])


# --- the search --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "address"),
    [
        ("shop create_complete", "/stacks/shop"),
        ("arn output", "/stacks/shop"),
        ("version aws::sagemaker::modelpackage", "/stacks/shop#resources"),
        ("registry/CHURN:1", "/packages/churn/1"),
        ("supportedcontenttypes text/csv", "/packages/churn/1"),
        ("token", "/operations/token"),
        ("smoke-test NotStabilized", "/operations/other"),
        ("CreateModelPackage", "/operations/token"),
    ],
)
def test_search_result_links_to_its_page(
    detailed: PageServer, source: Source, query: str, address: str
) -> None:
    source.state["events"].append(failed(id="2", operation="other"))
    path = f"/search?q={query.replace(' ', '+').replace(':', '%3A')}"
    assert address in Markup(get(detailed, path)[2]).values("href")


@pytest.mark.parametrize("query", [SECRET, "never", "shown overview", "risk-of-nothing"])
def test_search_is_not_over_confidential_values(detailed: PageServer, query: str) -> None:
    texts = texts_of(detailed, f"/search?q={query.replace(' ', '+')}")
    assert f"Nothing has {query} in it." in texts


def test_search_for_an_output_is_by_its_name(detailed: PageServer, details: StoredDetails) -> None:
    details.known["stacks"][0]["outputs"] = [
        {"name": "Password", "value": "x9", "description": "", "export": ""}
    ]
    assert "1 result for password" in texts_of(detailed, "/search?q=password")
    assert "Nothing has x9 in it." in texts_of(detailed, "/search?q=x9")


def test_search_cuts_long_lists_and_texts(detailed: PageServer, details: StoredDetails) -> None:
    details.described = [described(number, Domain=f"{'x' * 5000} needle") for number in range(1, 61)]
    status, _, body = get(detailed, "/search?q=needle")
    assert status == 200
    assert "10 packages more: add a word to the search." in body
    assert len(body) < 100_000


def test_state_is_without_details(detailed: PageServer, source: Source) -> None:
    assert json.loads(get(detailed, "/api/state")[2]) == source.state
