"""Real deployments to the real handlers, on the page."""

from __future__ import annotations

import re

from playwright.sync_api import Browser, Locator, Page, expect

from sandbox.commands.demo import BROKEN_IMAGE, REASON
from sandbox.local_aws import Sandbox
from sandbox.sagemaker import Behaviour
from sandbox.shared.http import JsonHandler, LocalServer
from sandbox.shared.settings import ROOT
from sandbox.state_file import RunningSandbox
from tests.page.conftest import OpenTab
from tests.stack.stacks import (
    GROUP,
    DeployedStacks,
    body,
    new_name,
    parameters,
    specification,
    template,
    version,
)

VERSION = (ROOT / "examples" / "registered-version.yaml").read_text(encoding="utf-8")
PACKAGE = (ROOT / "examples" / "validated-package.yaml").read_text(encoding="utf-8")


def row(page: Page, name: str | re.Pattern[str]) -> Locator:
    return page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=name))


def summaries(page: Page) -> Locator:
    return page.locator(".event > summary")


def test_page_opens_with_the_address_that_start_prints(browser: Browser, sandbox: Sandbox) -> None:
    running = RunningSandbox.of(sandbox)
    context = browser.new_context()
    try:
        page = context.new_page()
        refused = page.goto(f"{running.page}/")
        assert refused is not None
        assert refused.status == 403
        page.goto(str(running.page_address))
        expect(page.locator("#connection")).to_have_text("live")
        assert page.url == f"{running.page}/"  # the token is in a cookie, where no script reads it
        assert page.evaluate("document.cookie") == ""
        page.reload()
        expect(page.locator("#connection")).to_have_text("live")
    finally:
        context.close()


class Site(JsonHandler):
    content_type = "text/html"

    def get(self) -> None:
        self.answer(200, b"<p>elsewhere</p>")


def test_page_of_another_site_gets_nothing(browser: Browser, sandbox: Sandbox) -> None:
    """Not even that of another server on this machine, to which the browser sends the cookie, too."""
    running = RunningSandbox.of(sandbox)
    script = "(url) => fetch(url, {mode: 'no-cors', credentials: 'include'}).then((r) => r.type, String)"
    with LocalServer(Site) as elsewhere:
        context = browser.new_context()
        try:
            page = context.new_page()
            page.goto(str(running.page_address))
            page.goto(elsewhere.endpoint)
            statuses: list[int] = []
            page.on("response", lambda response: statuses.append(response.status))
            addresses = [str(running.page), *running.endpoints.values()]
            for address in addresses:
                page.evaluate(script, f"{address}/")
            assert statuses == [403] * len(addresses)
        finally:
            context.close()


def test_live_page_follows_a_stacks_life(live: OpenTab, empty_stacks: DeployedStacks) -> None:
    page = live().open()
    expect(page.get_by_text("No group and no package yet.")).to_be_visible()
    expect(page.get_by_text("No handler has been invoked yet.")).to_be_visible()
    page.evaluate("window.stillTheSamePage = true")

    name = empty_stacks.create(VERSION)

    group = (
        page.get_by_role("region")
        .or_(page.locator("section.group"))
        .filter(has=page.get_by_role("heading", name="fraud-detection", level=3))
    )
    expect(group.last).to_be_visible()
    version = row(page, "Version 1")
    expect(version).to_contain_text("Completed")
    expect(version).to_contain_text("PendingManualApproval")
    expect(version).to_contain_text(
        "arn:aws:sagemaker:us-east-1:123456789012:model-package/fraud-detection/1"
    )
    expect(page.get_by_text("No group and no package yet.")).to_be_hidden()
    expect(summaries(page)).to_have_count(1)
    expect(summaries(page).first).to_contain_text(
        re.compile(r"CREATE Version\s+succeeded\s+in stack " + name)
    )
    element = version.element_handle()

    approved = parameters(ApprovalStatus="Approved")
    assert empty_stacks.update(name, VERSION, Parameters=approved) == "UPDATE_COMPLETE"

    expect(version).to_contain_text("Approved")
    expect(version).not_to_contain_text("PendingManualApproval")
    assert element.evaluate("(row) => row.isConnected && row.innerText.includes('Approved')")
    expect(summaries(page)).to_have_count(2)
    expect(summaries(page).first).to_contain_text("UPDATE Version")

    image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/fraud:2"
    assert empty_stacks.update(name, VERSION, Parameters=parameters(Image=image)) == "UPDATE_COMPLETE"

    expect(page.locator("#packages").get_by_role("rowheader")).to_have_text(["Version 2", "Version 1"])
    assert empty_stacks.delete(name) == "DELETE_COMPLETE"
    expect(page.locator("#packages").get_by_role("rowheader")).to_have_text(["Version 1"])
    assert page.evaluate("window.stillTheSamePage")


