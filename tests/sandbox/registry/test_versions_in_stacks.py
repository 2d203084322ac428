"""Stacks of registered types: each operation uses the versions that were the default when it began."""

from __future__ import annotations

import json
from contextlib import closing
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.commands import watch
from sandbox.local_aws import Sandbox
from tests.sandbox.helpers import cases, until
from tests.sandbox.registry.packages import BUCKET, TYPE, Json, Packages, Registry, closing_registry
from tests.stack.stacks import DeployedStacks, new_name

OTHER = "Acme::Test::Other"
UNRECOGNIZED = "Template format error: Unrecognized resource types: "
MORE_CREATE_ONLY: Json = {"createOnlyProperties": ["/properties/Name", "/properties/Colour"]}


def thing(name: str, *after: str, type_name: str = TYPE, **properties: Any) -> Json:
    """A thing in a template, to be made after others."""
    definition: Json = {"Type": type_name, "Properties": {"Name": name, **properties}}
    return {**definition, "DependsOn": list(after)} if after else definition


def template(**things: Json) -> Json:
    return {"Resources": things}


def refusal(call: Any, **members: Any) -> str:
    """Return the message of the `ValidationError` that a call ends in."""
    with pytest.raises(ClientError) as raised:
        call(**members)
    error: Any = raised.value.response["Error"]
    assert error["Code"] == "ValidationError"
    return str(error["Message"])


def begin(stacks: DeployedStacks, content: Json, name: str | None = None, **options: Any) -> str:
    """Begin to create a stack, or to update it, and return its name."""
    given = {"TemplateBody": json.dumps(content), **options}
    if name is None:
        name = new_name()
        stacks.client.create_stack(StackName=name, **given)
    else:
        stacks.client.update_stack(StackName=name, **given)
    return name


def switch(registry: Registry, stacks: DeployedStacks, data: bytes, type_name: str = TYPE) -> str:
    """Register a version, make it the default, and have a stack use it, so that the engine knows of it."""
    arn = registry.register(data, type_name)
    registry.set_default(arn)
    stacks.create(template(A=thing(new_name("bystander"), type_name=type_name)))
    return arn


def wait_for(packages: Packages, name: str, action: str) -> None:
    """Wait until a thing's handler waits for its gate."""
    until(
        lambda: [e for e in packages.log() if (e["name"], e["action"], e["callback"]) == (name, action, True)]
    )


def used(packages: Packages, *names: str) -> set[tuple[str, str, str]]:
    """Name, action and version of what was asked of the handlers of these things."""
    return {
        (each["name"], each["action"], each["version"]) for each in packages.log() if each["name"] in names
    }


# --- which types there are --------------------------------------------------------------------------


def test_type_that_is_not_registered_is_refused(
    registry: Registry, stacks: DeployedStacks, packages: Packages
) -> None:
    body = json.dumps(template(A=thing("a"), B=thing("b", type_name=OTHER)))
    both, one = f"{UNRECOGNIZED}[{OTHER}, {TYPE}]", f"{UNRECOGNIZED}[{OTHER}]"
    change: Json = {"ChangeSetName": "change", "ChangeSetType": "CREATE", "TemplateBody": body}
    for expected in (both, one):
        assert refusal(stacks.client.create_stack, StackName="it", TemplateBody=body) == expected
        assert refusal(stacks.client.create_change_set, StackName="it", **change) == expected
        assert refusal(stacks.client.validate_template, TemplateBody=body) == expected
        registry.register(packages.build())
    registry.register(packages.build(type_name=OTHER), OTHER)
    stacks.client.validate_template(TemplateBody=body)
    stacks.create(body)
    assert set(packages.things()) == {"a", "b"}


def test_type_that_cannot_be_provisioned_is_refused(
    registry: Registry, stacks: DeployedStacks, packages: Packages
) -> None:
    registry.register(packages.build(handlers=None))
    body = json.dumps(template(A=thing("a")))
    assert (
        refusal(stacks.client.create_stack, StackName="it", TemplateBody=body) == f"{UNRECOGNIZED}[{TYPE}]"
    )  # [R]
    registry.set_default(registry.register(packages.build("two")))
    stacks.create(body)


def test_regions_have_their_own_types(sandbox: Sandbox, stacks: DeployedStacks, packages: Packages) -> None:
    body = json.dumps(template(A=thing("a")))
    with closing_registry(sandbox, "eu-west-1") as european:
        european.register(packages.build())
        european.client.create_stack(StackName="it", TemplateBody=body)
        assert watch.wait(european.client, "it", 30, poll_seconds=0.02) == "CREATE_COMPLETE"
        assert (
            refusal(stacks.client.create_stack, StackName="it", TemplateBody=body)
            == f"{UNRECOGNIZED}[{TYPE}]"
        )
        with closing_registry(sandbox) as registry:
            registry.register(packages.build("two"))
            stacks.create(body)
            # Two things of one name: each is its region's, and is made by its version.
            made = [packages.things(region)["a"]["MadeBy"] for region in ("eu-west-1", "us-east-1")]
            assert made == ["one", "two"]
            european.client.delete_stack(StackName="it")
            until(lambda: not packages.things("eu-west-1"))
            assert set(packages.things()) == {"a"}
            assert {(each["region"], each["version"]) for each in packages.log()} == {
                ("eu-west-1", "one"),
                ("us-east-1", "two"),
            }


def test_regions_replace_by_their_own_schemas(
    registry: Registry, sandbox: Sandbox, stacks: DeployedStacks, packages: Packages
) -> None:
    registry.register(packages.build())
    name = stacks.create(template(A=thing("a", Colour="red")))
    with closing_registry(sandbox, "eu-west-1") as european:
        european.register(packages.build("two", **MORE_CREATE_ONLY))
        european.client.create_stack(
            StackName="it", TemplateBody=json.dumps(template(A=thing("a", Colour="red")))
        )
        assert watch.wait(european.client, "it", 30, poll_seconds=0.02) == "CREATE_COMPLETE"
        assert stacks.update(name, template(A=thing("a", Colour="blue"))) == "UPDATE_COMPLETE"
        changed = json.dumps(template(A=thing("a", Colour="blue")))
        european.client.create_change_set(StackName="it", ChangeSetName="change", TemplateBody=changed)
        change = european.client.describe_change_set(StackName="it", ChangeSetName="change")["Changes"][0]
        assert change["ResourceChange"]["Replacement"] == "True"


def test_schema_that_cannot_be_used_harms_no_other_type(
    registry: Registry, stacks: DeployedStacks, packages: Packages
) -> None:
    transform: Json = {
        "/properties/Colour": "$lowercase(Colour)",
        "/properties/Nested/Member": "Nested.Member",
    }
    registry.register(packages.build(propertyTransform=transform))
    odd: Json = {"tagging": {"taggable": True, "tagProperty": "/properties"}}
    token = registry.begin(packages.build(type_name=OTHER, **odd), OTHER)
    registry.wait(token)
    name = stacks.create(template(A=thing("a", Colour="RED")))
    path = packages.store / "us-east-1" / "a.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "Colour": "red"}))
    assert stacks.drift(name)["A"]["StackResourceDriftStatus"] == "IN_SYNC"


# --- a switch while an operation runs ---------------------------------------------------------------


def test_creation_goes_on_with_the_version_it_began_with(
    registry: Registry, stacks: DeployedStacks, packages: Packages
) -> None:
    first = registry.register(packages.build())
    gate = packages.gate()
    name = begin(stacks, template(A=thing("a", Gate=str(gate)), B=thing("b", "A")))
    wait_for(packages, "a", "CREATE")
    switch(registry, stacks, packages.build("two"))
    registry.client.deregister_type(Arn=first)  # which does not change it either
    stacks.create(template(A=thing("later")))
    gate.touch()
    assert stacks.wait(name) == "CREATE_COMPLETE"
    assert used(packages, "a", "b") == {("a", "CREATE", "one"), ("b", "CREATE", "one")}
    assert used(packages, "later") == {("later", "CREATE", "two")}
    numbers = {each["number"] for each in packages.log() if each["name"] == "a"}
    assert numbers == {"00000001"}
    stacks.delete(name)
    assert ("a", "DELETE", "two") in used(packages, "a")