def test_live_stack_package_and_comparison(live: OpenTab, empty_stacks: DeployedStacks) -> None:
    page = live().open()
    expect(page.get_by_text("No stack.")).to_be_visible()
    name = empty_stacks.create(VERSION)
    page.get_by_role("region", name="Stacks").get_by_role("link", name=name).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Stack {name}")
    expect(page.get_by_role("cell", name="CREATE_COMPLETE")).to_have_count(2)
    link = page.get_by_role("link", name="Package fraud-detection/1")
    expect(link).to_be_visible()
    image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/fraud:2"

    assert empty_stacks.update(name, VERSION, Parameters=parameters(Image=image)) == "UPDATE_COMPLETE"

    expect(page.locator(".status")).to_have_text("UPDATE_COMPLETE")
    page.get_by_role("link", name="Package fraud-detection/2").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("fraud-detection, version 2")
    expect(page.locator(".tree").first).to_contain_text(image)
    page.get_by_role("link", name="Compare with the previous version").click()
    expect(page.get_by_role("table", name="Members that differ")).to_contain_text(image)
    page.go_back()

    assert empty_stacks.delete(name) == "DELETE_COMPLETE"

    page.goto(f"{page.url.partition('/packages')[0]}/stacks")
    page.get_by_role("link", name=name).click()
    expect(page.locator(".status")).to_have_text("DELETE_COMPLETE")
    expect(page.get_by_role("cell", name="DELETE_COMPLETE")).to_be_visible()
    expect(page.get_by_role("cell", name="DELETE_SKIPPED")).to_be_visible()  # the group, which stays


def test_live_event_lists_its_calls(live: OpenTab, empty_stacks: DeployedStacks) -> None:
    page = live().open()
    empty_stacks.create(VERSION)
    event = page.locator("details.event")
    expect(event).to_have_count(1)

    event.locator("summary").click()

    calls = event.get_by_role("listitem")
    expect(calls.first).to_contain_text(re.compile(r"CreateModelPackage\s+answered\s+[\d.]+ m?s"))
    expect(calls.nth(1)).to_contain_text("DescribeModelPackage")
    count = calls.count()
    expect(event.locator("summary")).to_contain_text(f"{count} calls")
    expect(event.get_by_text("arn:aws:sagemaker")).to_contain_text("fraud-detection/1")
    expect(event.get_by_text("TypeFunction")).to_be_visible()


def test_live_failure_opens_and_is_announced(
    live: OpenTab, sandbox: Sandbox, empty_stacks: DeployedStacks
) -> None:
    page = live().open()
    sandbox.sagemaker.behaviour.validation_failures[BROKEN_IMAGE] = REASON
    name = new_name()

    empty_stacks.client.create_stack(
        StackName=name, TemplateBody=body(PACKAGE), Parameters=parameters(Image=BROKEN_IMAGE)
    )
    assert empty_stacks.wait(name) == "ROLLBACK_COMPLETE"

    broken = page.locator("details.event").filter(has_text="failed: NotStabilized")
    expect(broken).to_have_count(1)
    expect(broken).to_have_attribute("open", "")
    expect(broken.locator(".message")).to_be_visible()
    expect(broken.locator(".message")).to_contain_text(REASON)
    expect(broken).to_contain_text("DescribeModelPackage")
    expect(page.get_by_role("status").first).to_have_text(
        f"CREATE of Package in stack {name} failed: NotStabilized"
    )
    expect(page).to_have_title("1 failed · Model package sandbox")
    expect(page.get_by_role("navigation")).to_contain_text("1 failed")
    assert page.evaluate("document.activeElement === document.body")
    # The polls before it are in the same operation, closed; the rollback is another one.
    operation = page.locator(".operation").filter(has=page.locator("[open]"))
    expect(operation.locator("details")).to_have_count(3)
    expect(operation.locator("details[open]")).to_have_count(1)
    expect(page.locator(".operation").first).to_contain_text("DELETE Package")


def test_live_message_of_an_update_opens(live: OpenTab, empty_stacks: DeployedStacks) -> None:
    empty_stacks.sagemaker.create_model_package_group(ModelPackageGroupName=GROUP)
    page = live().open()
    added = version(AdditionalInferenceSpecificationsToAdd=[specification("neo")])
    name = empty_stacks.create(template(added))
    assert empty_stacks.update(name, template(version())) == "UPDATE_COMPLETE"

    update = page.locator("details.event").filter(has_text="UPDATE Package")
    expect(update).to_have_attribute("open", "")
    expect(update.locator(".message")).to_contain_text(re.compile("neo.* stay"))
    expect(page.locator("details[open]")).to_have_count(1)


def test_live_page_shows_a_validation_in_progress(
    live: OpenTab, sandbox: Sandbox, empty_stacks: DeployedStacks
) -> None:
    page = live().open()
    sandbox.sagemaker.behaviour = Behaviour(describes_until_completed=1000)
    name = new_name()
    empty_stacks.client.create_stack(StackName=name, TemplateBody=body(PACKAGE))

    newest = summaries(page).first
    expect(newest).to_contain_text(re.compile(r"in progress, next poll in \d+ s\s+in stack \S+\s+poll \d"))
    expect(page.locator("#events .count")).to_contain_text("1 in progress")
    expect(page.locator("#packages").get_by_role("row").nth(1)).to_contain_text(
        re.compile("Pending|InProgress")
    )
    expect(page.get_by_role("heading", name="Unversioned packages")).to_be_visible()

    sandbox.sagemaker.behaviour = Behaviour(describes_until_completed=0)

    expect(newest).to_contain_text("succeeded")
    expect(page.locator("#packages").get_by_role("row").nth(1)).to_contain_text("Completed")
    expect(page.locator("#events .count")).not_to_contain_text("in progress")
    assert empty_stacks.wait(name) == "CREATE_COMPLETE"


def test_live_deployments_at_once_are_separate(live: OpenTab, empty_stacks: DeployedStacks) -> None:
    page = live().open()
    names = [new_name(), new_name()]
    for number, name in enumerate(names):
        empty_stacks.client.create_stack(
            StackName=name,
            TemplateBody=body(VERSION),
            Parameters=parameters(GroupName=f"group-{number}"),
        )
    for name in names:
        assert empty_stacks.wait(name) == "CREATE_COMPLETE"

    for number, name in enumerate(names):
        event = page.locator("details.event").filter(has_text=f"in stack {name}")
        expect(event).to_have_count(1)
        event.locator("summary").click()
        expect(event.locator(".arn")).to_contain_text(f"model-package/group-{number}/1")
        expect(event.get_by_role("listitem").first).to_contain_text("CreateModelPackage")

    page.get_by_role("combobox", name="In", exact=True).select_option("group:group-1")
    expect(page.locator("details.event")).to_have_count(1)
    expect(page.locator("details.event")).to_contain_text(names[1])