def test_rollback_goes_on_with_the_version_it_began_with(
    registry: Registry, stacks: DeployedStacks, packages: Packages
) -> None:
    registry.register(packages.build())
    gate = packages.gate()
    content = template(A=thing("a"), B=thing("b", "A", Gate=str(gate)), C=thing("c", "B", Fails="CREATE"))
    name = begin(stacks, content)
    wait_for(packages, "b", "CREATE")
    switch(registry, stacks, packages.build("two"))
    gate.touch()
    assert stacks.wait(name) == "ROLLBACK_COMPLETE"
    assert {version for _, _, version in used(packages, "a", "b", "c")} == {"one"}
    assert ("a", "DELETE", "one") in used(packages, "a")
    assert {"a", "b", "c"}.isdisjoint(packages.things())


def test_update_and_its_rollback_go_on_with_the_version_they_began_with(
    registry: Registry, stacks: DeployedStacks, packages: Packages
) -> None:
    registry.register(packages.build())
    gate = packages.gate()
    name = stacks.create(template(A=thing("a", Size=1), B=thing("b", "A", Colour="red")))
    changed = thing("a", Size=2, Gate=str(gate))
    begin(stacks, template(A=changed, B=thing("b", "A", Colour="blue")), name)
    wait_for(packages, "a", "UPDATE")
    # In the new version a change of Colour replaces; in this operation it is one in place.
    switch(registry, stacks, packages.build("two", **MORE_CREATE_ONLY))
    gate.touch()
    assert stacks.wait(name) == "UPDATE_COMPLETE", stacks.reasons(name)
    assert {version for _, _, version in used(packages, "a", "b")} == {"one"}
    # The next operation is the new version's: its creation meets the thing that there is.
    assert (
        stacks.update(name, template(A=changed, B=thing("b", "A", Colour="green")))
        == "UPDATE_ROLLBACK_COMPLETE"
    )
    assert any("AlreadyExists" in reason for reason in stacks.reasons(name))
    registry.set_default(registry.register(packages.build("three")))
    gate.unlink()
    begin(stacks, template(A=thing("a", Size=3, Gate=str(gate)), B=thing("b", "A", Fails="UPDATE")), name)
    wait_for(packages, "a", "UPDATE")
    switch(registry, stacks, packages.build("four"))
    gate.touch()
    assert stacks.wait(name) == "UPDATE_ROLLBACK_COMPLETE"
    assert packages.things()["a"]["Size"] == "2"
    assert packages.things()["a"]["ChangedBy"] == "three"
    assert "four" not in {version for _, _, version in used(packages, "a", "b")}


def test_continued_rollback_is_an_operation_of_its_own(
    registry: Registry, stacks: DeployedStacks, packages: Packages
) -> None:
    registry.register(packages.build())
    name = stacks.create(template(A=thing("a", Fails="UPDATE"), B=thing("b", "A")))
    broken = template(A=thing("a", Size=2), B=thing("b", "A", Fails="UPDATE"))
    assert stacks.update(name, broken) == "UPDATE_ROLLBACK_FAILED"
    registry.set_default(registry.register(packages.build("tolerant")))
    stacks.client.continue_update_rollback(StackName=name)
    assert stacks.wait(name) == "UPDATE_ROLLBACK_COMPLETE", stacks.reasons(name)
    assert packages.things()["a"]["ChangedBy"] == "tolerant"


def test_deregistration_does_not_end_an_operation(
    registry: Registry, stacks: DeployedStacks, packages: Packages
) -> None:
    registry.register(packages.build())
    gate = packages.gate()
    content = template(A=thing("a", Gate=str(gate)), B=thing("b", "A"), C=thing("c", "B", Fails="CREATE"))
    name = begin(stacks, content)
    wait_for(packages, "a", "CREATE")
    registry.deregister()
    assert (
        refusal(
            stacks.client.create_stack, StackName="other", TemplateBody=json.dumps(template(A=thing("d")))
        )
        == f"{UNRECOGNIZED}[{TYPE}]"
    )
    gate.touch()
    assert stacks.wait(name) == "ROLLBACK_COMPLETE", stacks.reasons(name)
    assert packages.things() == {}


def put_template(registry: Registry, content: Json) -> str:
    key = f"{new_name('nested')}.json"
    registry._s3.create_bucket(Bucket=BUCKET)
    registry._s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps(content).encode())
    return f"https://s3.us-east-1.amazonaws.com/{BUCKET}/{key}"


def nested(url: str) -> Json:
    return {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": url}}


def test_nested_stacks_use_what_their_parents_operation_uses(
    registry: Registry, stacks: DeployedStacks, packages: Packages
) -> None:
    registry.register(packages.build())
    gate = packages.gate()
    inner = put_template(registry, template(C=thing("c")))
    middle = put_template(registry, {"Resources": {"B": thing("b"), "Inner": nested(inner)}})
    content = {
        "Resources": {"A": thing("a", Gate=str(gate)), "Middle": {**nested(middle), "DependsOn": ["A"]}}
    }
    name = begin(stacks, content)
    wait_for(packages, "a", "CREATE")
    switch(registry, stacks, packages.build("two"))
    gate.touch()
    assert stacks.wait(name) == "CREATE_COMPLETE", stacks.reasons(name)
    assert used(packages, "a", "b", "c") == {(each, "CREATE", "one") for each in "abc"}
    assert stacks.delete(name) == "DELETE_COMPLETE"
    deleted = {each for each in used(packages, "a", "b", "c") if each[1] == "DELETE"}
    assert deleted == {(each, "DELETE", "two") for each in "abc"}


def test_change_set_uses_the_default_of_its_execution(
    registry: Registry, stacks: DeployedStacks, packages: Packages
) -> None:
    registry.register(packages.build())
    name = stacks.create(template(A=thing("a", Colour="red")))
    changed = template(A=thing("a", Colour="red", Size=1), B=thing("b"))
    before = stacks.change_set(name, changed)
    switch(registry, stacks, packages.build("two", **MORE_CREATE_ONLY))
    assert stacks.execute(before) == "UPDATE_COMPLETE"
    assert packages.things()["a"]["ChangedBy"] == packages.things()["b"]["MadeBy"] == "two"
    (change,) = stacks.change_set(name, template(A=thing("a", Colour="blue", Size=1), B=thing("b")))[
        "Changes"
    ]
    assert change["ResourceChange"]["Replacement"] == "True"
    (detail,) = change["ResourceChange"]["Details"]
    assert detail["Target"]["RequiresRecreation"] == "Always"


def test_change_set_of_a_deregistered_type_fails_when_it_is_executed(
    registry: Registry, stacks: DeployedStacks, packages: Packages
) -> None:
    registry.register(packages.build())
    name = stacks.create(template(A=thing("a")))
    change = stacks.change_set(name, template(A=thing("a"), B=thing("b")))
    registry.deregister()
    assert stacks.execute(change) == "UPDATE_ROLLBACK_COMPLETE"
    assert any(f"The type '{TYPE}' cannot be found." in reason for reason in stacks.reasons(name))
    assert set(packages.things()) == {"a"}


# --- drift, imports, summaries ----------------------------------------------------------------------


def test_drift_is_read_with_the_default_version(
    registry: Registry, stacks: DeployedStacks, packages: Packages
) -> None:
    registry.register(packages.build())
    name = stacks.create(template(A=thing("a", Colour="red", Size=1)))
    assert stacks.drift(name)["A"]["StackResourceDriftStatus"] == "IN_SYNC"
    switch(registry, stacks, packages.build("two"))
    path = packages.store / "us-east-1" / "a.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "Colour": "blue"}))
    assert stacks.differences(name, "A") == [("/Colour", "red", "blue", "NOT_EQUAL")]
    assert ("a", "READ", "two") in used(packages, "a")
    path.unlink()
    assert stacks.drift(name)["A"]["StackResourceDriftStatus"] == "DELETED"


def test_import_takes_a_thing_over(registry: Registry, stacks: DeployedStacks, packages: Packages) -> None:
    registry.register(packages.build())
    name = stacks.create({"Resources": {"A": {**thing("a", Colour="red"), "DeletionPolicy": "Retain"}}})
    stacks.delete(name)
    imported = {"Resources": {"B": {**thing("a", Colour="red"), "DeletionPolicy": "Delete"}}}
    summary = stacks.client.get_template_summary(TemplateBody=json.dumps(imported))
    assert summary["ResourceTypes"] == [TYPE]
    name = new_name()
    change = stacks.client.create_change_set(
        StackName=name,
        ChangeSetName="import",
        ChangeSetType="IMPORT",
        TemplateBody=json.dumps(imported),
        ResourcesToImport=[
            {"ResourceType": TYPE, "LogicalResourceId": "B", "ResourceIdentifier": {"Name": "a"}}
        ],
    )
    switch(registry, stacks, packages.build("two"))
    stacks.client.execute_change_set(ChangeSetName=change["Id"])
    assert stacks.wait(name) == "IMPORT_COMPLETE"
    assert stacks.drift(name)["B"]["StackResourceDriftStatus"] == "IN_SYNC"
    assert stacks.delete(name) == "DELETE_COMPLETE"
    assert "a" not in packages.things()
    assert ("a", "DELETE", "two") in used(packages, "a")


# --- deregistered while stacks use it ---------------------------------------------------------------


@pytest.fixture
def orphaned(registry: Registry, stacks: DeployedStacks, packages: Packages) -> str:
    """A stack whose type is not registered any more."""
    registry.register(packages.build())
    name = stacks.create(template(A=thing("a", Size=1)))
    registry.deregister()
    return name


def test_update_of_a_deregistered_type_is_refused(stacks: DeployedStacks, orphaned: str) -> None:
    body = json.dumps(template(A=thing("a", Size=2)))
    assert (
        refusal(stacks.client.update_stack, StackName=orphaned, TemplateBody=body)
        == f"{UNRECOGNIZED}[{TYPE}]"
    )
    assert stacks.describe(orphaned)["StackStatus"] == "CREATE_COMPLETE"
    drift = stacks.client.detect_stack_drift(StackName=orphaned)
    assert drift["StackDriftDetectionId"]
    (found,) = stacks.client.describe_stack_resource_drifts(StackName=orphaned)["StackResourceDrifts"]
    assert found["StackResourceDriftStatus"] == "UNKNOWN"


def test_deletion_of_a_deregistered_type_fails(
    registry: Registry, stacks: DeployedStacks, packages: Packages, orphaned: str
) -> None:
    assert stacks.delete(orphaned) == "DELETE_FAILED"
    assert f"The type '{TYPE}' cannot be found." in stacks.reasons(orphaned)
    assert set(packages.things()) == {"a"}
    stack_id = stacks.describe(orphaned)["StackId"]
    registry.register(packages.build("two"))
    stacks.client.delete_stack(StackName=orphaned)
    assert stacks.wait(stack_id) == "DELETE_COMPLETE"
    assert used(packages, "a") == {("a", "CREATE", "one"), ("a", "DELETE", "two")}
    assert packages.things() == {}


@cases(
    "options",
    {"RetainResources": {"RetainResources": ["A"]}, "force": {"DeletionMode": "FORCE_DELETE_STACK"}},
)
def test_deregistered_types_resource_can_be_left_behind(
    stacks: DeployedStacks, packages: Packages, orphaned: str, options: Json
) -> None:
    stack_id = stacks.describe(orphaned)["StackId"]
    assert stacks.delete(orphaned) == "DELETE_FAILED"
    stacks.client.delete_stack(StackName=orphaned, **options)
    assert stacks.wait(stack_id) == "DELETE_COMPLETE"
    assert set(packages.things()) == {"a"}


def test_stack_goes_on_once_its_type_is_registered_again(
    registry: Registry, stacks: DeployedStacks, packages: Packages, orphaned: str
) -> None:
    assert registry.register(packages.build("two")).endswith("/00000002")
    assert stacks.update(orphaned, template(A=thing("a", Size=2))) == "UPDATE_COMPLETE"
    assert packages.things()["a"]["ChangedBy"] == "two"


# --- what is shown ----------------------------------------------------------------------------------


def test_events_name_the_versions_function_and_logs_hold_no_values(
    registry: Registry, sandbox: Sandbox, stacks: DeployedStacks, packages: Packages
) -> None:
    from sandbox.state_file import RunningSandbox

    logging = {"LogRoleArn": "arn:aws:iam::123456789012:role/logs", "LogGroupName": "acme-logs"}
    registry.register(packages.build(), LoggingConfig=logging)
    value = "ultramarine-7f3a"
    name = stacks.create(template(A=thing("a", Colour=value)))
    (event,) = RunningSandbox.of(sandbox).overview()["events"]
    # After a reset the names have its number at their end.
    assert event["function"].startswith("Acme-Test-Thing-us-east-1-00000001")
    assert (event["action"], event["stack"], event["logicalId"], event["status"]) == (
        "CREATE",
        name,
        "A",
        "SUCCESS",
    )
    assert {each["logGroup"] for each in packages.log()} == {"acme-logs"}
    assert sandbox.logs is not None
    texts = [path.read_text(errors="replace") for path in sandbox.logs.glob("*.log")]
    assert len(texts) >= 3
    assert not any(value in text for text in texts)


def test_reset_begins_anew_with_the_same_names(
    registry: Registry, sandbox: Sandbox, stacks: DeployedStacks, packages: Packages
) -> None:
    from sandbox.state_file import RunningSandbox

    first = registry.register(packages.build())
    stacks.create(template(A=thing("a")))
    RunningSandbox.of(sandbox).reset()
    body = json.dumps(template(A=thing("b", Weight="1")))
    assert refusal(stacks.client.create_stack, StackName="it", TemplateBody=body) == f"{UNRECOGNIZED}[{TYPE}]"
    heavy = packages.build("two", properties={"Name": {"type": "string"}, "Weight": {"type": "string"}})
    assert registry.register(heavy) == first
    stacks.create(body)
    assert packages.things()["b"]["MadeBy"] == "two"


def test_registration_during_operations_of_other_types(
    registry: Registry, sandbox: Sandbox, stacks: DeployedStacks, packages: Packages
) -> None:
    registry.register(packages.build())
    gate = packages.gate()
    names = [begin(stacks, template(A=thing(f"a{number}", Gate=str(gate)))) for number in range(4)]
    others = [f"Acme::Test::Other{number}" for number in range(4)]
    tokens = [registry.begin(packages.build(type_name=other), other) for other in others]
    assert {registry.wait(token)["ProgressStatus"] for token in tokens} == {"COMPLETE"}
    later = [
        begin(stacks, template(A=thing(f"b{number}", type_name=other))) for number, other in enumerate(others)
    ]
    assert {stacks.wait(name) for name in later} == {"CREATE_COMPLETE"}
    gate.touch()
    assert {stacks.wait(name) for name in names} == {"CREATE_COMPLETE"}
    with closing(sandbox.client("cloudcontrol")) as client:
        found = client.list_resources(TypeName=TYPE)["ResourceDescriptions"]
    assert {"a0", "a1", "a2", "a3"} <= {each["Identifier"] for each in found}
